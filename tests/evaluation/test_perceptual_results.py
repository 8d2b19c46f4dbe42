"""evaluate.py with perceptual metrics: columns, files, the figure's points, and the two forms of weights=."""

import csv
import json
import math
from types import SimpleNamespace

import pytest
import torch
from helpers import build, read_image

from srlab.commands.evaluation import evaluate_config
from srlab.config.check_overrides import check_overrides
from srlab.config.compose import compose
from srlab.config.schema import EvaluateConfig
from srlab.errors import SrlabError
from srlab.evaluation import metric_plane
from srlab.evaluation.metric_plane import (
    draw_perception_distortion,
    finite_points,
    perception_distortion,
    scatter,
)
from srlab.evaluation.plotting import numbered
from srlab.metrics.metric import PSNR, SSIM, Metric, Quality

pytestmark = pytest.mark.filterwarnings("ignore:weights.*random")
LPIPS = Metric("lpips", "LPIPS", "lower", 4)


def rows(tmp_path, *overrides: str):
    given = [f"out={tmp_path / 'out'}", "sets=[sample]", "scale=4", *overrides]
    return evaluate_config(compose("evaluate", given))


def measured(method, psnr, lpips, place=("set5", 4)):
    """As much of a row as figures look at."""
    values = Quality(psnr=psnr, ssim=0.9, lpips=lpips)
    return SimpleNamespace(
        method=method, set=place[0], scale=place[1], protocol="luma", psnr=psnr, means=values,
        metrics=(PSNR.metric, SSIM.metric, LPIPS),
    )  # fmt: skip


def test_every_file_has_the_metric_and_says_that_weights_were_random(tmp_path, capsys):
    row = rows(tmp_path, "model=bicubic", "metrics=[psnr,ssim,lpips]", "weights.alexnet=random")[0]
    out = tmp_path / "out"
    content = json.loads((out / "results.json").read_text())
    written = content["rows"][0]
    assert written["lpips_random"] == row.means["lpips_random"] > 0
    assert set(written["images"]["coffee"]) == {"psnr", "ssim", "lpips_random"}
    assert content["metrics"]["lpips_random"]["better"] == "lower"
    assert "random weights" in content["metrics"]["lpips_random"]["about"]
    assert float(next(csv.DictReader((out / "results.csv").open()))["lpips_random"]) == written["lpips_random"]
    header = (out / "results.md").read_text().partition("\n")[0]
    assert "| PSNR | SSIM | LPIPS, random weights ↓ |" in header
    printed = capsys.readouterr().out
    assert "LPIPS, random weights ↓" in printed and f"{written['lpips_random']:.4f}" in printed
    assert read_image(out / "perception_distortion.png").shape[0] > 500


def test_nothing_changes_where_nothing_is_asked(tmp_path):
    rows(tmp_path, "model=nearest")
    content = json.loads((tmp_path / "out" / "results.json").read_text())
    assert list(content) == ["rows"] and set(content["rows"][0]["images"]["coffee"]) == {"psnr", "ssim"}
    header = (tmp_path / "out" / "results.csv").read_text().partition("\n")[0]
    assert header == (
        "set,scale,method,protocol,n,psnr,ssim,published_psnr,published_ssim,difference,seconds,parameters,"
        "multiply_adds,input,timed_on"
    )
    files = {path.name for path in (tmp_path / "out").iterdir() if path.name != ".lock"}
    assert files == {"results.csv", "results.json", "results.md", "results.tex"}


def test_metrics_that_leave_psnr_out(tmp_path):
    row = rows(tmp_path, "model=bicubic", "metrics=ssim")[0]
    assert list(row.means) == ["ssim"] and row.ssim == row.means["ssim"]
    assert "PSNR" not in (tmp_path / "out" / "results.md").read_text()


def test_weights_of_a_network_and_of_a_backbone(tmp_path):
    method = build("edsr_baseline")
    torch.save(method.network.state_dict(), tmp_path / "edsr.pt")
    model = ["model=edsr_baseline", "scale=2", "model.network.features=8", "model.network.blocks=2"]
    long = rows(tmp_path, *model, f"weights.network={tmp_path / 'edsr.pt'}", "metrics=psnr")[0]
    short = rows(tmp_path, *model, f"weights={tmp_path / 'edsr.pt'}", "metrics=psnr")[0]
    assert long.images == short.images


