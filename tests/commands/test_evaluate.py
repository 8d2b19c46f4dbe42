"""evaluate.py: rows, files, labels, and the numbers that must come out."""

import csv
import json

import numpy as np
import pytest
import torch
from helpers import ROOT, SHARED, needs_shared, read_image, write_image
from matplotlib.figure import Figure
from programs import call

from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.errors import SrlabError
from srlab.evaluation.measure import EvaluationSettings, evaluate
from srlab.evaluation.published import published
from srlab.methods import find_method
from srlab.metrics.protocol import protocol

EXPECTED = json.loads((ROOT / "tests" / "expected.json").read_text())["rows"]


def rows(tmp_path, *overrides: str):
    return evaluate_config(compose("evaluate", [f"out={tmp_path / 'out'}", *overrides]))


def tiny_checkpoint(path, scale=2, seed=0, name="edsr_tiny"):
    torch.manual_seed(seed)
    recipe = {"name": name, "loss": {"l1": {"weight": 1.0}}, "ema": 0.0}
    method = find_method("edsr")({"scale": scale, "features": 4, "blocks": 1}, recipe)
    checkpoint = {"state_dict": method.state_dict(), "hyper_parameters": dict(method.hparams), "global_step": 0}
    method.on_save_checkpoint(checkpoint)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(checkpoint, path)
    return path


def test_files_of_a_result(tmp_path, capsys):
    measured = rows(tmp_path, "model=bicubic", "scale=4", "sets=[sample]", "save_images=true")
    content = json.loads((tmp_path / "out" / "results.json").read_text())
    row = content["rows"][0]
    assert {"method", "scale", "set", "protocol", "n", "psnr", "ssim", "seconds", "published", "images"} <= set(row)
    assert (row["method"], row["scale"], row["set"], row["protocol"], row["n"]) == ("bicubic", 4, "sample", "luma", 3)
    assert row["psnr"] == np.mean([image["psnr"] for image in row["images"].values()]) == measured[0].psnr
    assert row["timed_on"] == measured[0].timed_on == f"CPU, {threads()}, precision 32"
    assert list(row["images"]) == ["coffee", "astronaut", "motorcycle_left"] and row["published"] is None
    table = list(csv.DictReader((tmp_path / "out" / "results.csv").open()))
    assert float(table[0]["psnr"]) == row["psnr"]
    markdown = (tmp_path / "out" / "results.md").read_text()
    assert f"{row['psnr']:.2f}" in markdown and "luma" in markdown
    assert f"{row['psnr']:.2f}" in capsys.readouterr().out
    saved = read_image(tmp_path / "out" / "images" / "sample_x4" / "coffee_bicubic.png")
    hr = protocol("luma").reference(read_image_of("coffee"))
    assert protocol("luma").measure(saved, hr, 4).psnr == row["images"]["coffee"]["psnr"]


def threads() -> str:
    count = torch.get_num_threads()
    return f"{count} thread{'s' if count > 1 else ''}"


def test_a_comparison_shows_what_was_measured(tmp_path, monkeypatch):
    """Bicubic beside the methods that have the scale; their numbers are the table's, with the self-ensemble too."""
    paths = [tiny_checkpoint(tmp_path / f"{name}.ckpt", scale=s, name=name) for name, s in (("two", 2), ("three", 3))]
    words = [f"ckpt=[{paths[0]},{paths[1]}]", "sets=[sample]", "save_images=true", "ensemble=true"]
    shown: list[Figure] = []
    monkeypatch.setattr("srlab.evaluation.comparison_figure.plt.close", shown.append)
    by_scale = {row.scale: row for row in rows(tmp_path, *words)}
    for scale, figure, label in zip((2, 3), shown, ("two+", "three+"), strict=True):
        titles = [axis.get_xlabel() for axis in figure.axes][:5]
        expected = ["coffee", f"LR (x{scale} smaller)", "bicubic", label, "HR"]
        assert [title.partition("\n")[0] for title in titles] == expected
        assert titles[3].startswith(f"{label}\n{by_scale[scale].images['coffee'].psnr:.2f} dB")
        assert read_image(tmp_path / "out" / f"comparison_x{scale}.png").shape[1] > 600
        assert (tmp_path / "out" / f"comparison_x{scale}.pdf").read_bytes().startswith(b"%PDF")


def read_image_of(name):
    from srlab.data.photos import photo

    return photo(name)


