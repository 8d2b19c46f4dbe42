"""Sweeps as they are run: a folder for each job, processes of its own, and nothing left behind."""

import signal
import subprocess
import sys

import pytest
from helpers import ROOT
from omegaconf import OmegaConf
from programs import TINY, alive, environment, jobs_in, psnr, train


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
    assert sorted(path.name for path in sweep.iterdir() if path.is_file()) == ["multirun.yaml", "sweep.yaml"]
    assert (sweep / "report" / "report.md").is_file() and alive(tmp_path) == []
    config = OmegaConf.load(sweep / "learning_rate-0.001_seed-0" / "config.yaml")
    assert config.name == f"{sweep.name}/learning_rate-0.001_seed-0" and config.optimizer.learning_rate == 1e-3


def test_a_job_of_a_sweep_is_the_run_that_it_would_be_alone(tmp_path):
    """No state of an earlier job is in a later one, and -m is not needed with a sweep's yaml."""
    assert train(tmp_path, "sweep=loss_type", "loss=l2,l1", "seed=3", *TINY).returncode == 0
    assert train(tmp_path, "name=alone", "loss=l1", "seed=3", *TINY).returncode == 0
    assert jobs_in(tmp_path / "runs" / "loss_type") == ["loss-l1_seed-3", "loss-l2_seed-3"]
    assert psnr(tmp_path / "runs" / "loss_type" / "loss-l1_seed-3") == psnr(tmp_path / "runs" / "alone")


def test_variables_of_another_group_do_not_reach_a_job(tmp_path):
    """As those that Kubernetes gives to the second pod: Lightning would not log."""
    finished = train(tmp_path, "-m", "seed=1,2", "name=pod", *TINY, RANK="1", LOCAL_RANK="1", SLURM_PROCID="1")
    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "runs" / "pod" / "seed-1" / "metrics.csv").is_file()


def test_ctrl_c_ends_everything(tmp_path):
    words = ["-m", "seed=1,2", "trainer.devices=2", f"runs={tmp_path}/runs", "trainer.max_steps=1000000", *TINY[:-3]]
    command = [sys.executable, str(ROOT / "train.py"), *words, "trainer.accelerator=cpu"]
    program = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    assert any("2 cpu process(es)" in line for line in program.stdout)
    program.send_signal(signal.SIGINT)
    output, _ = program.communicate(timeout=60)
    assert program.returncode == 130
    assert "\njob " not in output
    assert alive(tmp_path) == []


def test_a_search_prints_its_jobs_and_its_result_and_nothing_of_optuna(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    finished = train(tmp_path, "sweep=learning_rate", "hydra.sweeper.n_trials=2", *TINY)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("\njob learning_rate-") == 2 and finished.stdout.startswith("\njob learning_rate-")
    assert "\nbest: optimizer.learning_rate=" in finished.stdout and "objective " in finished.stdout
    noise = [line for line in (finished.stdout + finished.stderr).splitlines() if "optuna" in line.lower()]
    assert noise == []
