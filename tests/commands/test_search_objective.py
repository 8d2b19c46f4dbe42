"""What a search by Optuna is told of a job, and what a sweep says after its jobs."""

from math import inf, nan
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from srlab.commands import sweep_jobs
from srlab.errors import SrlabError
from srlab.sweeps.planning import Sweep
from srlab.training.ending import TIME_IS_UP, Ended


def sweeper(monkeypatch, target: str) -> None:
    config = SimpleNamespace(sweeper={"_target_": target})
    monkeypatch.setattr(sweep_jobs, "HydraConfig", SimpleNamespace(get=lambda: config))


@pytest.mark.parametrize("value", [inf, nan])
def test_a_search_compares_finite_numbers_only(monkeypatch, value):
    sweeper(monkeypatch, "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper")
    assert sweep_jobs._objective({"val/psnr": 30.0}, "val/psnr") == 30.0
    with pytest.raises(SrlabError, match=f"objective=val/psnr: is {value}, and a search compares finite numbers only"):
        sweep_jobs._objective({"val/psnr": value}, "val/psnr")


def test_a_list_of_jobs_compares_nothing(monkeypatch):
    sweeper(monkeypatch, "hydra._internal.core_plugins.basic_sweeper.BasicSweeper")
    assert sweep_jobs._objective({"val/psnr": inf}, "val/psnr") == inf


def test_an_objective_that_a_job_does_not_measure():
    with pytest.raises(SrlabError, match=r"^objective=val/psrn: expected one of val/psnr, val/ssim\.$"):
        sweep_jobs._objective({"val/psnr": 30.0, "val/ssim": 0.9}, "val/psrn")


@pytest.fixture
def sweep(tmp_path) -> Sweep:
    """Of two jobs, which have begun."""
    for seed in (1, 2):
        (tmp_path / "by_seed" / f"seed-{seed}").mkdir(parents=True)
        (tmp_path / "by_seed" / f"seed-{seed}" / "config.yaml").touch()
    return Sweep("by_seed", tmp_path / "by_seed", ("seed",), ())


def test_a_job_that_max_time_ends_is_noted_and_a_signal_ends_the_sweep(sweep, monkeypatch):
    overrides = SimpleNamespace(overrides=SimpleNamespace(task=["seed=2"]))
    monkeypatch.setattr(sweep_jobs, "HydraConfig", SimpleNamespace(get=lambda: overrides))
    cfg, ended = OmegaConf.create({"seed": 2, "name": None}), []

    def job(code: int):
        def run(cfg, in_a_sweep):
            raise Ended(code)

        return sweep_jobs.job_of(run, "train", sweep, ended)

    with pytest.raises(sweep_jobs.JobFailed, match=r"^job seed-2 was ended by trainer\.max_time$"):
        job(TIME_IS_UP)(cfg)
    with pytest.raises(Ended):
        job(130)(cfg)
    assert ended == ["seed-2"] and cfg.name == "by_seed/seed-2"


def test_jobs_that_max_time_has_ended_go_on_later(sweep, capsys):
    assert sweep_jobs.finish(sweep, ["seed-1", "seed-2"]) == TIME_IS_UP
    assert capsys.readouterr().out == (
        f"{sweep.folder}: 2 of 2 jobs have no results: seed-1, seed-2\n"
        f"{sweep.folder}: trainer.max_time has ended them. The same command with resume=auto goes on.\n"
    )
    assert sweep_jobs.finish(sweep, ["seed-1"]) == 1  # the other has failed
    assert "go on" not in capsys.readouterr().out


def test_results_that_cannot_be_read_are_said(sweep, capsys):
    (sweep.folder / "seed-1" / "results.json").write_text("[]", encoding="utf-8")
    assert sweep_jobs.finish(sweep, []) == 1
    said = capsys.readouterr()
    assert said.out == f"{sweep.folder}: 1 of 2 jobs have no results: seed-2\n"
    assert said.err.startswith("no report: ") and said.err.count("\n") == 1