def test_a_checkpoint_needs_no_model(tmp_path):
    path = tiny_checkpoint(tmp_path / "runs" / "a" / "checkpoints" / "best.ckpt", scale=3)
    measured = rows(tmp_path, f"ckpt={path}", "sets=[sample]")
    assert [(row.method, row.scale) for row in measured] == [("edsr_tiny", 3)]


def test_several_checkpoints_are_told_apart(tmp_path):
    paths = [tiny_checkpoint(tmp_path / "runs" / n / "checkpoints" / "best.ckpt", seed=i) for i, n in enumerate("ab")]
    paths.append(tiny_checkpoint(tmp_path / "c.ckpt", scale=4, name="other"))
    measured = rows(tmp_path, f"ckpt=[{','.join(map(str, paths))}]", "sets=[sample]")
    assert [(row.method, row.scale) for row in measured] == [("edsr_tiny (a)", 2), ("edsr_tiny (b)", 2), ("other", 4)]
    assert measured[0].psnr != measured[1].psnr


def test_labels_are_always_different(tmp_path):
    folder = tmp_path / "runs" / "a" / "checkpoints"
    paths = [tiny_checkpoint(folder / name) for name in ("best.ckpt", "last.ckpt")]
    paths += [tiny_checkpoint(tmp_path / d / "x.ckpt") for d in "de"]
    labels = [row.method for row in rows(tmp_path, f"ckpt=[{','.join(map(str, paths))}]", "sets=[sample]")]
    assert labels[:2] == ["edsr_tiny (a)", "edsr_tiny (a last)"] and len(set(labels)) == 4


def test_ensemble_and_tiles(tmp_path):
    path = tiny_checkpoint(tmp_path / "a.ckpt")
    plain = rows(tmp_path, f"ckpt={path}", "sets=[sample]")[0]
    tiled = rows(tmp_path, f"ckpt={path}", "sets=[sample]", "tile=64")[0]
    ensemble = rows(tmp_path, f"ckpt={path}", "sets=[sample]", "ensemble=true")[0]
    assert tiled.psnr == pytest.approx(plain.psnr, abs=1e-3)
    assert ensemble.method == "edsr_tiny+" and ensemble.psnr != plain.psnr


def test_interpolation_has_no_self_ensemble(tmp_path):
    row = rows(tmp_path, "model=bicubic", "scale=2", "sets=[sample]", "ensemble=true")[0]
    assert row.method == "bicubic"
    assert row.images == rows(tmp_path, "model=bicubic", "scale=2", "sets=[sample]")[0].images


def test_every_interpolation_scores_where_it_should(tmp_path):
    """Nearest < bilinear < bicubic < lanczos, on photos."""
    scores = [
        rows(tmp_path, f"model={name}", "scale=2", "sets=[sample]")[0].psnr
        for name in ("nearest", "bilinear", "bicubic", "lanczos")
    ]
    assert scores == sorted(scores)


def test_a_perfect_method_has_infinite_psnr_and_valid_json(tmp_path):
    from srlab.data.image_sets import ImageSet, Picture
    from srlab.evaluation.tables import markdown, write_results

    flat = ImageSet("flat", (Picture("white", lambda: np.full((40, 40, 3), 255, np.uint8)),))
    bicubic = find_method("interpolation")({"kernel": "bicubic"})
    measured = list(evaluate([("bicubic", bicubic)], [flat], [2], EvaluationSettings(protocol("luma"))))
    write_results(measured, tmp_path)
    assert json.loads((tmp_path / "results.json").read_text())["rows"][0]["psnr"] is None
    assert "inf" in markdown(measured)


def test_published_numbers_stand_only_beside_the_same_network_and_protocol():
    assert published("edsr_baseline", 1369859, "luma", "set5", 2) == {"psnr": 37.98, "ssim": 0.9604}
    assert published("edsr_baseline", 1369858, "luma", "set5", 2) is None
    assert published("edsr_baseline", 1369859, "classic", "set5", 2) is None
    assert published("bicubic", 0, "luma", "set5", 2) is None
    assert published("edsr_baseline+", 1369859, "luma", "set5", 2) is None
    assert published("mine", 3, "luma", "set5", 2) is None


def group(row):
    return row["method"], row["protocol"], row["set"], row["scale"]


@pytest.mark.parametrize(
    "expected", [r for r in EXPECTED if r["set"] == "sample"], ids=lambda r: "-".join(map(str, group(r)))
)
def test_guarded_numbers_of_the_sample(tmp_path, expected):
    check_guarded(tmp_path, expected)


