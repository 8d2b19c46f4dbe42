"""Whole runs, small: what they leave, that they resume exactly, and that their numbers are evaluate.py's."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from div2k_tree import COUNT, write_div2k
from helpers import ROOT, write_image
from PIL import Image
from programs import alive, environment, train, working_in

from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.data.catalog import CATALOG
from srlab.errors import SrlabError
from srlab.methods import find_method
from srlab.methods.loading import load_checkpoint, read_file
from srlab.training.ending import Ending
from srlab.training.loggers.csv_log import read_rows
from srlab.training.prepare import prepare
from srlab.training.run import train_config
from srlab.training.run_folder import claimed_folder
from srlab.training.start_ranks import run_job, start_server

TINY = ["model.network.features=6", "model.network.blocks=1", "data.patch_size=16", "data.batch_size=4",
        "trainer.max_steps=8", "trainer.val_check_interval=4", "trainer.log_every_n_steps=1",
        "sets=[sample]"]  # fmt: skip


def options(tmp_path, photos_folder, *more: str) -> list[str]:
    return ["data=folder", f"data.train=[{photos_folder}]", f"runs={tmp_path}/runs", *TINY, *more]


def run(*overrides: str) -> dict[str, float]:
    return train_config(compose("train", list(overrides)))


def weights(checkpoint) -> dict[str, torch.Tensor]:
    return read_file(checkpoint)["state_dict"]


def test_a_run_is_a_folder(tmp_path, photos_folder, capsys):
    result = run(*options(tmp_path, photos_folder))
    folder = tmp_path / "runs" / "edsr_baseline_x2_folder"
    assert sorted(path.name for path in folder.iterdir() if path.name != ".lock") == [
        "checkpoints", "comparison.pdf", "comparison.png", "config.yaml", "images", "metrics.csv", "results.csv",
        "results.json", "results.md", "results.tex",
    ]  # fmt: skip
    checkpoints = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert checkpoints == ["best.ckpt", "last.ckpt", "previous.ckpt"]
    rows = {int(row["step"]): row for row in read_rows(folder / "metrics.csv")}
    assert sorted(rows) == list(range(8)) and all(float(row["train/loss"]) > 0 for row in rows.values())
    assert float(rows[3]["val/psnr"]) > 0 and float(rows[7]["val/psnr"]) > 0
    assert max(float(rows[3]["val/psnr"]), float(rows[7]["val/psnr"])) == pytest.approx(result["val/psnr"], abs=1e-3)
    assert Image.open(folder / "comparison.png").width > 600
    assert (folder / "images" / "sample_x2" / "coffee_edsr_baseline.png").is_file()
    printed = capsys.readouterr().out
    assert "step 8/8" in printed and f"{result['sample_x2/psnr']:.2f}" in printed


def test_the_seconds_of_training_are_those_of_all_parts(tmp_path, photos_folder):
    words = options(tmp_path, photos_folder)
    run(*words, "trainer.stop_after=4")
    results = tmp_path / "runs" / "edsr_baseline_x2_folder" / "results.json"
    first = json.loads(results.read_text())["training"]
    run(*words, "resume=auto")
    whole = json.loads(results.read_text())["training"]
    assert (first["steps"], whole["steps"]) == (4, 8) and whole["seconds"] > first["seconds"] > 0


def test_its_numbers_are_those_of_evaluate(tmp_path, photos_folder):
    result = run(*options(tmp_path, photos_folder, "model.ema=0.9"))
    folder = tmp_path / "runs" / "edsr_baseline_x2_folder"
    best = folder / "checkpoints" / "best.ckpt"
    rows = evaluate_config(compose("evaluate", [f"ckpt={best}", "sets=[sample]", f"out={tmp_path / 'out'}"]))
    assert [row.psnr for row in rows] == [result["sample_x2/psnr"]]
    ours = [row for row in json.loads((folder / "results.json").read_text())["rows"] if row["method"] != "bicubic"]
    theirs = json.loads((tmp_path / "out" / "results.json").read_text())["rows"]
    assert [(r["psnr"], r["ssim"], r["images"]) for r in ours] == [(r["psnr"], r["ssim"], r["images"]) for r in theirs]


@pytest.mark.parametrize("model", ["edsr_baseline", "srresnet"])
def test_a_resumed_run_ends_bit_identical(tmp_path, photos_folder, model):
    more = [f"model={model}", "model.ema=0.9", "schedule=onecycle", "data.patch_size=16", "data.batch_size=4"]
    run(*options(tmp_path, photos_folder, *more, "name=whole"))
    run(*options(tmp_path, photos_folder, *more, "name=parts", "trainer.stop_after=4"))
    run(*options(tmp_path, photos_folder, *more, "name=parts", "resume=auto"))
    whole, parts = (tmp_path / "runs" / name for name in ("whole", "parts"))
    for name in ("last", "best"):
        a, b = (read_file(folder / "checkpoints" / f"{name}.ckpt") for folder in (whole, parts))
        assert a["global_step"] == b["global_step"]
        assert all(torch.equal(a["state_dict"][key], b["state_dict"][key]) for key in a["state_dict"])
        moments = [c["optimizer_states"][0]["state"] for c in (a, b)]
        assert all(torch.equal(moments[0][i][k], moments[1][i][k]) for i in moments[0] for k in moments[0][i])
    logs = [read_rows(folder / "metrics.csv") for folder in (whole, parts)]
    for row in (*logs[0], *logs[1]):
        del row["train/images_per_second"]
    assert logs[0] == logs[1]


def test_a_killed_run_goes_on_and_ends_as_if_nothing_had_happened(tmp_path, photos_folder):
    words = options(tmp_path, photos_folder, "trainer.max_steps=120", "trainer.precision=32-true", "trainer=cpu")
    words = [word for word in words if word != "trainer.max_steps=8"]
    assert train(tmp_path, *words, "name=whole").returncode == 0
    victim = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *words, "name=killed"], env=environment(), stdout=subprocess.DEVNULL
    )
    last = tmp_path / "runs" / "killed" / "checkpoints" / "last.ckpt"
    deadline = time.monotonic() + 120
    while not last.is_file() and time.monotonic() < deadline:
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    assert 0 < read_file(last)["global_step"] < 120
    assert train(tmp_path, *words, "name=killed", "resume=auto").returncode == 0
    whole = weights(tmp_path / "runs" / "whole" / "checkpoints" / "last.ckpt")
    assert all(torch.equal(value, whole[key]) for key, value in weights(last).items())


@pytest.mark.parametrize("model", ["vdsr", "srresnet"])
def test_two_processes_train_as_one(tmp_path, photos_folder, model):
    """Same global batch: the weight changes agree, and both processes share validation and evaluation.

    VDSR's processes have different numbers of samples of each scale; SRResNet's BatchNorm takes the whole batch.
    """
    network = {"vdsr": {"features": 6, "depth": 3}, "srresnet": {"scale": 2, "features": 6, "blocks": 1}}[model]
    words = options(tmp_path, photos_folder, "trainer.precision=32-true", "optimizer.name=sgd",
                    "optimizer.learning_rate=0.1", "data.augment=false")  # fmt: skip
    if model == "vdsr":
        words = [word for word in words if "blocks" not in word]
        words += ["model=vdsr", "model.network.depth=3", "optimizer.learning_rate=1e-3"]
    if model == "srresnet":
        words += ["model=srresnet"]
    one = train(tmp_path, *words, "name=one", "trainer=cpu")
    two = train(tmp_path, *words, "name=two", "trainer=ddp_sim")
    assert one.returncode == 0, one.stderr
    assert two.returncode == 0, two.stderr
    assert "2 cpu process(es)" in two.stdout
    a, b = (weights(tmp_path / "runs" / name / "checkpoints" / "last.ckpt") for name in ("one", "two"))
    torch.manual_seed(0)
    start = find_method(model)(network).state_dict()
    change = torch.cat([(a[key] - start[key]).flatten() for key in a])
    difference = torch.cat([(a[key] - b[key]).flatten() for key in a])
    assert difference.norm() < 1e-3 * change.norm()
    logs = [read_rows(tmp_path / "runs" / name / "metrics.csv") for name in ("one", "two")]
    norms = [[float(row["train/gradient_norm"]) for row in log] for log in logs]
    assert len(norms[0]) == 8 and norms[1] == pytest.approx(norms[0], rel=1e-3)
    rows = [json.loads((tmp_path / "runs" / n / "results.json").read_text())["rows"] for n in ("one", "two")]
    for first, second in zip(*rows, strict=True):
        assert list(first["images"]) == list(second["images"]) and second["n"] == 3
        assert second["psnr"] == pytest.approx(first["psnr"], abs=1e-3)


def test_mdsr_on_four_processes(tmp_path, photos_folder):
    """`python train.py model=mdsr trainer.devices=4`, on four CPU processes, with a narrow network and few steps."""
    words = [word for word in options(tmp_path, photos_folder) if not word.startswith(("data.patch_size", "sets"))]
    small = ["data.patch_size=12", "trainer.stop_after=3", "trainer.accelerator=cpu", "sets=[sample]"]
    finished = train(tmp_path, "model=mdsr", "trainer.devices=4", *words, *small)
    assert finished.returncode == 0, finished.stderr
    assert "4 cpu process(es)" in finished.stdout
    folder = tmp_path / "runs" / "mdsr_x2-3-4_folder"
    validation = [row for row in read_rows(folder / "metrics.csv") if row.get("val/psnr")][-1]
    means = [float(validation[f"val/psnr_x{scale}"]) for scale in (2, 3, 4)]
    assert float(validation["val/psnr"]) == pytest.approx(sum(means) / 3, abs=1e-4)
    rows = json.loads((folder / "results.json").read_text())["rows"]
    assert {row["scale"] for row in rows if row["method"] == "mdsr"} == {2, 3, 4}


def test_vdsr_trains_on_several_scales_in_a_batch(tmp_path, photos_folder):
    words = options(tmp_path, photos_folder, "model=vdsr", "model.network.depth=3", "data.hr_patch_size=41")
    result = run(*(word for word in words if "blocks" not in word))
    assert {key for key in result if key.startswith("sample")} == {f"sample_x{scale}/psnr" for scale in (2, 3, 4)}


def test_a_process_that_fails_ends_the_run(tmp_path, photos_folder):
    (tmp_path / "priors.py").write_text(
        "import os, torch\n"
        "def network() -> torch.nn.Module:\n"
        "    if os.environ.get('SRLAB_RANK') == '1':\n"
        "        os._exit(3)\n"
        "    return torch.nn.Identity()\n"
    )
    words = options(
        tmp_path, photos_folder, "trainer=ddp_sim", "loss.prior.weight=1", "loss.prior.network=priors:network"
    )
    failed = train(tmp_path, *words, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT / 'src'}")
    assert failed.returncode == 1 and "folder: process 1 of 2 ended with code 3, without a message." in failed.stderr


def test_a_process_that_raises_leaves_its_traceback(tmp_path, capfd):
    """math.sqrt, which takes no configuration, as what the ranks do."""
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    start_server(["srlab.training.run"])
    message = r"process \d of 2 failed \(TypeError: must be real number, not DictConfig\); its traceback stands above"
    with pytest.raises(SrlabError, match=message):
        run_job(math.sqrt, tmp_path / "config.yaml", 2, Ending())
    printed = capfd.readouterr().err
    assert printed.startswith("Traceback ") and printed.count("Traceback ") == 1


def test_no_process_outlives_a_killed_run(tmp_path, photos_folder):
    words = [word for word in options(tmp_path, photos_folder, "trainer=ddp_sim") if "max_steps" not in word]
    command = [sys.executable, str(ROOT / "train.py"), *words]
    victim = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True)
    assert any(line.startswith("step ") for line in victim.stdout)
    assert len(working_in(tmp_path)) >= 5  # the program, its two ranks, and the two processes of multiprocessing
    victim.kill()
    victim.wait()
    assert alive(tmp_path) == []


def test_an_earlier_run_is_never_overwritten_silently(tmp_path, photos_folder):
    words = options(tmp_path, photos_folder, "trainer.stop_after=1")
    run(*words)
    folder = tmp_path / "runs" / "edsr_baseline_x2_folder"
    written = (folder / "checkpoints" / "best.ckpt").stat().st_mtime_ns
    with pytest.raises(SrlabError, match=r"resume=auto; keep it: name=OTHER; or replace it: overwrite=true"):
        run(*words)
    assert (folder / "checkpoints" / "best.ckpt").stat().st_mtime_ns == written
    run(*words, "overwrite=true")
    assert (folder / "checkpoints" / "best.ckpt").stat().st_mtime_ns > written


def test_overwrite_leaves_other_peoples_folders_alone(tmp_path, photos_folder):
    folder = tmp_path / "runs" / "thesis"
    folder.mkdir(parents=True)
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(SrlabError, match="not a run of srlab"):
        run(*options(tmp_path, photos_folder, "name=thesis", "overwrite=true"))
    with pytest.raises(SrlabError, match="holds an earlier run"):
        run(*options(tmp_path, photos_folder, "name=thesis", "resume=auto"))
    assert (folder / "thesis.tex").read_text() == "years of work"


def test_a_checkpoint_that_cannot_be_resumed(tmp_path, photos_folder):
    run(*options(tmp_path, photos_folder, "trainer.stop_after=1", "name=a"))
    last = tmp_path / "runs" / "a" / "checkpoints" / "last.ckpt"
    with pytest.raises(SrlabError, match=r"cannot be resumed by another run: blocks was 1 and is 2\."):
        run(*options(tmp_path, photos_folder, "name=a", "resume=auto", "model.network.blocks=2"))
    with pytest.raises(SrlabError, match=r"method was edsr and is srresnet"):
        run(*options(tmp_path, photos_folder, "model=srresnet", "name=b", f"resume={last}"))
    damaged = tmp_path / "damaged.ckpt"
    damaged.write_bytes(last.read_bytes()[:5000])
    with pytest.raises(SrlabError, match=r"damaged\.ckpt: not a file of weights, or a damaged one"):
        run(*options(tmp_path, photos_folder, "name=b", f"resume={damaged}"))
    for change, message in (
        ("seed=7", "seed was 0 and is 7"),
        ("data.batch_size=8", "batch_size was 4 and is 8"),
        ("model.ema=0.9", r"ema was 0\.0 and is 0\.9"),
        ("optimizer.learning_rate=1e-3", "optimizer was"),
    ):
        with pytest.raises(SrlabError, match=message):
            run(*options(tmp_path, photos_folder, "name=a", "resume=auto", change))
    torch.save(weights(last), tmp_path / "bare.pt")
    with pytest.raises(SrlabError, match=r"bare\.pt: not a checkpoint of a training run.*init_from="):
        run(*options(tmp_path, photos_folder, "name=b", f"resume={tmp_path / 'bare.pt'}"))


def test_a_run_that_died_before_its_first_checkpoint_starts_again(tmp_path, photos_folder):
    folder = tmp_path / "runs" / "a"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("seed: 0\n")
    run(*options(tmp_path, photos_folder, "name=a", "resume=auto", "trainer.stop_after=1"))
    assert (folder / "checkpoints" / "last.ckpt").is_file()


def test_a_finished_run_without_a_whole_checkpoint_is_kept(tmp_path, photos_folder):
    folder = tmp_path / "runs" / "a"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("seed: 0\n")
    (folder / "results.json").write_text("{}")
    with pytest.raises(
        SrlabError, match=r"a is finished, and has no whole checkpoint to go on from.*overwrite=true\.$"
    ):
        run(*options(tmp_path, photos_folder, "name=a", "resume=auto"))
    assert sorted(path.name for path in folder.iterdir() if path.name != ".lock") == ["config.yaml", "results.json"]


def test_a_run_that_another_process_goes_on_with_meanwhile(tmp_path, photos_folder):
    """It leaves its first checkpoint between what this one checks and what it writes."""
    config = parse(compose("train", options(tmp_path, photos_folder, "name=a", "resume=auto")), TrainConfig)
    made = prepare(config)
    assert made.resumed is None
    made.files.checkpoints.mkdir(parents=True)
    made.files.config.write_text("seed: 0\n")
    torch.save({"global_step": 4}, made.files.last)
    message = r"a: another process has trained there meanwhile"
    with pytest.raises(SrlabError, match=message), claimed_folder(config, made.folder, made.resumed):
        pytest.fail("it must not be changed")
    assert made.files.last.is_file()


def test_what_a_folder_passes_over_is_said(tmp_path, photos_folder, capsys):
    (photos_folder / ".DS_Store").touch()
    prepare(parse(compose("train", options(tmp_path, photos_folder)), TrainConfig))
    assert "hidden files and those of systems are ignored (.DS_Store)" in capsys.readouterr().err


def test_a_method_that_makes_its_own_lr_images(tmp_path, monkeypatch):
    for part in ("train", "valid"):
        monkeypatch.setitem(CATALOG, f"div2k_{part}", replace(CATALOG[f"div2k_{part}"], count=COUNT))
    write_div2k(tmp_path)
    with pytest.raises(SrlabError, match=r"data\.degradation=unknown: aplus makes its LR images itself"):
        run("model=aplus", "data=div2k", f"data.root={tmp_path}", "data.degradation=unknown", "sets=[]")


def test_resuming_into_another_folder(tmp_path, photos_folder):
    """A moved run keeps its best; another run's folder is not written into; a new folder starts with the next best."""
    run(*options(tmp_path, photos_folder, "trainer.stop_after=4", "name=a"))
    runs = tmp_path / "runs"
    (runs / "a").rename(runs / "moved")
    finished = run(*options(tmp_path, photos_folder, "name=moved", "resume=auto", "trainer.stop_after=4"))
    assert finished["val/psnr"] > 0
    run(*options(tmp_path, photos_folder, "trainer.stop_after=4", "name=other"))
    last = runs / "moved" / "checkpoints" / "last.ckpt"
    before = (runs / "other" / "checkpoints" / "last.ckpt").read_bytes()
    with pytest.raises(SrlabError, match="holds an earlier run"):
        run(*options(tmp_path, photos_folder, "name=other", f"resume={last}"))
    assert (runs / "other" / "checkpoints" / "last.ckpt").read_bytes() == before
    finished = run(*options(tmp_path, photos_folder, "name=new", f"resume={last}", "protocol=rgb"))  # lower numbers
    (row,) = [row for row in read_rows(runs / "new" / "metrics.csv") if row.get("val/psnr")]
    assert finished["val/psnr"] == pytest.approx(float(row["val/psnr"]), abs=1e-3)
    assert last.is_file() and read_file(runs / "new" / "checkpoints" / "last.ckpt")["global_step"] == 8
    with pytest.raises(SrlabError, match="nothing was left to train"):
        run(*options(tmp_path, photos_folder, "name=third", f"resume={last}", "trainer.stop_after=4"))


