"""The report of a sweep: rows by configuration, numbers against NumPy and SciPy, pictures, files, mistakes."""

import csv
import functools
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from helpers import read_image
from omegaconf import OmegaConf
from programs import call
from scipy import stats

from srlab.commands.report import main
from srlab.config.compose import compose
from srlab.errors import SrlabError
from srlab.evaluation.text_tables import latex_text
from srlab.sweeps import report_figures
from srlab.sweeps.planning import plan
from srlab.sweeps.report import write_report
from srlab.sweeps.report_data import read_sweep
from srlab.sweeps.report_figures import mean_curve
from srlab.sweeps.report_rows import IGNORED, describe_loss, make_rows, settings_of
from srlab.sweeps.statistics import LEVEL, Spread, paired_difference, spread
from srlab.sweeps.sweep_file import write_reference

FILES = {"report.md", "table.csv", "table.tex", "curves.png", "curves.pdf", "parameters.png", "parameters.pdf",
         "time.png", "time.pdf"}  # fmt: skip
IMAGES = ("baby", "bird", "butterfly", "head", "woman")


@functools.cache
def config_text(*overrides: str) -> str:
    return OmegaConf.to_yaml(compose("train", list(overrides)), resolve=True)


def image_psnr(gain: float, seed: int, images=IMAGES) -> dict[str, float]:
    """Of a method that is `gain` dB better than bicubic: images and seeds each have their own share, and some noise."""
    noise = np.random.default_rng([seed, int(1000 * gain)]).normal(0, 0.01, len(images))
    return {name: 30 + i + gain + 0.02 * seed + noise[i] for i, name in enumerate(images)}


def result_row(method: str, psnr: dict[str, float], *, scale=2, image_set="set5", protocol="luma", **more) -> dict:
    images = {name: {"psnr": value, "ssim": 0.9 + (value - 30) / 1000} for name, value in psnr.items()}
    means = {key: float(np.mean([image[key] for image in images.values()])) for key in ("psnr", "ssim")}
    row = {"method": method, "scale": scale, "set": image_set, "protocol": protocol, "n": len(psnr), **means}
    row |= {"seconds": 0.25, "parameters": 1000, "multiply_adds": 10, "input": "", "published": None, "images": images}
    return row | more


def write_run(
    sweep: Path, name: str, *overrides: str, seed=1, gain=2.0, results: dict | bool = True, steps=(500, 1000), **row
) -> Path:
    """A run's folder as train.py leaves it; results=False: one that stopped before its evaluation."""
    folder = sweep / name
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text(config_text(*overrides, f"seed={seed}", f"name={sweep.name}/{name}"))
    lines = [f"{step - 1},0.01,{30 + gain - 200 / step + 0.02 * seed}" for step in steps]
    (folder / "metrics.csv").write_text("\n".join(["step,train/loss,val/psnr", "49,0.5,", *lines]) + "\n")
    if results is True:
        bicubic = result_row("bicubic", image_psnr(0, 0), parameters=0, **{k: row[k] for k in ("scale",) if k in row})
        results = {"rows": [bicubic, result_row("edsr", image_psnr(gain, seed), **row)]}
    if results:
        (folder / "results.json").write_text(json.dumps(results))
    return folder


@pytest.fixture
def sweep(tmp_path) -> Path:
    """Two losses with two seeds each, as a sweep over loss and seed leaves them."""
    for loss, gain in (("l1", 2.0), ("charbonnier", 2.5)):
        for seed in (1, 2):
            write_run(tmp_path / "losses", f"loss-{loss}_seed-{seed}", f"loss={loss}", seed=seed, gain=gain)
    return tmp_path / "losses"


