"""How A+ is computed: each stage against NumPy, and a whole run."""

import json

import numpy as np
import pytest
import torch

from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.data.degradations import find_degradation
from srlab.data.image_sets import ImageSet, Picture
from srlab.data.sources import find_sources
from srlab.data.training_set import from_sources
from srlab.errors import SrlabError
from srlab.imaging.files import read_image
from srlab.imaging.resize import imresize
from srlab.methods import find_method
from srlab.methods.aplus import FLAT, anchored_regressors, principal_components
from srlab.methods.k_svd import k_svd, matching_pursuit
from srlab.methods.patch_samples import PatchSamples
from srlab.methods.recipe import recipe_of_model
from srlab.metrics.protocol import protocol
from srlab.training.run import train_config

SMALL = ["model=aplus", "model.network.atoms=16", "model.network.components=12", "model.fit.samples=4000",
         "model.fit.dictionary_samples=800", "model.fit.iterations=3", "model.fit.neighbours=400",
         "model.fit.copies=3", "protocol=classic", "sets=[sample]", "trainer=cpu"]  # fmt: skip


def quiet(text: str) -> None:
    """What fitting says is not looked at."""


def words(tmp_path, photos_folder, *more: str) -> list[str]:
    return [*SMALL, "data=folder", f"data.train=[{photos_folder}]", f"runs={tmp_path}/runs", "name=a", *more]


def run(*overrides: str) -> dict[str, float]:
    return train_config(compose("train", list(overrides)))


def samples(folder, **changes) -> PatchSamples:
    images = from_sources(find_sources([str(folder)], folder, "bicubic"))
    options = {"scale": 2, "smallest": 5, "copies": 2, "shrink": 0.9, "seed": 3, **changes}
    return PatchSamples(images, find_degradation("bicubic"), **options)


# The stages


def test_principal_components_are_singular_vectors():
    patches = np.random.default_rng(0).random((50, 7)) * np.arange(1, 8)
    basis, kept = principal_components(torch.from_numpy(patches), 3)
    _, values, vectors = np.linalg.svd(patches, full_matrices=False)
    assert np.abs((basis.double().numpy() * vectors[:3]).sum(axis=1)) == pytest.approx([1, 1, 1], abs=1e-6)
    assert kept == pytest.approx((values[:3] ** 2).sum() / (values**2).sum())


def test_matching_pursuit_equals_least_squares_on_atoms_taken_one_by_one():
    random = np.random.default_rng(0)
    signals, dictionary = random.normal(size=(9, 6)), random.normal(size=(12, 6))
    dictionary /= np.linalg.norm(dictionary, axis=1, keepdims=True)
    chosen, weights = matching_pursuit(torch.from_numpy(signals), torch.from_numpy(dictionary), 3)
    for signal, atoms, found in zip(signals, chosen.numpy(), weights.numpy(), strict=True):
        taken, residual = [], signal
        for _ in range(3):
            taken.append(int(np.abs(dictionary @ residual).argmax()))
            expected = np.linalg.lstsq(dictionary[taken].T, signal, rcond=None)[0]
            residual = signal - expected @ dictionary[taken]
        assert atoms.tolist() == taken
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_k_svd_finds_the_atoms_that_signals_are_made_of():
    random = torch.Generator().manual_seed(0)
    atoms = torch.nn.functional.normalize(torch.randn(6, 12, generator=random))
    codes = torch.zeros(1500, 6)
    for row in codes:
        row[torch.randperm(6, generator=random)[:2]] = torch.randn(2, generator=random)
    found = k_svd(codes @ atoms, 6, 2, 15, 0, quiet)
    assert found.norm(dim=1).tolist() == pytest.approx([1.0] * 6, abs=1e-5)
    assert (found @ atoms.T).abs().max(dim=0).values.tolist() == pytest.approx([1.0] * 6, abs=0.01)


def test_an_atom_without_use_becomes_the_signal_that_is_coded_worst():
    common, rare = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.6, 0.8]])
    signals = torch.cat([common.repeat(40, 1), rare])
    found = k_svd(signals, 2, 1, 4, 1, quiet)
    assert sorted((found @ rare.T).abs()[:, 0].tolist()) == pytest.approx([0.0, 1.0], abs=1e-5)


def test_k_svd_needs_as_many_patches_as_atoms():
    with pytest.raises(SrlabError, match="atoms=8: there are 3 patches that are not flat"):
        k_svd(torch.cat([torch.eye(3), torch.zeros(9, 3)]), 8, 1, 1, 0, quiet)


def test_regressors_equal_the_authors_formula():
    """Hi inv(Lo' Lo + lambda I) Lo' over the samples that are nearest to an atom, in go_run_Set5_x2_Aplus1024.m."""
    random = np.random.default_rng(0)
    atoms, features, missing = random.normal(size=(5, 4)), random.normal(size=(60, 4)), random.normal(size=(60, 9))
    features[:20] *= 0.02  # flat ones
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    tensors = [torch.from_numpy(array.copy()) for array in (atoms, features, missing)]
    found = anchored_regressors(*tensors, neighbours=15, ridge=0.1).numpy()
    length = np.linalg.norm(features, axis=1, keepdims=True)
    assert 5 < (length < FLAT).sum() < 30
    low, high = features / length, missing / np.where(length < FLAT, 1, length)
    for atom, regressor in zip(atoms, found, strict=True):
        nearest = np.linalg.norm(low - atom, axis=1).argsort()[:15]
        lo, hi = low[nearest].T, high[nearest].T
        np.testing.assert_allclose(regressor, hi @ np.linalg.inv(lo.T @ lo + 0.1 * np.eye(15)) @ lo.T, atol=1e-5)


