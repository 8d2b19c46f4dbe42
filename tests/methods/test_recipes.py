"""What is particular to the training of one method."""

import socket
from pathlib import Path

import pytest
import torch
from helpers import build, random_batch
from programs import finished, script

from srlab.data.batch import Batch
from srlab.data.random_draws import PatchShape
from srlab.errors import SrlabError
from srlab.imaging.color import luma
from srlab.methods import find_method
from srlab.methods.pre_upsampling import enlarge
from srlab.networks.layers import Upsampler

TWO_RANKS = Path(__file__).with_name("mdsr_steps.py")


def mdsr_steps(folder: Path, photos: Path, ranks: int) -> list[dict[str, torch.Tensor]]:
    """20 steps of model=mdsr_baseline; every rank checks each step. The weights that each rank ends with."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    group = [
        {"SRLAB_RANK": str(rank), "SRLAB_WORLD": str(ranks), "SRLAB_PORT": port} if ranks > 1 else {}
        for rank in range(ranks)
    ]
    processes = [script(TWO_RANKS, str(folder), str(photos), **variables) for variables in group]
    assert finished(processes) == [0] * ranks
    return [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in range(ranks)]


@pytest.mark.parametrize("ranks", [1, 2])
def test_mdsr_moves_only_the_drawn_scale(tmp_path, photos_folder, ranks):
    """Weights and Adam's moments of the others are bit-identical after every step; ranks end with the same weights."""
    ends = mdsr_steps(tmp_path, photos_folder, ranks)
    for other in ends[1:]:
        assert other.keys() == ends[0].keys()
        assert all(torch.equal(other[key], ends[0][key]) for key in other)


def test_mdsr_takes_the_modules_of_its_scale_alone():
    method = build("mdsr_baseline")
    method.objective(random_batch(method, 3))[0].backward()
    without = {name for name, p in method.network.named_parameters() if p.grad is None}
    assert without == {name for name, _ in method.network.named_parameters() if ".x2." in name or ".x4." in name}


def test_mdsr_needs_different_scales():
    with pytest.raises(SrlabError, match=r"scales=\[2, 2\]: expected different scales"):
        find_method("mdsr")({"scales": [2, 2]})


def test_vdsr_clips_by_the_learning_rate():
    method = build("vdsr")
    optimizer = method.configure_optimizers()["optimizer"]
    for p in method.network.parameters():
        p.grad = torch.linspace(-9, 9, p.numel()).reshape(p.shape)
    optimizer.param_groups[0]["lr"] = 0.05
    method.configure_gradient_clipping(optimizer, 0.1, "norm")
    for p in method.network.parameters():
        assert torch.equal(p.grad, torch.linspace(-9, 9, p.numel()).reshape(p.shape).clamp(-0.1 / 0.05, 0.1 / 0.05))


def test_vdsr_loss_of_mixed_scales_is_that_of_all_samples():
    """Half the squared error of a sample, summed over its pixels, averaged over the batch (section 3.2)."""
    method, hr = build("vdsr"), torch.rand(5, 3, 41, 41)
    parts = [Batch(torch.rand(3, 3, 25, 25), hr[:3], 2, margin=2), Batch(torch.rand(2, 3, 18, 18), hr[3:], 3, margin=2)]
    loss, _ = method.objective(parts)
    grey = [part._replace(lr=luma(part.lr), hr=luma(part.hr)) for part in parts]
    errors = [method.network(enlarge(part), 1) - part.hr for part in grey]
    expected = torch.cat([error.square().sum(dim=(1, 2, 3)) / 2 for error in errors]).mean()
    torch.testing.assert_close(loss, expected)


def test_srcnn_compares_what_no_border_has_touched():
    """33 x 33 -> 17 x 17: what convolutions without padding would give."""
    method = find_method("srcnn")({})
    torch.nn.init.normal_(method.network.convolutions[2].weight)
    patch, hr = torch.rand(2, 1, 33, 33), torch.rand(2, 1, 33, 33)
    ((sr, target, weight),) = method.predictions(Batch(patch, hr, 1))
    x = patch
    for i, layer in enumerate(method.network.convolutions):
        x = torch.nn.functional.conv2d(x, layer.weight, layer.bias)
        x = x.relu() if i < 2 else x
    assert sr.shape == (2, 1, 17, 17) and weight == 1.0
    torch.testing.assert_close(sr, x)
    assert torch.equal(target, hr[..., 8:-8, 8:-8])


def test_srcnn_learns_slower_in_its_last_layer():
    method = build("srcnn")
    first, last = method.configure_optimizers()["optimizer"].param_groups
    assert last["lr"] == pytest.approx(first["lr"] / 10)
    assert [p.shape for p in last["params"]] == [(1, 32, 5, 5), (1,)]


def test_srcnn_kernels_and_widths_must_fit():
    with pytest.raises(SrlabError, match="kernels=\\[9, 5\\] and widths=\\[64, 32\\] do not fit"):
        find_method("srcnn")({"kernels": [9, 5]})