def test_resume_under_accumulation(tmp_path, photos_folder):
    more = ["trainer.accumulate_grad_batches=2", "model.ema=0.9", "data.num_workers=1"]
    run(*options(tmp_path, photos_folder, *more, "name=whole"))
    run(*options(tmp_path, photos_folder, *more, "name=parts", "trainer.stop_after=4"))
    run(*options(tmp_path, photos_folder, *more, "name=parts", "resume=auto"))
    a, b = (weights(tmp_path / "runs" / name / "checkpoints" / "last.ckpt") for name in ("whole", "parts"))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_a_validation_image_that_cannot_be_measured(tmp_path, photos_folder):
    write_image(tmp_path / "valid" / "tiny.png", np.zeros((12, 12, 3), np.uint8))
    with pytest.raises(SrlabError, match="needs images of at least 15x15, not 12x12"):
        run(*options(tmp_path, photos_folder, f"data.valid={tmp_path / 'valid'}"))
    assert not (tmp_path / "runs").exists()


def test_a_folder_that_cannot_be_made(tmp_path, photos_folder):
    (tmp_path / "file").write_text("")
    with pytest.raises(SrlabError, match="cannot be made"):
        run(*options(tmp_path, photos_folder, f"runs={tmp_path / 'file'}"))


def test_fine_tuning_from_x2_to_x4(tmp_path, photos_folder, capsys):
    run(*options(tmp_path, photos_folder, "trainer.stop_after=2"))
    best = tmp_path / "runs" / "edsr_baseline_x2_folder" / "checkpoints" / "best.ckpt"
    run(*options(tmp_path, photos_folder, "scale=4", "data.patch_size=12", f"init_from={best}",
                 "optimizer.learning_rate=1e-30", "trainer.stop_after=1"))  # fmt: skip
    assert "left 2 as initialised (tail.0.2.weight, tail.0.2.bias)" in capsys.readouterr().out
    tuned = load_checkpoint(tmp_path / "runs" / "edsr_baseline_x4_folder" / "checkpoints" / "best.ckpt")
    assert torch.equal(tuned.network.head.weight, load_checkpoint(best).network.head.weight)


