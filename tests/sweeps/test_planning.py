"""What a sweep is, before its first job: names, jobs, and mistakes that cost one line."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import CONF
from omegaconf import OmegaConf

from srlab.commands import sweep_jobs
from srlab.config.check_overrides import check_overrides
from srlab.config.schema import SCHEMAS
from srlab.errors import SrlabError
from srlab.sweeps.planning import Sweep, all_jobs, plain, plan

SWEEPS = sorted(path.stem for path in (CONF / "sweep").glob("*.yaml"))


def planned(*words: str, asked: bool = True):
    check_overrides(list(words), SCHEMAS["train"])
    return plan("train", list(words), asked)


@pytest.mark.parametrize("sweep", SWEEPS)
def test_every_sweep_is_one_without_being_asked(sweep):
    """hydra.mode is in the yaml: forgetting -m must not train one default job."""
    if sweep == "learning_rate":
        pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    assert planned(f"sweep={sweep}", asked=False).name == sweep


@pytest.mark.parametrize(
    ("objective", "direction"),
    [("val/psnr", "maximize"), ("set5_x2/ssim", "maximize"), ("val/lpips", "minimize"), ("val/dists_x4", "minimize")],
)
def test_a_search_goes_where_its_objective_is_better(objective, direction):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    words = ["sweep=learning_rate", f"objective={objective}"]
    assert f"hydra.sweeper.direction={direction}" in planned(*words).words
    own = [*words, "hydra.sweeper.direction=maximize"]  # the last word is a person's
    assert not any("direction" in word for word in planned(*own).words)


def test_one_job_is_no_sweep():
    assert planned("seed=1", "model=edsr", asked=False) is None


@pytest.mark.parametrize(
    ("words", "name", "swept"),
    [
        (["seed=1,2,3", "model=edsr_baseline", "data=sample"], "edsr_baseline_x2_sample_by_seed", ("seed",)),
        (["model=edsr,wdsr_a", "seed=1,2"], "by_model_seed", ("model", "seed")),
        (["sweep=loss_type"], "loss_type", ("loss", "seed")),
        (["sweep=loss_type", "name=mine", "seed=7"], "mine", ("loss",)),
        (["sweep=loss_type", "loss=l1,tv", "seed=range(3)"], "loss_type", ("loss", "seed")),
        (["optimizer.learning_rate=interval(1e-4,1e-2)", "data=sample"], "edsr_baseline_x2_sample_by_learning_rate",
         ("optimizer.learning_rate",)),
    ],
)  # fmt: skip
def test_names_and_keys(words, name, swept):
    if "loss=l1,tv" in words:
        words = [word.replace("tv", "l2") for word in words]
    sweep = planned(*words)
    assert (sweep.name, sweep.swept, str(sweep.folder)) == (name, swept, f"runs/{name}")


@pytest.mark.parametrize(
    ("words", "overrides", "name"),
    [
        (["sweep=loss_type"], ["loss=l1", "seed=1", "trainer.devices=2"], "loss-l1_seed-1"),
        (["optimizer.learning_rate=1e-3,1e-4"], ["optimizer.learning_rate=0.001"], "learning_rate-0.001_seed-5"),
        (["sweep=edsr_table"], ["experiment=edsr_table/srresnet_l1", "seed=0"], "experiment-srresnet_l1_seed-0"),
        (["scale=2,[2,3]"], ["scale=[2,3]"], "scale-2-3_seed-5"),
        (["optimizer.learning_rate=interval(0,1)"], ["optimizer.learning_rate=0.00905145471405"],
         "learning_rate-0.00905145_seed-5"),
        (["loss.tv.weight=0.1,1", "loss.l2.weight=1,2"], ["loss.tv.weight=0.1", "loss.l2.weight=2"],
         "loss.tv.weight-0.1_loss.l2.weight-2_seed-5"),
    ],
)  # fmt: skip
def test_names_of_jobs(words, overrides, name):
    assert planned(*words).job_name(overrides, seed=5) == name


def test_names_hold_nothing_that_a_shell_or_hydra_minds():
    assert plain("'runs/a b/c=d.ckpt'") == "c-d.ckpt"
    assert plain("-0.5") == "-0.5" and plain("[2,3,4]") == "2-3-4" and plain("null") == "null"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sed=1,2"], "sed: no such option. Did you mean 'seed'?"),
        (["seed=1,x"], "seed=x: expected an integer."),
        (["sweep=los_type"], "Did you mean 'loss_type'?"),
        (["model=edsr,edrs"], "model=edrs: expected one of"),
        (
            ["model=edsr,mdsr", "model.network.norm=none,batch"],
            "model.network.norm: the chosen model has no such option",
        ),
        (["seed=1", "scale=2"], "-m: nothing is swept"),
        (["init_from='${nowhere}',null"], "nowhere"),
        (["data.patch_size=48,0"], "data.patch_size=0: expected 1 or more"),
    ],
)
def test_a_mistake_costs_one_line_before_the_first_job(words, message):
    with pytest.raises(SrlabError) as error:
        planned(*words)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_only_a_job_of_the_same_options_is_taken_for_one_that_was_run(monkeypatch):
    """a/x and b/x give folders of one name: the second is left to the run, which refuses the folder."""
    seen = []

    def run(cfg, apart):
        seen.append(cfg.name)
        return {"val/psnr": float(len(seen))}

    task = sweep_jobs.job_of(run, "train", Sweep("s", Path("runs/s"), ("data.root",), ()), [])
    results = []
    for root in ("a/x", "a/x", "b/x"):
        overrides = SimpleNamespace(task=[f"data.root={root}"])
        monkeypatch.setattr(
            sweep_jobs.HydraConfig, "get", lambda overrides=overrides: SimpleNamespace(overrides=overrides)
        )
        results.append(task(OmegaConf.create({"name": None, "seed": 0, "objective": "val/psnr"})))
    assert results == [1, 1, 2] and seen == ["s/root-x_seed-0"] * 2


@pytest.mark.parametrize(
    "words",
    [
        ["seed=1,2", "model=edsr", "loss=l1,l2", "++data.margin=0,1"],
        ["scale=2,[2,3]", "name='a b','c=d'", "init_from=null"],
        ["seed=range(3)", "experiment=edsr_table/srresnet_l1,edsr_table/srresnet_l2"],
    ],
)
def test_jobs_are_those_that_hydra_will_make(words):
    """Hydra's sweeper is private: its product is made here again, and compared with what it makes."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    overrides = OverridesParser.create().parse_overrides(words)
    assert all_jobs(overrides) == BasicSweeper.split_arguments(overrides, None)[0]


def test_several_values_without_m_are_one_line():
    with pytest.raises(SrlabError, match=r"^seed=1,2: several values are a sweep. Say -m"):
        planned("seed=1,2", asked=False)


def test_submitit_says_where_its_output_is():
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    sweep = planned("seed=1,2", "name=far", "hydra/launcher=submitit_local")
    assert sweep.remarks == (
        "submitit runs the jobs; what each of them prints is in runs/far/.submitit/JOB/*_log.out and *_log.err",
    )
    assert planned("seed=1,2", "name=near").remarks == ()