@needs_shared
@pytest.mark.parametrize(
    "expected", [r for r in EXPECTED if r["set"] != "sample"], ids=lambda r: "-".join(map(str, group(r)))
)
def test_guarded_numbers_of_the_benchmarks(tmp_path, expected):
    check_guarded(tmp_path, expected)


def check_guarded(tmp_path, expected):
    weights = SHARED / "weights" / "vdsr_author.pt"
    more = [f"weights={weights}"] if expected["method"] == "vdsr" else []
    measured = rows(
        tmp_path, f"model={expected['method']}", f"scale={expected['scale']}", f"protocol={expected['protocol']}",
        f"sets=[{expected['set']}]", f"data.root={SHARED / 'data'}", *more,
    )[0]  # fmt: skip
    assert measured.psnr == pytest.approx(expected["psnr"], abs=1e-3)
    assert measured.ssim == pytest.approx(expected["ssim"], abs=1e-5)
    for name, (psnr, ssim) in expected["images"].items():
        assert measured.images[name].psnr == pytest.approx(psnr, abs=2e-3)
        assert measured.images[name].ssim == pytest.approx(ssim, abs=2e-5)


@pytest.mark.parametrize("row", [r for r in EXPECTED if r["protocol"] == "classic" and r["set"] != "sample"],
                         ids=lambda r: "-".join(map(str, group(r))))  # fmt: skip
def test_guarded_numbers_are_the_published_ones(row):
    printed = published(
        row["method"], {"bicubic": 0, "vdsr": 665921}[row["method"]], "classic", row["set"], row["scale"]
    )
    tolerance = 0.02 if row["set"] == "set14" or row["method"] == "vdsr" else 0.005
    assert row["psnr"] == pytest.approx(printed["psnr"], abs=tolerance)
    assert row["ssim"] == pytest.approx(printed["ssim"], abs=0.001)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], "nothing to evaluate"),
        (["model=vdsr"], "has weights: say weights=FILE"),
        (["ckpt=none.ckpt"], "none.ckpt: no such file"),
        (["model=bicubic", "scale=0"], "scale=0"),
        (["model=bicubic", "sets=[set5]"], "set5: .* is not there"),
        (["model=edsr_baseline"], r"scale: EDSR needs a value; on the command line: scale="),
        (["ckpt=[]"], r"ckpt=\[\]"),
        (["model=bicubic", "scale=two"], "scale=two: expected an integer"),
        (["model=bicubic", "tile=0"], "tile=0: expected 1 or more"),
        (["model=bicubic", "precision=8"], "precision=8: expected 32"),
        (["model=bicubic", "ckpt=a.ckpt"], "ckpt= needs neither"),
        (["model=bicubic", "+mos_export=true", "protocol=classic"], "protocol=classic sees luma only"),
    ],
)
def test_mistakes(tmp_path, overrides, message):
    with pytest.raises(SrlabError, match=message):
        rows(tmp_path, f"data.root={tmp_path}", *overrides)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(SrlabError, match=r"out=.*/out: cannot be made \(File exists\)\. Choose a folder of yours"):
        rows(tmp_path, "model=bicubic", "scale=2", "sets=[sample]")


def test_what_is_passed_over_in_a_folder_is_said(tmp_path, capsys):
    write_image(tmp_path / "photos" / "a.png", read_image_of("coffee")[:32, :40])
    (tmp_path / "photos" / "._a.png").touch()
    (row,) = rows(tmp_path, "model=bicubic", "scale=2", f"sets=[{tmp_path / 'photos'}]")
    assert row.n == 1 and "photos: hidden files and those of systems are ignored (._a.png)" in capsys.readouterr().err


def test_a_scale_that_the_checkpoint_does_not_have(tmp_path):
    with pytest.raises(SrlabError, match="scale=4: the method has x2"):
        rows(tmp_path, f"ckpt={tiny_checkpoint(tmp_path / 'a.ckpt')}", "scale=4")


@pytest.mark.parametrize(
    ("words", "message"),
    [(["ckpt=a=b.ckpt"], "error: a=b.ckpt: no such file."), (["model=bicubc"], "Did you mean 'bicubic'?")],
)
def test_the_program_shows_one_line(tmp_path, words, message):
    failed = call(tmp_path, "evaluate.py", *words)
    assert failed.returncode == 1 and failed.stderr.count("\n") == 1 and message in failed.stderr
    assert list(tmp_path.iterdir()) == []