def test_two_forms_of_weights_at_once_are_refused():
    with pytest.raises(SrlabError, match=r"weights=a.pt beside weights.alexnet=random: say weights.network=a.pt"):
        check_overrides(["weights=a.pt", "weights.alexnet=random"], EvaluateConfig)
    check_overrides(["weights.network=a.pt", "weights.alexnet=random"], EvaluateConfig)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["metrics=[psnr,lpipz]"], "Did you mean 'lpips'"),
        (["weights.alexnet=random"], r"Say metrics=\[psnr,ssim,lpips\]"),
        (["metrics=[lpips]", "weights.alexnet=none.pth"], "none.pth: no such file"),
    ],
)
def test_mistakes(tmp_path, overrides, message):
    with pytest.raises(SrlabError, match=message):
        rows(tmp_path, "model=bicubic", *overrides)
    assert not (tmp_path / "out").exists()


def test_the_points_of_the_plane():
    given = [
        measured("bicubic", 28.4, 0.35), measured("srgan", 29.4, 0.09), measured("copy", math.inf, 0.0),
        measured("bicubic", 26.0, 0.44, ("set14", 4)),
    ]  # fmt: skip
    panels = perception_distortion(given, LPIPS)
    assert panels["set5 x4, protocol luma"]["copy"] == (math.inf, 0.0)
    assert finite_points(panels) == (
        {
            "set5 x4, protocol luma": {"bicubic": (28.4, 0.35), "srgan": (29.4, 0.09)},
            "set14 x4, protocol luma": {"bicubic": (26.0, 0.44)},
        },
        "not drawn, since infinite or not a number: copy (set5 x4)",
    )


@pytest.mark.parametrize("values", [[math.inf], [math.inf, 28.0]])
def test_a_figure_says_what_it_leaves_out(tmp_path, monkeypatch, values):
    notes = []
    monkeypatch.setattr(metric_plane, "note", lambda figure, text: notes.append(text))
    points = {f"method {i}": (value, 0.1) for i, value in enumerate(values)}
    scatter({"set5 x4, protocol luma": points}, PSNR.metric, LPIPS, tmp_path / "a.png", joined=True)
    assert notes == ["not drawn, since infinite or not a number: method 0 (set5 x4)"]
    assert (tmp_path / "a.png").is_file()


def test_a_figure_for_every_perceptual_metric_and_none_without(tmp_path):
    row = measured("bicubic", 28.4, 0.35)
    dists = Metric("dists", "DISTS", "lower", 4)
    row.means["dists"], row.metrics = 0.2, (*row.metrics, dists)
    names = [path.name for path in draw_perception_distortion([row], tmp_path)]
    assert names == ["perception_distortion.png", "perception_distortion_dists.png"]
    row.metrics = (SSIM.metric, LPIPS)
    assert draw_perception_distortion([row], tmp_path) == []
    row.metrics = (PSNR.metric, SSIM.metric)
    assert draw_perception_distortion([row], tmp_path) == []


@pytest.mark.parametrize("panels", [1, 4, 5])
def test_a_scatter_of_any_number_of_panels_and_methods(tmp_path, panels):
    points = {f"method {i}": (28 + i / 3, 4 - i / 5) for i in range(3 * panels)}
    opinion = Metric("mos", "MOS", "higher", 2)
    scatter({f"set {i}": points for i in range(panels)}, PSNR.metric, opinion, tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").std() > 0 and {p.name for p in tmp_path.iterdir()} == {"a.png", "a.pdf"}


def test_many_points_are_numbered():
    assert numbered(["a", "b"]) == {"a": "a", "b": "b"}
    assert numbered([f"m{i}" for i in range(11)])["m10"] == "11"


def test_axes_say_which_way_is_better():
    assert PSNR.metric.axis == "PSNR (dB, higher is better)" and LPIPS.axis == "LPIPS (lower is better)"
    assert Metric("alpha", "α", None, 2).axis == "α"