@pytest.mark.parametrize(
    ("model", "shape", "scales", "per", "message"),
    [
        ("srcnn", PatchShape(8), [2], "batch", r"data\.patch_size: HR patches of 16x16 have nothing within the 8"),
        ("srcnn", PatchShape(48, 16), [2], "batch", r"data\.hr_patch_size: HR patches of 16x16"),
        ("vdsr", PatchShape(24), [2, 3], "sample", r"data\.scale_per=sample: .* set data\.hr_patch_size"),
        ("mdsr_baseline", PatchShape(24), [2, 3], "sample", "MDSR takes one scale a batch"),
    ],
)
def test_patches_that_a_method_cannot_learn_from(model, shape, scales, per, message):
    method = build(model)
    with pytest.raises(SrlabError, match=message):
        method.check_patches(method.network, shape, scales, per)
    method.check_patches(method.network, PatchShape(24, 41), scales, "batch")


def test_srcnn_of_1x1_kernels_compares_whole_patches():
    method = find_method("srcnn")({"kernels": [1, 1, 1]})
    ((sr, target, _),) = method.predictions(Batch(torch.rand(1, 1, 8, 8), torch.rand(1, 1, 8, 8), 1))
    assert sr.shape == target.shape == (1, 1, 8, 8)


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("mdsr", {"scales": 2}, r"model\.network\.scales=2: expected a list of integers"),
        ("mdsr", {"scales": [2, "3"]}, "expected a list of integers"),
        ("mdsr", {"scales": []}, "expected a list of integers"),
        ("srcnn", {"kernels": 9}, "expected a list of integers"),
        ("srcnn", {"widths": [64, 0]}, "expected a list of integers"),
        ("edsr", {"scale": 2, "features": None}, "expected one integer of at least 1"),
        ("edsr", {"scale": 2, "upsampler": ["subpixel"]}, "expected subpixel or transposed or interpolation"),
        ("edsr", {"scale": 2, "norm": "batches"}, "expected none or batch. Did you mean 'batch'"),
        ("wdsr", {"scale": 2, "low_rank": 0.0}, r"low_rank=0\.0: leaves none of 32"),
        ("wdsr", {"scale": 2, "block": "c"}, "expected a or b"),
    ],
)
def test_arguments_that_make_no_network(method, arguments, message):
    with pytest.raises(SrlabError, match=message):
        find_method(method)({"block": "b", **arguments} if method == "wdsr" else arguments)


@pytest.mark.parametrize("features", [10, 31, 39, 56, 62, 64, 78])
def test_low_rank_widths_are_recognised(features):
    network = find_method("wdsr")({"scale": 2, "features": features, "blocks": 1, "block": "b"}).network
    assert network.arguments_of(network.state_dict())["low_rank"] == 0.8


@pytest.mark.parametrize("kind", ["transposed", "interpolation"])
@pytest.mark.parametrize("model", ["edsr_baseline", "mdsr_baseline", "srresnet"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_tiles_equal_the_whole_with_every_upsampler(model, kind, scale):
    plain = build(model, scale=scale)
    method = type(plain)({**plain.hparams["network"], "upsampler": kind})
    lr = torch.rand(1, 3, 41, 37)
    torch.testing.assert_close(method.upscale(lr, scale, tile=10), method.upscale(lr, scale), atol=2e-5, rtol=0)


@pytest.mark.parametrize("model", ["edsr_baseline", "mdsr_baseline", "wdsr_a"])
def test_grey_networks_train(model):
    plain = build(model)
    method = type(plain)({**plain.hparams["network"], "channels": 1}, dict(plain.hparams["recipe"]))
    method.prepare_training()
    method.objective(random_batch(method, 2))[0].backward()
    assert method.upscale(torch.rand(1, 3, 9, 7), 2).shape == (1, 3, 18, 14)


def test_a_margin_is_cut_from_what_any_method_gives():
    method = build("edsr_baseline")
    lr, hr = torch.rand(2, 3, 12, 12), torch.rand(2, 3, 15, 15)
    ((sr, target, _),) = method.predictions(Batch(lr, hr, 2, margin=2))
    assert torch.equal(sr, method.network(lr, 2)[..., 4:19, 4:19]) and target is hr


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("kind", ["subpixel", "transposed", "interpolation"])
def test_upsamplers(kind, scale):
    assert Upsampler(4, scale, kind)(torch.rand(1, 4, 5, 7)).shape == (1, 4, 5 * scale, 7 * scale)


@pytest.mark.parametrize("model", ["edsr_baseline", "mdsr_baseline", "srresnet"])
def test_an_upsampler_that_is_not_there(model):
    method = build(model)
    with pytest.raises(SrlabError, match=r"upsampler=transpose: .*Did you mean 'transposed'"):
        find_method(method.key)({**method.hparams["network"], "upsampler": "transpose"})