def table(sweep: Path) -> list[dict[str, str]]:
    with (sweep / "report" / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def labels_of(sweep: Path) -> list[str]:
    return [row.label for row in make_rows(read_sweep(sweep)[0])]


# numbers


def test_the_table_against_numpy(sweep, capsys):
    assert write_report(sweep, "loss=l1") == sweep / "report" / "report.md"
    bicubic, charbonnier, l1 = table(sweep)
    ours, reference = ([image_psnr(gain, seed) for seed in (1, 2)] for gain in (2.5, 2.0))
    means = [np.mean(list(psnr.values())) for psnr in ours]
    assert (bicubic["row"], charbonnier["row"], l1["row"]) == ("bicubic", "loss=charbonnier", "loss=l1")
    assert float(charbonnier["psnr"]) == pytest.approx(np.mean(means), abs=1e-12)
    assert float(charbonnier["psnr_std"]) == pytest.approx(np.std(means, ddof=1), abs=1e-12)
    assert float(charbonnier["ssim_std"]) == pytest.approx(np.std(means, ddof=1) / 1000, abs=1e-12)
    expected = np.mean([a[image] - b[image] for a, b in zip(ours, reference, strict=True) for image in IMAGES])
    assert float(charbonnier["difference"]) == pytest.approx(expected, abs=1e-12)
    low, high = (float(charbonnier[f"difference_{side}"]) for side in ("low", "high"))
    assert low < expected < high and high - low < 0.2
    assert charbonnier["difference_seeds"] == "1 2" and charbonnier["seeds"] == "2" and charbonnier["images"] == "5"
    assert float(bicubic["psnr"]) == pytest.approx(np.mean(list(image_psnr(0, 0).values())))
    assert l1["difference"] == bicubic["difference"] == bicubic["seeds"] == bicubic["psnr_std"] == ""
    page = (sweep / "report" / "report.md").read_text()
    text = f"{np.mean(means):.2f} ± {np.std(means, ddof=1):.2f}"
    assert text in page and text in capsys.readouterr().out
    assert f"{expected:+.3f} [{low:+.3f}, {high:+.3f}]" in page


def test_one_seed_has_no_deviation_and_images_alone_are_resampled(tmp_path):
    for loss, gain in (("l1", 2.0), ("l2", 2.1)):
        write_run(tmp_path, loss, f"loss={loss}", gain=gain)
    page = write_report(tmp_path).read_text()
    a, b = (list(image_psnr(gain, 1).values()) for gain in (2.1, 2.0))
    assert f"| {np.mean(a):.2f} | " in page
    row = table(tmp_path)[2]
    assert row["psnr_std"] == ""
    student = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert float(row["difference_low"]) == pytest.approx(student.low, abs=0.004)
    assert float(row["difference_high"]) == pytest.approx(student.high, abs=0.004)


def test_the_interval_for_many_images_is_scipys():
    sample = np.random.default_rng(3).gamma(2.0, 0.1, (1, 300))
    ours = paired_difference(sample)
    theirs = stats.bootstrap((sample[0],), np.mean, n_resamples=10_000, method="percentile", rng=0).confidence_interval
    assert ours.mean == pytest.approx(sample.mean())
    assert ours.low == pytest.approx(theirs.low, abs=0.0015) and ours.high == pytest.approx(theirs.high, abs=0.0015)
    of_seeds = paired_difference(sample.T)
    assert (of_seeds.low, of_seeds.high) == pytest.approx((theirs.low, theirs.high), abs=0.0015)


@pytest.mark.parametrize(("seeds", "images"), [(1, 5), (3, 5), (3, 14), (5, 14)])
@pytest.mark.parametrize("spreads", [(0.03, 0.1, 0.02), (0.05, 0.02, 0.02)], ids=["images vary", "seeds vary"])
def test_coverage_of_the_interval(seeds, images, spreads):
    """Of simulated experiments with a known difference, about 95% or more have it in their interval."""
    generator = np.random.default_rng([seeds, images])
    of_seed, of_image, noise = spreads
    hits = 0
    for _ in range(150):
        sample = 0.1 + generator.normal(0, of_image, (1, images)) + generator.normal(0, noise, (seeds, images))
        if seeds > 1:  # with one seed the interval is about that seed
            sample += generator.normal(0, of_seed, (seeds, 1))
        interval = paired_difference(sample)
        hits += interval.low <= 0.1 <= interval.high
    assert hits / 150 > LEVEL - 3 * math.sqrt(LEVEL * (1 - LEVEL) / 150)


def test_intervals_repeat_and_shift_with_the_data():
    sample = np.random.default_rng(0).normal(0, 1, (3, 7))
    one, other, shifted = (paired_difference(values) for values in (sample, sample.copy(), sample + 10))
    assert one == other
    assert (shifted.low, shifted.high) == pytest.approx((one.low + 10, one.high + 10))


def test_numbers_that_have_no_spread():
    single = paired_difference(np.array([[0.5]]))
    assert (single.mean, single.low, single.high) == (0.5, None, None)
    assert spread([3.0]) == spread([3.0]) and spread([3.0]).deviation is None
    assert spread([math.inf, 1.0]) == Spread(1.0, None)
    for wrong in (np.zeros((0, 3)), np.array([[math.inf]])):
        with pytest.raises(ValueError, match="finite"):
            paired_difference(wrong)


def test_means_and_differences_are_over_the_images_that_are_no_exact_copies(tmp_path):
    for name, gain in (("l1", 2.0), ("l2", 2.1)):
        exact = result_row("edsr", image_psnr(gain, 1))
        exact["images"]["bird"]["psnr"] = exact["psnr"] = None
        write_run(tmp_path, name, f"loss={name}", results={"rows": [exact]})
    page = write_report(tmp_path).read_text()
    psnr = [[value for name, value in image_psnr(gain, 1).items() if name != "bird"] for gain in (2.0, 2.1)]
    assert f"| {np.mean(psnr[0]):.2f}¹ |" in page and "\n¹ PSNR: infinite for 1 of 5 images, which" in page
    assert "set5 x2, loss=l2: the difference is over 4 of 5 images" in page
    row = table(tmp_path)[1]
    assert float(row["psnr"]) == pytest.approx(np.mean(psnr[1])) and row["remark"].startswith("PSNR: infinite for 1")
    assert float(row["difference"]) == pytest.approx(np.subtract(*psnr[::-1]).mean())


def write_measured(folder: Path, name: str, psnr: list, *overrides: str, seed: int = 1) -> None:
    row = result_row("edsr", dict.fromkeys(IMAGES, 30.0))
    for image, value in zip(row["images"].values(), psnr, strict=True):
        image["psnr"] = value
    write_run(folder, name, *overrides, seed=seed, results={"rows": [row]})


def test_only_exact_copies_have_an_infinite_mean_and_no_point(tmp_path):
    write_measured(tmp_path, "l1", [30.0] * 5, "loss=l1")
    write_measured(tmp_path, "l2", [None] * 5, "loss=l2")
    page = write_report(tmp_path).read_text()
    row = table(tmp_path)[1]
    assert row["psnr"] == "inf" and row["difference"] == "" and "| inf¹ |" in page
    assert "\n¹ PSNR: infinite for all 5 images\n" in page


def test_a_nan_is_shown(tmp_path):
    write_measured(tmp_path, "l1", [30.0] * 5, "loss=l1")
    write_measured(tmp_path, "l2", [30.0, "nan", None, 30.0, 30.0], "loss=l2")
    page = write_report(tmp_path).read_text()
    row = table(tmp_path)[1]
    assert (row["psnr"], row["difference"]) == ("nan", "") and "not a number for 1 of 5 images" in page


def test_figures_name_what_they_leave_out(tmp_path, monkeypatch):
    notes = []
    monkeypatch.setattr(report_figures, "note", lambda figure, text: notes.append(text))
    write_measured(tmp_path, "l1", [30.0] * 5, "loss=l1")
    write_measured(tmp_path, "l2", [None] * 5, "loss=l2")
    log = tmp_path / "l2" / "metrics.csv"
    log.write_text(log.read_text() + "1999,0.01,inf\n2999,0.01,nan\n")
    write_report(tmp_path)
    left_out = "not drawn, since infinite or not a number: "
    assert notes == [f"{left_out}2 validations of l2", f"{left_out}loss=l2 (x2)", f"{left_out}loss=l2 (x2)"]


def test_seeds_are_paired_where_both_rows_have_them(tmp_path):
    for loss, seeds in (("l1", (1, 2)), ("l2", (2, 3)), ("charbonnier", (4,))):
        for seed in seeds:
            write_run(tmp_path, f"{loss}-{seed}", f"loss={loss}", seed=seed, gain=2.0 + len(loss) / 10)
    page = write_report(tmp_path, "loss=l1").read_text()
    rows = {row["row"]: row for row in table(tmp_path)}
    assert rows["loss=l2"]["difference_seeds"] == "2" and rows["loss=charbonnier"]["difference"] == ""
    assert "set5 x2, loss=l2: the difference is over seed 2, which both rows have." in page


def test_published_numbers_and_training_time(tmp_path):
    row = result_row("edsr", image_psnr(2, 1), published={"psnr": 37.98, "ssim": 0.9604})
    more = result_row("edsr", image_psnr(2, 1), image_set="set14", published={"psnr": 33.57, "ssim": None})
    for seed, seconds in ((1, 3600), (2, 7200)):
        training = {"seconds": seconds, "steps": 1000}
        write_run(tmp_path, f"run-{seed}", seed=seed, results={"rows": [row, more], "training": training})
    page = write_report(tmp_path).read_text()
    assert "| 37.98 / 0.9604 |" in page and "| 33.57 |" in page and "| 1.50 |" in page
    assert [float(line["training_seconds"]) for line in table(tmp_path)] == [5400, 5400]


# rows and labels


def test_seeds_and_places_of_files_do_not_make_rows(tmp_path):
    for seed, more in ((1, "trainer.devices=2"), (2, "data.cache=/elsewhere"), (3, "logger=tensorboard")):
        write_run(tmp_path, f"run-{seed}", more, seed=seed)
    write_run(tmp_path, "run-4", "trainer.max_steps=7")
    assert [len(row.runs) for row in make_rows(read_sweep(tmp_path)[0])] == [3, 1]
    assert labels_of(tmp_path) == ["max_steps=300000", "max_steps=7"]


def test_every_ignored_key_exists():
    settings = OmegaConf.create(config_text())
    for key in IGNORED:
        assert OmegaConf.select(settings, key.rstrip("."), throw_on_missing=True, default="?") != "?", key


@pytest.mark.parametrize(
    ("runs", "labels"),
    [
        ([["loss=l1"], ["loss=charbonnier"]], ["loss=l1", "loss=charbonnier"]),
        ([["loss=l1"], ["loss=l1", "loss.tv.weight=1e-8"]], ["loss=l1", "loss=l1 + 1e-08 tv"]),
        ([["loss=l2"], ["loss=l2_sum"]], ["loss=l2", "loss=0.5 l2 (reduction=sum)"]),
        ([["model.network.norm=none"], ["model.network.norm=batch"]], ["norm=none", "norm=batch"]),
        ([["scale=2"], ["scale=3"]], ["scale=2", "scale=3"]),
        ([["model=edsr_baseline"], ["model=vdsr"], ["model=srresnet"]], ["edsr_baseline", "vdsr", "srresnet"]),
        (
            [["model=vdsr"], ["model=srresnet", "model.ema=0.5"], ["model=srresnet", "model.ema=0.9"]],
            ["vdsr", "srresnet, ema=0.5", "srresnet, ema=0.9"],
        ),
        (
            [["optimizer.name=sgd", "optimizer.learning_rate=0.1"], ["optimizer.name=adam"], ["schedule=cosine"]],
            ["optimizer=sgd, schedule=paper", "optimizer=adam, schedule=paper", "optimizer=adam, schedule=cosine"],
        ),
        (
            [["data.batch_size=8", "data=df2k"], ["data.batch_size=16", "data=sample"]],
            ["data=df2k", "data=sample"],
        ),
        ([["optimizer.epsilon=1e-6"], ["optimizer.epsilon=1e-8"]], ["epsilon=1e-06", "epsilon=1e-08"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value[0], str) else None,
)
def test_labels(tmp_path, runs, labels):
    for i, overrides in enumerate(runs):
        write_run(tmp_path, f"run-{i}", *overrides)
    assert labels_of(tmp_path) == labels


def test_a_word_that_two_keys_end_in_is_not_enough():
    configs = [{"seed": 1, "data": {"kind": "a", "size": s}, "model": {"network": {"size": 9 - s}}} for s in (1, 2)]
    labels = [row.label for row in make_rows([FakeRun(str(i), config) for i, config in enumerate(configs)])]
    assert labels == ["data.size=1, model.network.size=8", "data.size=2, model.network.size=7"]


class FakeRun:
    def __init__(self, name, config):
        self.name, self.config, self.seed, self.results = name, config, config["seed"], None


def test_a_single_row_is_called_by_its_model(tmp_path):
    write_run(tmp_path, "run")
    assert labels_of(tmp_path) == ["edsr_baseline"]


def test_options_of_terms_without_weight_change_nothing(tmp_path):
    write_run(tmp_path, "a", seed=1)
    write_run(tmp_path, "b", "loss.charbonnier.epsilon=1e-6", seed=2)
    assert len(labels_of(tmp_path)) == 1
    assert describe_loss({"l1": {"weight": 1.0}, "tv": {"weight": 2e-8}}) == "l1 + 2e-08 tv"
    assert settings_of({"seed": 1, "scale": [2, 3], "x": None, "y": True, "z": 0.1}) == {
        "scale": "[2,3]", "x": "null", "y": "true", "z": "0.1",
    }  # fmt: skip


def test_rows_are_ordered_by_the_names_of_folders_and_numbers_by_value(tmp_path):
    for features in (64, 8, 256):
        write_run(tmp_path, f"features-{features}", f"model.network.features={features}")
    assert labels_of(tmp_path) == ["features=8", "features=64", "features=256"]


def test_scales_are_blocks_and_a_method_of_several_stands_in_each(tmp_path):
    psnr = image_psnr(2, 1)
    several = [result_row("mdsr", psnr, scale=scale, parameters=3000) for scale in (2, 3, 4)]
    write_run(tmp_path, "a", "model=mdsr", results={"rows": several})
    for name in "bc":
        rows = [result_row("edsr", psnr, scale=scale) for scale in (3, 4)]
        write_run(tmp_path, name, f"scale={3 + (name == 'c')}", results={"rows": rows[name == "c" :][:1]})
    write_report(tmp_path)
    assert [(row["scale"], row["row"]) for row in table(tmp_path)] == [
        ("2", "mdsr"), ("3", "mdsr"), ("3", "edsr_baseline, scale=3"), ("4", "mdsr"), ("4", "edsr_baseline, scale=4"),
    ]  # fmt: skip
    assert read_image(tmp_path / "report" / "time.png").shape[1] == 2 * 7.2 * 110  # a panel for x3, and one for x4


# what is missing


def test_nothing_is_dropped_in_silence(sweep, capsys):
    write_run(sweep, "loss-l1_seed-3", "loss=l1", seed=3, results=False)
    write_run(sweep, "loss-l2_seed-1", "loss=l2", results=False, steps=())
    write_run(sweep, "again", "loss=l1", "trainer.devices=2", seed=1)
    (sweep / "other").mkdir()
    page = write_report(sweep).read_text()
    out = capsys.readouterr().out
    for line in (
        "loss-l1_seed-3 (loss=l1, seed 3): no results.json; its log ends at step 1,000 of 300,000",
        "loss-l2_seed-1 (loss=l2, seed 1): no results.json; its log ends at step 50 of 300,000",
        "loss-l1_seed-1 (loss=l1, seed 1): left out; again has its settings and seed",
        "other: no config.yaml; not a run, or one that never began",
    ):
        assert f"- {line}\n" in page and f"missing: {line}\n" in out
    assert {row["row"]: row["seeds"] for row in table(sweep)} == {
        "bicubic": "", "loss=l1": "2", "loss=charbonnier": "2",
    }  # fmt: skip


def test_the_mean_curve_is_of_the_steps_that_finished_runs_share(tmp_path):
    write_run(tmp_path, "1", seed=1, steps=(500, 1000, 1500))
    write_run(tmp_path, "2", seed=2, steps=(500, 1500, 2000))
    write_run(tmp_path, "3", seed=3, steps=(250,), results=False)
    (row,) = make_rows(read_sweep(tmp_path)[0])
    expected = [(step, 32 - 200 / step + 0.03) for step in (500, 1500)]
    assert [step for step, _ in mean_curve(row)] == [500, 1500]
    assert [psnr for _, psnr in mean_curve(row)] == pytest.approx([psnr for _, psnr in expected])


# the reference


def test_the_sweep_names_its_reference(sweep):
    """sweep.yaml has the name of the first job; what a person asks for comes first."""
    write_reference(sweep, "loss-l1_seed-7")  # a run that is not there
    write_report(sweep)
    assert [row["difference"] == "" for row in table(sweep)] == [True, True, False]
    write_reference(sweep, "loss-l1_seed-2")
    page = write_report(sweep).read_text()
    assert "minus that of `loss=l1`" in page and [row["difference"] == "" for row in table(sweep)] == [
        True,
        False,
        True,
    ]
    assert "minus that of `loss=charbonnier`" in write_report(sweep, "loss=charbonnier").read_text()


@pytest.mark.parametrize(
    ("words", "reference"),
    [
        (["sweep=loss_type"], "loss-l1_seed-0"),
        (["sweep=batch_norm"], "model-edsr_baseline_norm-batch_seed-0"),
        (["sweep=loss_type", "loss=l2,l1", "seed=3"], "loss-l2_seed-3"),
        (["sweep=learning_rate"], None),  # Optuna draws its values one after the other
    ],
)
def test_the_reference_is_the_first_value_of_every_key(words, reference):
    assert plan("train", words, asked=False).reference == reference


def test_a_damaged_sweep_file(sweep):
    (sweep / "sweep.yaml").write_text("reference: [")
    with pytest.raises(SrlabError, match=r"sweep\.yaml: .*`reference: ` and the name of a run's folder"):
        write_report(sweep)


# files


def test_axes_have_plain_numbers(sweep, monkeypatch):
    """PSNR that differs in the third digit after the point, which matplotlib would write as an offset and a rest."""
    shown = []
    monkeypatch.setattr("srlab.evaluation.plotting.plt.close", shown.append)
    for path in sweep.glob("*/results.json"):
        content = json.loads(path.read_text())
        for row in content["rows"]:
            for number, image in enumerate(row["images"].values()):
                image["psnr"] = 14.24 + 0.0001 * number + 0.001 * ("l1" in str(path))
        path.write_text(json.dumps(content))
    for path in sweep.glob("*/metrics.csv"):
        path.write_text("step,train/loss,val/psnr\n99,,14.2401\n199,,14.2403\n")
    write_report(sweep)
    assert len(shown) == 3
    for figure in shown:
        axis = figure.axes[0].yaxis
        assert axis.get_offset_text().get_text() == ""
        labels = [label.get_text() for label in axis.get_ticklabels()]
        assert len(labels) > 2 and all(label.startswith("14.2") for label in labels)


def test_many_rows_are_numbered_beside_a_legend_and_none_may_have_a_curve(tmp_path):
    for size in range(11):
        write_run(tmp_path, f"patch-{size}", f"data.patch_size={40 + size}", gain=2 + size / 100, steps=())
    write_report(tmp_path)
    sizes = [read_image(tmp_path / "report" / f"{name}.png").shape for name in ("curves", "parameters", "time")]
    assert all(height == 550 and width > 850 for height, width, _ in sizes)


def test_files_are_replaced_and_the_report_is_no_run(sweep):
    page = write_report(sweep)
    first = {path.name: path.read_bytes() for path in page.parent.iterdir()}
    assert set(first) == FILES
    (page.parent / "config.yaml").write_text("seed: 1")
    write_report(sweep)
    (page.parent / "config.yaml").unlink()
    second = {path.name: path.read_bytes() for path in page.parent.iterdir()}
    assert second.keys() == first.keys()
    assert all(first[name] == second[name] for name in ("report.md", "table.csv", "table.tex"))
    for name in ("curves.png", "parameters.png", "time.png"):
        assert f"]({name})" in first["report.md"].decode()
        image = read_image(page.parent / name)
        assert image.shape[0] == 550 and 792 <= image.shape[1] < 1200 and image.std() > 10


def test_latex(tmp_path):
    write_run(tmp_path, "a", "model.name=a_b", gain=2.0)
    write_run(tmp_path, "b", "model.name='50% & more'", gain=1.5)
    write_report(tmp_path)
    text = (tmp_path / "report" / "table.tex").read_text()
    assert [line for line in text.splitlines() if line.startswith("\\") and "&" not in line] == [
        "\\begin{tabular}{lrlrrrrrr}", "\\toprule", "\\midrule", "\\bottomrule", "\\end{tabular}",
    ]  # fmt: skip
    body = [line for line in text.splitlines() if line.endswith(r" \\")]
    assert {len(re.split(r"(?<!\\)&", line)) for line in body} == {9} and len(body) == 4
    assert "a\\_b" in text and "50\\% \\& more" in text and "$-$0.5" in text and "±" not in text
    assert text.count("{") == text.count("}")


def test_latex_escapes():
    assert latex_text("a_b {x} 5% #1 ~^\\") == (
        r"a\_b \{x\} 5\% \#1 \textasciitilde{}\textasciicircum{}\textbackslash{}"
    )
    assert latex_text("-0.10 [-0.20, +0.10]") == "$-$0.10 [$-$0.20, +0.10]" and latex_text("1e-08") == "1e-08"


def test_markdown_keeps_bars_of_labels(tmp_path):
    for name in ("a|b", "c"):
        write_run(tmp_path, name, f"model.name='{name}'")
    assert "| a\\|b |" in write_report(tmp_path).read_text()


# mistakes


def replace_rows(*rows: dict):
    return spoil("results.json", json.dumps({"rows": rows}))


def spoil(name: str, text: str):
    return lambda sweep: (sweep / "loss-l1_seed-1" / name).write_text(text)


def without_results(sweep):
    for path in sweep.glob("*/results.json"):
        path.unlink()


PSNR = image_psnr(2, 1)
OTHERS = image_psnr(2, 1, ("one", "two", "three", "four", "five"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoil("results.json", '{"rows": ['), "loss-l1_seed-1/results.json: damaged .*Evaluate the run again"),
        (spoil("results.json", "[]"), "results.json: the content is a list of 0; expected a dictionary with rows"),
        (spoil("results.json", '{"rows": []}'), "results.json: rows has no row of the run's own method"),
        (
            spoil("results.json", '{"rows": [{"method": "edsr"}]}'),
            "results.json: rows.0.set is missing; expected text. Evaluate",
        ),
        (replace_rows(result_row("a", PSNR), result_row("b", PSNR)), "several methods on set5 x2"),
        (
            replace_rows({**result_row("a", PSNR), "images": {}}),
            "rows.0.images is a dict of 0; expected a dictionary of images, at least 1",
        ),
        (replace_rows(result_row("a", PSNR, protocol="rgb")), "protocol rgb on set5 .5 images.: loss-l1_seed-1"),
        (replace_rows(result_row("a", PSNR, image_set="b100")), "not measured alike.* b100 .*: loss-l1_seed-1"),
        (replace_rows(result_row("a", OTHERS)), "sets of the same names hold other images"),
        (
            replace_rows(result_row("bicubic", image_psnr(0.3, 0)), result_row("edsr", PSNR)),
            "set5 x2: bicubic scores 30.* dB on baby in .*were measured on other images",
        ),
        (without_results, "no run has finished; none of loss-charbonnier_seed-1, .* has a results.json"),
        (spoil("config.yaml", "a: [1"), "config.yaml: cannot be read"),
        (spoil("config.yaml", "a: 1"), "config.yaml: seed is missing; expected an integer.*the configuration of a run"),
        (
            spoil("config.yaml", "seed: 1\ntrainer: {max_steps: many}"),
            "trainer.max_steps is 'many'; expected an integer",
        ),
        (spoil("config.yaml", "a: &a [1]\nseed: 1\nb: [*a, *a]"), "config.yaml: cannot be read .an alias in line 3"),
        (spoil("config.yaml", "seed: !!python/object/apply:os.system ['touch x']"), "config.yaml: cannot be read"),
        (replace_rows({**result_row("a", PSNR), "set": "\ud800"}), "rows.0.set is"),
        (replace_rows({**result_row("a", PSNR), "scale": True}), "rows.0.scale is True; expected an integer"),
        (replace_rows({**result_row("a", PSNR), "seconds": "1"}), "rows.0.seconds is '1'; expected a finite number"),
        (spoil("results.json", "[" * 100_000), "results.json: damaged .too many levels"),
        (spoil("results.json", f'{{"rows": [{"9" * 5000}]}}'), "results.json: damaged"),
        (lambda sweep: (sweep / "report").write_text(""), "report: cannot be made"),
    ],
)
def test_mistakes(sweep, change, message):
    change(sweep)
    with pytest.raises(SrlabError, match=message) as error:
        write_report(sweep)
    assert "\n" not in str(error.value)


def test_nothing_of_a_foreign_configuration_is_resolved(sweep, monkeypatch):
    monkeypatch.setenv("SECRET", "swordfish")
    for i, path in enumerate(sweep.glob("*/config.yaml")):
        text = path.read_text(encoding="utf-8")
        path.write_text(f"{text}note: ${{oc.env:SECRET}}-{i}\n", encoding="utf-8")
    write_report(sweep)
    page = (sweep / "report" / "report.md").read_text(encoding="utf-8")
    assert "swordfish" not in page and "${oc.env:SECRET}-0" in page


@pytest.mark.parametrize("name", ["[/b]", "x/../../../ESCAPED", "$\\frac{$", "<script>", "\x1b[2J", "x" * 300, "_"])
def test_names_are_labels(sweep, name):
    """In the table, in figures and in files."""
    for path in sweep.glob("*charbonnier*/config.yaml"):
        config = OmegaConf.load(path)
        config.model.name = name
        OmegaConf.save(config, path)
    before = set(sweep.parent.rglob("*"))
    write_report(sweep)
    new = {path.relative_to(sweep).as_posix() for path in set(sweep.parent.rglob("*")) - before}
    assert new == {"report", *(f"report/{file}" for file in FILES)}
    page = (sweep / "report" / "report.md").read_text(encoding="utf-8")
    assert "\x1b" not in page and "| <script>" not in page


def test_folders_that_are_no_sweep(tmp_path, sweep):
    with pytest.raises(SrlabError, match="nowhere: no such folder"):
        write_report(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SrlabError, match="empty: holds no runs"):
        write_report(tmp_path / "empty")
    with pytest.raises(SrlabError, match=r"holds no runs .* It is itself a run; give the folder above"):
        write_report(sweep / "loss-l1_seed-1")


def test_an_unknown_reference_is_answered_with_the_labels(sweep):
    with pytest.raises(
        SrlabError, match=r"reference=loss=l3: no such row. Expected one of 'loss=charbonnier', 'loss=l1'"
    ):
        write_report(sweep, "loss=l3")
    write_run(sweep, "z", "loss=l2", results=False)
    with pytest.raises(SrlabError, match="reference=loss=l2: has no finished run"):
        write_report(sweep, "loss=l2")


# the program


def test_the_program(sweep):
    done = call(sweep.parent, "srlab", "report", "losses", "reference=loss=l1")
    assert done.returncode == 0, done.stderr
    assert "loss=charbonnier" in done.stdout and "written: losses/report/report.md" in done.stdout
    page = (sweep / "report" / "report.md").read_text()
    assert "srlab report losses reference=loss=l1" in page
    assert {path.name for path in (sweep / "report").iterdir()} == FILES


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["reference=loss=l3"], "reference=loss=l3: no such row"),
        (["ref=loss=l1"], "ref=loss=l1: srlab report has no such option. Did you mean 'reference'?"),
        (["--reference", "loss=l3"], "--reference: options are written KEY=VALUE. Say reference=VALUE."),
    ],
)
def test_the_program_shows_one_line(sweep, words, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main([str(sweep), *words])
    error = capsys.readouterr().err
    assert stop.value.code == 1 and error.count("\n") == 1 and message in error
