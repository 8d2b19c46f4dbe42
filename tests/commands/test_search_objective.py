"""What a search by Optuna is told of a job."""

from math import inf, nan
from types import SimpleNamespace

import pytest

from srlab.commands import sweep_jobs
from srlab.errors import SrlabError


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