def test_options_of_the_trainer_arrive(tmp_path, photos_folder):
    """Clipping, accumulation and a luma network in one run; the schedule counts updates, not batches."""
    run(*options(tmp_path, photos_folder, "trainer.gradient_clip_val=0.5", "trainer.accumulate_grad_batches=2",
                 "model.network.channels=1", "schedule.milestones=[4]", "schedule.gamma=0.1"))  # fmt: skip
    folder = tmp_path / "runs" / "edsr_baseline_x2_folder"
    assert read_file(folder / "checkpoints" / "last.ckpt")["global_step"] == 8
    rates = [float(row["train/learning_rate"]) for row in read_rows(folder / "metrics.csv")]
    assert sorted(set(rates), reverse=True) == pytest.approx([1e-4, 1e-5])
    row = json.loads((folder / "results.json").read_text())["rows"][1]
    assert row["input"] == "Y by the method, Cb and Cr bicubic"


def test_a_diverging_run_stops_and_says_so(tmp_path, photos_folder):
    with pytest.raises(SrlabError, match=r"training has diverged: .*optimizer\.learning_rate=1e\+29"):
        run(*options(tmp_path, photos_folder, "optimizer.name=sgd", "optimizer.learning_rate=1e30"))
    assert not (tmp_path / "runs" / "edsr_baseline_x2_folder" / "checkpoints").exists()