def test_samples_are_drawn_once_from_all_sizes(photos_folder):
    source = samples(photos_folder)
    everything = list(source.draw(10**9, torch.device("cpu")))
    assert sum(len(drawn.chosen) for drawn in everything) == source.count(10**9) == source.available().sum()
    assert len(everything) == 24 and len({drawn.hr.shape for drawn in everything[:2]}) == 2
    for drawn in everything:
        h, w = (side // 2 for side in drawn.hr.shape[2:])
        assert drawn.chosen.tolist() == list(range((h - 4) * (w - 4)))
    some = [list(samples(photos_folder, seed=seed).draw(500, torch.device("cpu"))) for seed in (3, 3, 4)]
    numbers = [[number for drawn in draw for number in drawn.chosen.tolist()] for draw in some]
    assert len(numbers[0]) == 500 and numbers[0] == numbers[1] != numbers[2]


@pytest.mark.parametrize("name", ["00.png", "05.png"])  # 05 is grey
def test_samples_are_what_the_classic_protocol_shows(photos_folder, name):
    picture = Picture(name, lambda: read_image(photos_folder / name))
    pair = ImageSet("one", (picture,)).pair(0, 3, protocol("classic"))
    drawn = next(d for d in samples(photos_folder, scale=3, copies=1).draw(10**9, torch.device("cpu"))
                 if d.hr.shape[2:] == pair.hr.shape and (d.hr[0, 0].numpy() * 255).round().astype(np.uint8).tolist()
                 == pair.hr.tolist())  # fmt: skip
    torch.testing.assert_close(drawn.enlarged, imresize(pair.lr, 3), atol=1e-6, rtol=0)


def test_images_that_are_too_small(photos_folder):
    with pytest.raises(SrlabError, match="no image is 400x400 or larger"):
        samples(photos_folder, smallest=200).count(5)


# A run


def test_a_run_is_that_of_any_other_method(tmp_path, photos_folder, capsys):
    result = run(*words(tmp_path, photos_folder))
    folder = tmp_path / "runs" / "a"
    results = json.loads((folder / "results.json").read_text())
    bicubic, ours = results["rows"]
    assert ours["method"] == "aplus" and ours["psnr"] > bicubic["psnr"] + 0.2
    assert results["training"]["steps"] == 0 and results["training"]["seconds"] > 0
    assert result["sample_x2/psnr"] == ours["psnr"] and result["val/psnr"] > 0
    printed = capsys.readouterr().out
    assert "PCA: 12 of 144 components" in printed and f"validation {result['val/psnr']:.2f} dB" in printed
    (row,) = evaluate_config(
        compose("evaluate", [f"ckpt={folder}", "sets=[sample]", "protocol=classic", f"out={tmp_path / 'out'}"])
    )
    assert row.psnr == ours["psnr"]
    again = run(*words(tmp_path, photos_folder), "resume=auto")
    assert again == result and "PCA" not in capsys.readouterr().out
    assert json.loads((folder / "results.json").read_text())["training"] == results["training"]
    with pytest.raises(SrlabError, match="seed was 0 and is 1"):
        run(*words(tmp_path, photos_folder), "resume=auto", "seed=1")
    with pytest.raises(SrlabError, match="fit was"):
        run(*words(tmp_path, photos_folder), "resume=auto", "model.fit.ridge=1")


def test_the_same_seed_gives_the_same_weights(photos_folder):
    weights = []
    for seed in (1, 1, 2):
        config = parse(compose("train", SMALL), TrainConfig)
        method = find_method("aplus")(config.model.network, recipe_of_model(config))
        method.fit(samples(photos_folder).images, find_degradation("bicubic"), seed, quiet)
        weights.append(method.network.state_dict())
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert not torch.equal(weights[0]["regressors"], weights[2]["regressors"])


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("trainer.devices=2", r"trainer\.devices=2: aplus is computed by one process"),
        ("init_from=x.ckpt", "init_from: aplus is computed anew"),
        ("model.ema=0.9", r"model\.ema=0\.9: aplus makes no steps to average"),
        ("model.fit.samples=0", r"model\.fit\.samples=0: expected one integer of at least 1"),
        ("model.fit.ridge=-1", r"model\.fit\.ridge=-1: expected a number above 0"),
        ("+model.fit.sampels=5", "sampels.*Did you mean '(model.fit.)?samples'"),
    ],
)
def test_options_that_cannot_be(tmp_path, photos_folder, word, message):
    with pytest.raises(SrlabError, match=message):
        run(*words(tmp_path, photos_folder), word)
