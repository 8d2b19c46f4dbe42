"""Sweeps as they are run: a folder for each job, processes of its own, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import ROOT
from omegaconf import OmegaConf

TINY = ["model=edsr_baseline", "data=sample", "model.network.features=4", "model.network.blocks=1", "sets=[sample]",
        "data.sample_images=4", "data.sample_size=64", "data.patch_size=8", "data.batch_size=4",
        "trainer.max_steps=4", "trainer.val_check_interval=2", "trainer.accelerator=cpu"]  # fmt: skip


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", **more}


def train(folder: Path, *words: str, program: tuple[str, ...] = (), **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *program, str(ROOT / "train.py"), *words]
    return subprocess.run(command, cwd=folder, env=environment(**more), capture_output=True, text=True, timeout=300)


def jobs_in(sweep: Path) -> list[str]:
    return sorted(path.parent.name for path in sweep.glob("*/config.yaml"))


def psnr(run: Path) -> float:
    rows = json.loads((run / "results.json").read_text())["rows"]
    return next(row["psnr"] for row in rows if row["method"] == "edsr_baseline")


def alive(folder: Path) -> list[str]:
    """Processes that work for a folder of the test, whoever started them."""
    lines = subprocess.run(
        ["ps", "-ww", "-e", "-o", "args"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [line for line in lines if "srlab.training.launch" in line and str(folder) in line]


def test_a_failing_job_leaves_the_others(tmp_path):
    """Three jobs of two ranks, the second of which diverges."""
    words = ["optimizer.learning_rate=1e-3,1e30,1e-4", "trainer.devices=2", f"runs={tmp_path}/runs", *TINY]
    finished = train(tmp_path, "-m", *words)
    assert finished.returncode == 1
    sweep = tmp_path / "runs" / "edsr_baseline_x2_sample_by_learning_rate"
    assert jobs_in(sweep) == [f"learning_rate-{rate}_seed-0" for rate in ("0.0001", "0.001", "1e+30")]
    assert finished.stdout.count("2 cpu process(es)") == 3
    assert "error: job learning_rate-1e+30_seed-0: " in finished.stderr and "diverged" in finished.stderr
    assert "1 of 3 jobs have no results: learning_rate-1e+30_seed-0" in finished.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    assert sorted(path.name for path in sweep.iterdir() if path.is_file()) == ["multirun.yaml"]
    assert (sweep / "report" / "report.md").is_file() and alive(tmp_path) == []
    config = OmegaConf.load(sweep / "learning_rate-0.001_seed-0" / "config.yaml")
    assert config.name == f"{sweep.name}/learning_rate-0.001_seed-0" and config.optimizer.learning_rate == 1e-3


def test_a_job_of_a_sweep_is_the_run_that_it_would_be_alone(tmp_path):
    """No state of an earlier job is in a later one, and -m is not needed with a sweep's yaml."""
    assert train(tmp_path, "sweep=loss_type", "loss=l2,l1", "seed=3", *TINY).returncode == 0
    assert train(tmp_path, "name=alone", "loss=l1", "seed=3", *TINY).returncode == 0
    assert jobs_in(tmp_path / "runs" / "loss_type") == ["loss-l1_seed-3", "loss-l2_seed-3"]
    assert psnr(tmp_path / "runs" / "loss_type" / "loss-l1_seed-3") == psnr(tmp_path / "runs" / "alone")


def test_optuna_goes_on_after_a_trial_that_diverges(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    words = ["hydra/sweeper=optuna", "hydra/sweeper/sampler=grid", "hydra.sweeper.n_trials=4", "hydra.sweeper.n_jobs=1",
             "optimizer.learning_rate=choice(1e-4,1e-3,1e-2,1e30)", "name=study"]  # fmt: skip
    finished = train(tmp_path, "-m", *words, *TINY)
    assert finished.returncode == 1 and "1 of 4 jobs have no results" in finished.stdout
    study = tmp_path / "runs" / "study"
    assert len(jobs_in(study)) == 4
    best = OmegaConf.load(study / "optimization_results.yaml")
    assert best.best_params["optimizer.learning_rate"] == 1e-2, "the objective is maximised"
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_submitit_runs_jobs_in_processes_of_its_own(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    finished = train(tmp_path, "-m", "hydra/launcher=submitit_local", "seed=1,2", "trainer.devices=2", "name=s", *TINY)
    assert finished.returncode == 0, finished.stderr
    assert jobs_in(tmp_path / "runs" / "s") == ["seed-1", "seed-2"]
    for seed in (1, 2):
        assert psnr(tmp_path / "runs" / "s" / f"seed-{seed}") > 0
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_ctrl_c_ends_everything(tmp_path):
    words = ["-m", "seed=1,2", "trainer.devices=2", f"runs={tmp_path}/runs", "trainer.max_steps=1000000", *TINY[:-3]]
    command = [sys.executable, str(ROOT / "train.py"), *words, "trainer.accelerator=cpu"]
    program = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while len(alive(tmp_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(1)
    program.send_signal(signal.SIGINT)
    output, _ = program.communicate(timeout=60)
    assert program.returncode == 130 and output.count("\njob ") == 1
    assert alive(tmp_path) == []


def test_torchrun_starts_the_ranks(tmp_path):
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node", "2")
    finished = train(tmp_path, "name=by_torchrun", *TINY, program=torchrun)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("2 cpu process(es)") == 1
    assert train(tmp_path, "name=by_srlab", "trainer.devices=2", *TINY).returncode == 0
    assert psnr(tmp_path / "runs" / "by_torchrun") == psnr(tmp_path / "runs" / "by_srlab")


def test_torchrun_and_another_number_of_devices(tmp_path):
    torchrun = ("-m", "torch.distributed.run", "--nproc-per-node", "2")
    finished = train(tmp_path, "trainer.devices=4", *TINY, program=torchrun)
    assert finished.returncode != 0
    assert "trainer.devices=4: torchrun has started 2 process(es) on this machine" in finished.stderr


def test_slurm_starts_the_ranks(tmp_path):
    """Without a cluster: the variables that srun gives to two tasks on one node."""
    common = {"SLURM_JOB_ID": "4711", "SLURM_NTASKS": "2", "SLURM_STEP_NUM_TASKS": "2", "SLURM_NODEID": "0",
              "SLURM_STEP_TASKS_PER_NODE": "2", "SLURM_NODELIST": "localhost", "MASTER_ADDR": "127.0.0.1",
              "MASTER_PORT": "29641", "SLURM_JOB_NAME": "train", "SLURM_NTASKS_PER_NODE": "2"}  # fmt: skip
    tasks = [
        subprocess.Popen(
            [sys.executable, str(ROOT / "train.py"), "name=by_slurm", *TINY],
            cwd=tmp_path,
            env=environment(**common, SLURM_PROCID=str(rank), SLURM_LOCALID=str(rank)),
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [task.communicate(timeout=200)[0] for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0]
    assert "2 cpu process(es)" in outputs[0] and "process(es)" not in outputs[1]
    assert psnr(tmp_path / "runs" / "by_slurm") > 0
