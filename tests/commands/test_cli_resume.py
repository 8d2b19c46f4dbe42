"""resume=runs/NAME: the run's own configuration, changed by further words; ckpt=runs/NAME: its best checkpoint."""

import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from programs import TINY, call, psnr, train

from srlab.commands.resumed_run import resumed_config
from srlab.errors import SrlabError
from srlab.run_files import RunFiles, checkpoint_in


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run that has stopped: its config.yaml and an empty last.ckpt."""
    monkeypatch.chdir(tmp_path)
    files = RunFiles(Path("runs/x"))
    files.checkpoints.mkdir(parents=True)
    with zipfile.ZipFile(files.last, "w"):
        pass
    config = {"runs": "runs", "name": None, "seed": 3, "resume": None, "overwrite": True,
              "trainer": {"accelerator": "auto", "devices": 2, "max_steps": 7, "best_by": "psnr"},
              "logger": {"wandb": False, "tensorboard": False},
              "schedule": {"name": "cosine", "final": 0.1}}  # fmt: skip
    OmegaConf.save(OmegaConf.create(config), files.config)
    return files


def resumed(*words):
    return resumed_config("train", list(words), multirun=False)


def test_its_configuration_is_the_runs(run):
    cfg = resumed("resume=runs/x")
    assert (cfg.runs, cfg.name, cfg.seed, cfg.resume, cfg.overwrite) == ("runs", "x", 3, "auto", False)
    trainer = {"accelerator": "auto", "devices": 2, "max_steps": 7, "monitor": "val/psnr"}
    assert {key: cfg.trainer[key] for key in trainer} == trainer
    assert cfg.trainer.log_every_n_steps == 50  # an option that the file of an older version lacks: its default


def test_words_override_and_a_group_changes_only_what_it_sets(run):
    cfg = resumed("trainer=cpu", "resume=runs/x/", "logger=[wandb,tensorboard]", "schedule.final=0.5", "+sets=[set5]")
    assert cfg.trainer.accelerator == "cpu" and cfg.trainer.devices == 1 and cfg.trainer.max_steps == 7
    assert (cfg.logger.wandb, cfg.logger.tensorboard) == (True, True)
    assert (cfg.schedule.name, cfg.schedule.final) == ("cosine", 0.5) and cfg.sets == ["set5"]


def test_a_run_that_was_moved_goes_on_where_it_is(run):
    shutil.move("runs/x", "elsewhere")
    cfg = resumed("resume=elsewhere")
    assert (cfg.runs, cfg.name) == (".", "elsewhere")


def test_another_name_starts_from_its_last_checkpoint(run):
    cfg = resumed("resume=runs/x", "name=y")
    assert (cfg.name, cfg.resume) == ("y", "runs/x/checkpoints/last.ckpt")
    run.last.unlink()
    with pytest.raises(SrlabError, match=r"resume=runs/x: the run has no whole checkpoint to go on from"):
        resumed("resume=runs/x", "name=y")


def test_another_name_says_why_it_starts_from_an_earlier_checkpoint(run, capsys):
    run.last.rename(run.best)
    run.last.write_bytes(b"cut short")
    assert resumed("resume=runs/x", "name=y").resume == "runs/x/checkpoints/best.ckpt"
    assert capsys.readouterr().out == (
        "runs/x goes on from best.ckpt, the best one: last.ckpt is damaged (File is not a zip file); "
        "previous.ckpt is missing\n"
    )


@pytest.mark.parametrize("words", [["resume=auto"], ["resume=runs/x/checkpoints/last.ckpt"], ["seed=1"], ["resume=no"]])
def test_what_names_no_folder_is_composed_as_ever(run, words):
    assert resumed(*words) is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["resume=runs"], "resume=runs: is not a run of srlab"),
        (["resume=runs/x", "model=edsr"], "model=edsr: a run goes on with its own model."),
        (["resume=runs/x", "seed=1,2"], "seed=1,2: cannot be said beside resume=FOLDER"),
        (["resume=runs/x", "~sets"], "~sets: cannot be said beside resume=FOLDER"),
    ],
)
def test_what_a_run_cannot_go_on_with(run, words, message):
    with pytest.raises(SrlabError, match=message):
        resumed(*words)


def test_a_sweep_does_not_resume_one_run(run):
    with pytest.raises(SrlabError, match="Leave -m out"):
        resumed_config("train", ["resume=runs/x"], multirun=True)


def test_a_run_goes_on_by_its_folder_to_the_bits_of_one_that_never_stopped(tmp_path):
    words = [*TINY, "optimizer.learning_rate=3e-3", "seed=5"]
    assert train(tmp_path, "name=whole", *words).returncode == 0
    assert train(tmp_path, "name=parts", *words, "trainer.stop_after=2").returncode == 0
    done = train(tmp_path, "resume=runs/parts", "trainer.stop_after=null")
    assert done.returncode == 0 and "from step 2 of runs/parts" in done.stdout, done.stderr
    runs = [tmp_path / "runs" / name for name in ("whole", "parts")]
    whole, parts = (torch.load(RunFiles(run).last, weights_only=True)["state_dict"] for run in runs)
    assert all(torch.equal(value, parts[key]) for key, value in whole.items()) and psnr(runs[0]) == psnr(runs[1])
    refused = train(tmp_path, "resume=runs/parts", "seed=6")
    assert refused.returncode == 1 and refused.stderr.startswith("error: ") and refused.stderr.count("\n") == 1


def test_the_checkpoint_of_a_run(run):
    with pytest.raises(SrlabError, match=r"runs/x: the run has no checkpoints/best.ckpt yet"):
        checkpoint_in(Path("runs/x"))
    run.best.touch()
    assert checkpoint_in(Path("runs/x")) == run.best and checkpoint_in(run.last) == run.last
    assert checkpoint_in(Path("missing.ckpt")) == Path("missing.ckpt")
    with pytest.raises(SrlabError, match=r"runs: is a folder without config\.yaml"):
        checkpoint_in(Path("runs"))


def test_evaluation_and_initialisation_take_a_runs_folder(tmp_path):
    assert train(tmp_path, "name=first", *TINY).returncode == 0
    done = call(tmp_path, "evaluate.py", "ckpt=runs/first", "sets=[sample]", "trainer.accelerator=cpu")
    assert done.returncode == 0 and "edsr_baseline" in done.stdout, done.stderr
    second = train(tmp_path, "name=second", "init_from=runs/first", *TINY)
    assert second.returncode == 0 and "runs/first/checkpoints/best.ckpt: took" not in second.stderr
    assert "init_from=runs/first/checkpoints/best.ckpt: took" in second.stdout, second.stderr