def test_the_sample_is_announced_and_named(tmp_path, capsys):
    small = [word for word in TINY if not word.startswith("data.patch_size")]
    run(*small, "data.sample_images=4", "data.sample_size=64", "data.patch_size=16", f"runs={tmp_path}",
        f"data.root={tmp_path}", "trainer.stop_after=1")  # fmt: skip
    assert "embedded SAMPLE data" in capsys.readouterr().out
    assert (tmp_path / "edsr_baseline_x2_sample" / "results.json").is_file()


def test_tensorboard_writes_beside_the_csv(tmp_path, photos_folder):
    """W&B has tests of its own."""
    run(*options(tmp_path, photos_folder, "logger=tensorboard", "trainer.stop_after=2"))
    folder = tmp_path / "runs" / "edsr_baseline_x2_folder"
    assert (folder / "metrics.csv").is_file() and list(folder.rglob("events.out.tfevents*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model=edsr", "scale=5"], "scale=5: this upsampler has 2, 3, 4 and 8"),
        (["model=vdsr", "scale=[]"], "scale: a value is needed, such as scale=2."),
        (["model=mdsr", "scale=5"], "scale=5: mdsr was built for 2, 3, 4."),
        (["model=bicubic", "model.network.kernel=bicubc"], "kernel=bicubc: expected one of nearest,"),
        (["scale=[2,3]"], "scale=[2, 3]: expected one integer of at least 1"),
        (["+model.network.feature=3"], "Did you mean 'features'?"),
        (["model.network.norm=layer"], "norm=layer: expected none or batch."),
        (["trainer.devices=0"], "trainer.devices=0: expected auto or a number of at least 1."),
        (["trainer.precision=bf17"], "trainer.precision=bf17: expected"),
        (["data=folder", "data.train=[nowhere]"], "nowhere: no such folder."),
        (["init_from=none.ckpt"], "none.ckpt: no such file."),
        (["resume=none.ckpt"], "resume=none.ckpt: no such checkpoint."),
        (["sets=[set55]"], "Did you mean 'set5'?"),
        (["name='a=b'"], "without '='"),
        (["optimizer.name=adamm"], "Did you mean 'adam'?"),
        (["schedule.name=cosin"], "Did you mean 'cosine'?"),
        (["model=bicubic"], "no weights to train"),
        (["trainer.max_steps=-1"], "trainer.max_steps=-1: expected 1 or more"),
        (["data.patch_size=0"], "data.patch_size=0: expected 1 or more"),
        (["seed=99999999999999999999"], "seed=99999999999999999999: expected less than"),
        (["model.ema=1.5"], "model.ema=1.5: expected less than 1"),
        (["model.network.channels=2"], "channels=2: expected 1 (luma) or 3 (RGB)"),
        (["optimizer.betas=[0.9]"], "optimizer.betas=[0.9]: expected two numbers"),
        (["loss.l1.weight=-1"], "loss.l1.weight=-1: expected a number"),
        (["trainer.precision=bf16-true"], "trainer.precision=bf16-true: expected"),
        (["model=vdsr", "scale=2.5"], "scale=2.5: expected an integer"),
        (["model=vdsr", "scale=two"], "scale=two: expected an integer"),
        (["name=''"], "expected the name of a folder"),
        (["name=../x"], "expected the name of a folder"),
        (["model.network.features=many"], "features=many: expected one integer"),
        (["model.network.residual_scale=x"], "residual_scale=x: expected a number"),
    ],
)
def test_a_mistake_is_found_before_anything_is_written(tmp_path, words, message):
    with pytest.raises(SrlabError) as error:
        run("data.sample_images=2", "data.sample_size=128", f"runs={tmp_path / 'runs'}", *words)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "runs").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there(tmp_path):
    with pytest.raises(SrlabError, match="finds no GPU on this machine"):
        run(f"runs={tmp_path / 'runs'}", "trainer=gpu")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sed=3"], "sed: no such option. Did you mean 'seed'?"),
        (["model.network.depth=3"], "model.network.depth"),
        (["init_from=a=b.ckpt"], "a=b.ckpt: no such file."),
        (["data=folder", "data.train=[nowhere]"], "nowhere: no such folder."),
    ],
)
def test_the_program_shows_a_mistake_as_one_line(tmp_path, words, message):
    failed = train(tmp_path, *words)
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: ") and failed.stderr.count("\n") == 1, failed.stderr
    assert message in failed.stderr and list(tmp_path.iterdir()) == []
