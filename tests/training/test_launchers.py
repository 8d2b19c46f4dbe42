"""Other programs that start jobs or their processes: Optuna, submitit, torchrun, srun."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT
from omegaconf import OmegaConf
from programs import TINY, environment, jobs_in, psnr, train


def test_optuna_goes_on_after_a_trial_that_diverges(tmp_path):
    """With this seed the sampler draws 1e-3, 1e30, 1e-4, and 1e-3 again, which is not trained twice."""
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    words = ["hydra/sweeper=optuna", "hydra/sweeper/sampler=random", "hydra.sweeper.sampler.seed=0",
             "hydra.sweeper.n_trials=4", "hydra.sweeper.n_jobs=1",
             "optimizer.learning_rate=choice(1e-4,1e-3,1e-2,1e30)", "name=study"]  # fmt: skip
    finished = train(tmp_path, "-m", *words, *TINY)
    assert finished.returncode == 1 and "1 of 3 jobs have no results" in finished.stdout
    assert finished.stdout.count("\njob ") == 4 and "job learning_rate-0.001_seed-0: as before" in finished.stdout
    study = tmp_path / "runs" / "study"
    assert len(jobs_in(study)) == 3
    best = OmegaConf.load(study / "optimization_results.yaml")
    assert best.best_params["optimizer.learning_rate"] == 1e-3, "the objective is maximised"
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_submitit_runs_jobs_in_processes_of_its_own(tmp_path):
    """It names its logs before it falls silent."""
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    finished = train(tmp_path, "-m", "hydra/launcher=submitit_local", "seed=1,2", "trainer.devices=2", "name=s", *TINY)
    assert finished.returncode == 0, finished.stderr
    assert jobs_in(tmp_path / "runs" / "s") == ["seed-1", "seed-2"]
    for seed in (1, 2):
        assert psnr(tmp_path / "runs" / "s" / f"seed-{seed}") > 0
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    assert finished.stdout.startswith("submitit runs the jobs; what each of them prints is in runs/s/.submitit/JOB/")
    logs = list((tmp_path / "runs" / "s" / ".submitit").glob("*/*_log.out"))
    assert len(logs) == 2 and all("\njob seed-" in log.read_text() for log in logs)


def torchrun(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """train.py on two processes."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", str(ROOT / "train.py"), *words]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300)


def test_torchrun_starts_the_ranks(tmp_path):
    finished = torchrun(tmp_path, "name=by_torchrun", *TINY)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("2 cpu process(es)") == 1
    assert train(tmp_path, "name=by_srlab", "trainer.devices=2", *TINY).returncode == 0
    assert psnr(tmp_path / "runs" / "by_torchrun") == psnr(tmp_path / "runs" / "by_srlab")


def test_torchrun_and_another_number_of_devices(tmp_path):
    finished = torchrun(tmp_path, "trainer.devices=4", *TINY)
    assert finished.returncode != 0
    assert "trainer.devices=4: torchrun has started 2 process(es) on this machine" in finished.stderr


def test_what_ranks_are_forked_from_leaves_gpus_alone():
    """A process that has asked for a GPU cannot fork others that use one."""
    code = (
        "import importlib, torch\n"
        "torch._C._cuda_getDeviceCount = torch._C._cuda_init = None\n"
        "torch.cuda.device_count = torch.cuda.is_available = None\n"
        "importlib.import_module('srlab.training.run')"
    )
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True)


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
