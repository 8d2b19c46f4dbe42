"""Runs on W&B, by what they leave on disk offline."""

import csv
import json
import os
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
import wandb
import yaml
from helpers import CONF, ROOT, read_image, write_image
from programs import train
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args
from wandb_file import WandbFile, wandb_files

from srlab.config.check_overrides import check_overrides
from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.data.synthetic import synthetic_image
from srlab.errors import SrlabError
from srlab.methods.loading import load_checkpoint
from srlab.training.loggers.csv_log import read_rows
from srlab.training.loggers.wandb_log import WandbLog, _cell, summary_of
from srlab.training.run import train_config
from srlab.weights.checkpoint import step_of

TINY = ["model=edsr_baseline", "model.network.features=4", "model.network.blocks=1", "data.patch_size=8",
        "data.batch_size=4", "trainer.max_steps=6", "trainer.val_check_interval=2", "trainer.log_every_n_steps=1",
        "trainer=cpu", "sets=[set5]", "logger=wandb"]  # fmt: skip


def test_cells_of_the_table_are_finite_numbers_text_or_empty():
    assert [_cell(text) for text in ("30.5", "inf", "nan", "", "set5")] == [30.5, None, None, None, "set5"]


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Iterator[Path]:
    """Small images to train on, to validate on and to measure on; nothing of W&B is written outside."""
    folder = tmp_path_factory.mktemp("project")
    for i in range(4):
        write_image(folder / f"train/{i}.png", synthetic_image(i, 48))
        write_image(folder / f"valid/{i}.png", synthetic_image(10 + i, 48))
    for i in range(5):
        write_image(folder / f"benchmark/Set5/HR/{i}.png", synthetic_image(20 + i, 32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "SRLAB_CACHE", "HOME"):
            patch.setenv(name, str(folder / "home"))
        for name in ("WANDB_API_KEY", "WANDB_PROJECT", "WANDB_SWEEP_ID", "WANDB_RUN_ID", "NETRC"):
            patch.delenv(name, raising=False)
        yield folder


def words(project: Path, *more: str) -> list[str]:
    data = ["data=folder", f"data.root={project}", f"data.train=[{project}/train]", f"data.valid={project}/valid"]
    return [*TINY, *data, f"runs={project}/runs", *more]


def run(project: Path, *more: str) -> Path:
    """Trains, and returns the run's folder."""
    config = compose("train", words(project, *more))
    train_config(config)
    return Path(config.runs) / config.name


@pytest.fixture(scope="module")
def parts(project) -> tuple[Path, list[WandbFile]]:
    """A run in two parts, four steps and two."""
    more = ["name=study/first", "logger.tags=[a,b]", "logger.notes=why", "logger.images=2"]
    run(project, *more, "trainer.stop_after=4")
    folder = run(project, *more, "resume=auto")
    return folder, wandb_files(folder)


def test_a_run_says_what_it_is(parts):
    folder, (file, _) = parts
    record, config = file.run, file.config
    assert (record.project, record.run_group, record.display_name) == ("srlab", "study", "first")
    assert (record.job_type, list(record.tags), record.notes) == ("train", ["a", "b"], "why")
    assert config["optimizer"]["learning_rate"] == 1e-4 and config["model"]["network"]["features"] == 4
    network = load_checkpoint(folder / "checkpoints" / "best.ckpt").network
    assert config["parameters"] == sum(p.numel() for p in network.parameters())
    weights = sum(m.weight.numel() for m in network.modules() if isinstance(m, torch.nn.Conv2d))
    after_upsampling = network.tail[1].weight.numel()  # at 1280 x 720; the others at half of either side
    assert config["multiply_adds"] == {"x2": 640 * 360 * (weights + 3 * after_upsampling)}
    if (ROOT / ".git").exists():
        head = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
        assert config["git_commit"].rstrip("+") == head
    assert file.exit_code == 0


def test_metrics_stand_against_the_step_as_in_the_csv(parts):
    folder, files = parts
    rows = read_rows(folder / "metrics.csv")
    for key in ("train/loss", "train/learning_rate", "train/gradient_norm", "train/images_per_second", "val/psnr"):
        logged = [item for file in files for item in file.logged(key)]
        assert [step for step, _ in logged] == ([1, 3, 5] if key == "val/psnr" else list(range(6)))
        assert [value for _, value in logged] == pytest.approx([float(r[key]) for r in rows if r[key]], rel=1e-5)
        assert files[0].metrics["*"].step_metric == files[0].metrics["trainer/global_step"].name


def test_the_largest_quality_counts(parts):
    metrics = parts[1][0].metrics
    largest = sorted(name for name, metric in metrics.items() if metric.summary.max)
    assert largest == ["set5_x2/psnr", "set5_x2/ssim", "val/psnr"]
    assert {metrics[name].step_metric for name in ("val/psnr", "set5_x2/psnr")} == {"trainer/global_step"}


def test_results_stand_at_the_step_of_the_best_checkpoint(parts):
    folder, (_, file) = parts
    bicubic, ours = json.loads((folder / "results.json").read_text())["rows"]
    step = step_of(folder / "checkpoints" / "best.ckpt") - 1
    for quality in ("psnr", "ssim"):
        assert file.logged(f"set5_x2/{quality}") == [(step, ours[quality])]
        assert file.logged(f"set5_x2/bicubic_{quality}") == [(step, bicubic[quality])]
    row = next(row for row in file.history if "results.path" in row)
    table = json.loads(file.media(row, "results").read_text())
    with (folder / "results.csv").open() as lines:
        header, *rows = csv.reader(lines)
    assert table["columns"] == header
    assert [["" if cell is None else str(cell) for cell in line] for line in table["data"]] == [
        [str(float(text)) if text.replace(".", "").isdigit() else text for text in line] for line in rows
    ]
    assert file.media(row, "comparison").read_bytes() == (folder / "comparison.png").read_bytes()


def test_panels_of_the_same_images_at_every_validation(parts, project):
    _, files = parts
    for key, name in (("panels/1", "0"), ("panels/2", "1")):
        steps = [step for file in files for step, _ in file.logged(f"{key}.path")]
        assert steps == [1, 3, 5]
        row = next(row for row in files[0].history if f"{key}.path" in row)
        lr, bicubic, sr, hr, error = np.split(
            np.pad(read_image(files[0].media(row, key)), ((0, 0), (0, 4), (0, 0))), 5, 1
        )
        assert np.array_equal(hr[:, :48], read_image(project / f"valid/{name}.png"))
        assert np.array_equal(lr[::2, :48:2], lr[1::2, 1:48:2]) and not np.array_equal(sr, bicubic)
        assert (error[:, :48].reshape(-1, 3).max(axis=0) > 0).all()
        assert row[f"{key}.caption"].startswith(f"{name}: LR x2, bicubic ")
    assert not any(key.startswith("panels/3") for row in files[0].history for key in row)


def test_checkpoints_are_artifacts_when_training_ends(parts):
    folder, files = parts
    for file, steps in zip(files, (4, 6), strict=True):
        best, last = file.artifacts
        assert {(a.type, a.name) for a in (best, last)} == {("model", "study-first")}
        assert {"best", "last"} & set(best.aliases) == {"best"} and "last" in last.aliases
        step = json.loads(best.metadata)["step"]
        assert f"step-{step}" in best.aliases and 0 < step <= steps
        assert json.loads(last.metadata)["step"] == steps
        items = [item for artifact in (best, last) for item in artifact.manifest.contents]
        assert [item.path for item in items] == ["best.ckpt", "last.ckpt"]
        for item in items:  # as they were when this part ended, although the run was resumed
            assert item.digest == b64encode(md5(Path(item.local_path).read_bytes()).digest()).decode()
            assert file.path.parent in Path(item.local_path).parents
    assert step_of(folder / "checkpoints" / "last.ckpt") == 6


def test_a_resumed_run_is_the_same_one(parts):
    folder, (first, second) = parts
    assert first.run.run_id == second.run.run_id == (folder / "wandb_id.txt").read_text().strip()
    assert second.run.resume
    # W&B's own steps are the trainer's: the parts do not overlap, but for the first part's evaluation.
    assert [row["_step"] for row in first.history] == [0, 1, 2, 3, 4]
    assert [row["_step"] for row in second.history] == [4, 5, 6]


def test_a_run_that_fails_is_marked_and_leaves_nothing(project, monkeypatch):
    """logger.offline does what WANDB_MODE=offline does, and is not left to the next run of the process."""
    monkeypatch.delenv("WANDB_MODE")
    with pytest.raises(SrlabError, match="diverged"):
        run(project, "name=failed", "optimizer.name=sgd", "optimizer.learning_rate=1e30", "logger.offline=true")
    (file,) = wandb_files(project / "runs" / "failed")
    assert file.exit_code == 1 and file.artifacts == [] and file.run.run_group == ""
    assert wandb.run is None and not {"WANDB_MODE", "WANDB_SERVICE"} & set(os.environ)


def test_a_sweep_on_two_processes_is_a_group_with_one_run_a_job(project, tmp_path):
    more = words(project, "trainer.max_steps=2")
    finished = train(tmp_path, "-m", "seed=0,1", "name=seeds", "trainer.devices=2", *more)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("2 cpu process(es)") == 2
    files = wandb_files(project / "runs" / "seeds")
    assert sorted((file.run.run_group, file.run.display_name) for file in files) == [
        ("seeds", "seed-0"), ("seeds", "seed-1")
    ]  # fmt: skip
    assert len({file.run.run_id for file in files}) == 2 and list(tmp_path.iterdir()) == []
    for file in files:
        assert file.config["processes"] == "2 cpu" and len(file.logged("set5_x2/psnr")) == 1
        assert all(len(file.logged(f"panels/{i}.path")) == 1 for i in (1, 2, 3))  # some by either rank


def test_a_run_of_wandbs_own_sweep_agent(project, monkeypatch):
    """conf/wandb/sweep.yaml as the agent reads it: its command composes, and the run is the agent's."""
    sweep = yaml.safe_load((CONF / "wandb" / "sweep.yaml").read_text())
    assert sweep["program"] == "train.py" and sweep["metric"] == {"name": "val/psnr", "goal": "maximize"}
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep123")
    monkeypatch.setenv("WANDB_RUN_ID", "run456")
    values = {"optimizer.learning_rate": {"value": 3e-4}, "data.patch_size": {"value": 32}}
    assert set(values) == set(sweep["parameters"])
    arguments = create_sweep_command_args({"args": values})["args_no_hyphens"]
    command = create_sweep_command(sweep["command"])
    assert command[:3] == ["${env}", "${interpreter}", "${program}"] and command[-1] == "${args_no_hyphens}"
    own = [*command[3:-1], *arguments]
    check_overrides(own, TrainConfig)
    assert compose("train", own).optimizer.learning_rate == 3e-4
    folder = run(project, *own, *TINY, "trainer.stop_after=2", "logger.checkpoints=false", "logger.images=0")
    assert folder == project / "runs" / "wandb-sweep123" / "run456"
    (file,) = wandb_files(folder)
    assert (file.run.run_id, file.run.sweep_id) == ("run456", "sweep123")
    assert (file.run.display_name, file.run.run_group) == ("run456", "wandb-sweep123")
    assert file.artifacts == [] and not any(key.startswith("panels") for row in file.history for key in row)


class Refusing(BaseHTTPRequestHandler):
    """A W&B server that knows nobody."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_error(401)

    def log_message(self, *args: object) -> None:
        """Not on stderr."""


@pytest.mark.parametrize(
    ("key", "message"), [(None, "nobody is logged in. Run: wandb login;"), ("0" * 40, "Failed to authenticate")]
)
def test_without_a_login_nothing_begins_and_nobody_is_asked(project, monkeypatch, key, message):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.server_address[1]}")
    if key is not None:
        monkeypatch.setenv("WANDB_API_KEY", key)
    with pytest.raises(SrlabError) as error:
        run(project, "name=online")
    server.shutdown()
    server.server_close()
    text = str(error.value)
    assert text.startswith(f"logger=wandb: {message}") and "\n" not in text
    assert "WANDB_MODE=offline" in text and "logger.offline=true" in text
    assert not (project / "runs" / "online").exists() and "WANDB_SERVICE" not in os.environ


def test_a_server_that_refuses_when_the_run_begins(tmp_path, project, monkeypatch):
    """Such as one that has forgotten the login since it was checked."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    (tmp_path / "a").mkdir()
    log = WandbLog(parse(compose("train", [f"runs={tmp_path}", "logger=wandb"]), TrainConfig), tmp_path / "a", dict)
    with pytest.raises(SrlabError, match=r"^logger=wandb: .*401.* Check the connection and wandb login; or set WANDB"):
        _ = log.experiment
    log.finish(failed=True)
    server.shutdown()
    server.server_close()
    assert not (tmp_path / "a" / "wandb_id.txt").exists()


@pytest.mark.parametrize(
    ("key", "summary"),
    [("val/psnr", "max"), ("val/ssim_x4", "max"), ("set5_x2/ssim", "max"), ("val/lpips", "min"),
     ("val/dists_x2", "min"), ("val/lpips_vgg_random", "min"), ("train/loss", None)],
)  # fmt: skip
def test_the_summary_of_a_quality_is_its_best_value(key, summary):
    assert summary_of(key) == summary
