"""Scales that join a training one after the other, and sides of patches that differ by scale."""

import numpy as np
import pytest
import torch

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.data.datamodule import SuperResolutionData
from srlab.data.growth import Growth, growth_of
from srlab.data.patches import PatchDataset
from srlab.data.random_draws import PatchSampler, PatchShape
from srlab.data.training_set import synthetic
from srlab.errors import SrlabError
from srlab.metrics.protocol import protocol

SIZES = {scale: np.array([[96 // scale, 80 // scale]] * 5) for scale in (2, 4, 8)}
PROSR = {4: [0.12, 0.25], 8: [0.45, 0.6]}
NONE = Growth()


def sampler(growth: Growth = NONE, scale_per: str = "batch") -> PatchSampler:
    return PatchSampler(SIZES, PatchShape(8), 6, 3, scale_per=scale_per, growth=growth)


@pytest.mark.parametrize("scale_per", ["batch", "sample"])
@pytest.mark.parametrize("growth", [Growth(), Growth({4: (0, 0), 8: (3, 9)})])
def test_once_all_scales_are_there_draws_are_those_of_a_training_without_growth(growth, scale_per):
    """By Philox itself: the draws that runs have always had."""
    for step in (9, 10, 4711):
        random = np.random.Generator(np.random.Philox(key=[3, step]))
        scale = np.array([2, 4, 8])[random.integers(3, size=1 if scale_per == "batch" else 6)]
        image = random.integers(5, size=6)
        draw = sampler(growth, scale_per).draw(step)
        np.testing.assert_array_equal(draw.scale, np.broadcast_to(scale, 6))
        np.testing.assert_array_equal(draw.image, image)


@pytest.mark.parametrize("scale_per", ["batch", "sample"])
def test_scales_are_drawn_from_when_they_join(scale_per):
    growth = growth_of(PROSR, (2, 4, 8), 100)
    assert growth == Growth({4: (12, 25), 8: (45, 60)})
    drawn = [set(sampler(growth, scale_per).draw(step).scale.tolist()) for step in range(100)]
    assert set.union(*drawn[:12]) == {2}
    assert set.union(*drawn[12:45]) == {2, 4}
    assert set.union(*drawn[45:]) == {2, 4, 8}


def test_a_scale_is_blended_in_from_0_to_1():
    growth = growth_of(PROSR, (2, 4, 8), 100)
    assert [growth.blend(4, step) for step in (0, 12, 25, 99)] == [0, 0, 1, 1]
    assert growth.blend(4, 18) == pytest.approx(6 / 13) and growth.blend(8, 59) == pytest.approx(14 / 15)
    assert all(growth.blend(2, step) == 1 for step in range(100))
    assert growth_of({4: [0.5, 0.5]}, (2, 4), 10).blend(4, 5) == 1


@pytest.mark.parametrize(
    ("scales", "windows"), [((4,), {}), ((2,), {}), ((8, 4), {8: (45, 60)}), ((2, 3, 4), {4: (12, 25)})]
)
def test_the_smallest_scale_is_always_there(scales, windows):
    growth = growth_of(PROSR, scales, 100)
    assert growth.windows == windows and growth.joined(sorted(scales), 0)[0] == min(scales)


@pytest.mark.parametrize("shares", [[0.1], [0.3, 0.2], [-0.1, 0.2], [0.5, 1.5]])
def test_shares_that_are_none(shares):
    with pytest.raises(SrlabError, match=r"data\.growth: 4: \[.*\]: expected two rising shares"):
        growth_of({4: shares}, (2, 4), 100)


def test_sides_of_patches_by_scale():
    shape = PatchShape(48, margin=1, lr_of_scale={4: 36, 8: 24})
    assert [shape.lr_side(scale) for scale in (2, 4, 8)] == [50, 38, 26]
    assert [shape.hr_side(scale) for scale in (2, 4, 8)] == [96, 144, 192]
    assert shape.needed([2, 4, 8]) == 26 * 8
    assert PatchShape(48, 30, lr_of_scale={4: 36}).lr_side(4) == 8
    with pytest.raises(SrlabError, match=r"data\.patch_sizes: 4: 0: expected 1 or more"):
        PatchShape(48, lr_of_scale={4: 0})


def test_batches_say_how_far_their_scale_is_and_are_the_same_on_every_process(tmp_path):
    images, growth = synthetic(3, 96), growth_of({4: [0.2, 0.8]}, (2, 4), 20)
    hr, lr = images.hr_store(tmp_path), {scale: images.lr_store(tmp_path, scale) for scale in (2, 4)}
    shape = PatchShape(16, lr_of_scale={4: 10})
    drawing = PatchSampler({scale: store.sizes for scale, store in lr.items()}, shape, 4, 0, growth=growth)
    seen = set()
    for step in range(20):
        whole = PatchDataset(hr, lr, drawing, range(20)).batch(step)
        shares = [PatchDataset(hr, lr, drawing, range(20), rank, 2).batch(step) for rank in range(2)]
        assert whole.blend == growth.blend(whole.scale, step) and whole.lr.shape[2] == {2: 16, 4: 10}[whole.scale]
        assert all((share.scale, share.blend) == (whole.scale, whole.blend) for share in shares)
        assert torch.equal(torch.cat([share.hr for share in shares]), whole.hr)
        seen.add((whole.scale, 0 < whole.blend < 1))
    assert seen == {(2, False), (4, True), (4, False)}


def data(*overrides: str, batches: int = 1000) -> SuperResolutionData:
    config = parse(compose("train", ["model=prosr", "data=sample", "data.sample_images=2", *overrides]), TrainConfig)
    return SuperResolutionData(config.data, config.scale, protocol("luma"), 0, batches)


def test_options_of_the_recipe():
    module = data()
    assert module.growth == Growth({4: (120, 250), 8: (450, 600)})
    assert [module.shape.lr_side(scale) for scale in (2, 4, 8)] == [48, 36, 24]
    without = data("data.growth=null", "data.patch_sizes=null", "data.patch_size=20")
    assert without.growth == Growth() and without.shape.lr_side(8) == 20


def test_checkpoints_hold_what_decides_the_draws():
    """So that a run of another length is not resumed: its scales would join at other steps."""
    assert data().state_dict() != data(batches=2000).state_dict()
    assert data().state_dict() != data("data.patch_sizes={8: 20}").state_dict()
    assert data("data.growth=null").state_dict() == data("data.growth=null", batches=2000).state_dict()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("data.growth=3", r"data\.growth=3: expected lists of numbers by scale, such as \{4:\[0\.1,0\.2\]\} or null"),
        (
            "data.patch_sizes=[48,36]",
            r"data\.patch_sizes=\[48, 36\]: expected integers by scale, such as \{2:48",
        ),
    ],
)
def test_values_of_another_kind(word, message):
    with pytest.raises(SrlabError, match=message):
        parse(compose("train", [word]), TrainConfig)
