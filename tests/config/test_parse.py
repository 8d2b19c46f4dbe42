"""Types, ranges and names: what a wrong value is told, without PyTorch."""

import pytest

from srlab.config.check_overrides import check_overrides
from srlab.config.compose import compose
from srlab.config.known_keys import keys_of, open_keys
from srlab.config.parse import parse
from srlab.config.renamed import RENAMED, new_name, with_new_names
from srlab.config.schema import SCHEMAS, TrainConfig
from srlab.errors import SrlabError


@pytest.mark.parametrize(
    ("program", "word", "message"),
    [
        ("train", "optimizer.learning_rate=abc", "optimizer.learning_rate=abc: expected a number."),
        ("train", "schedule.milestones=5", "schedule.milestones=5: expected a list of integers, such as [1,2]."),
        ("train", "schedule.milestones=[a]", "schedule.milestones=[a]: expected a list of integers, such as [1,2]."),
        ("train", "optimizer.betas=0.9", "optimizer.betas=0.9: expected a list of numbers, such as [0.9,0.999]."),
        ("train", "data.train=photos", "data.train=photos: expected a list, such as [a,b]."),
        ("train", "trainer.deterministic=maybe", "trainer.deterministic=maybe: expected true or false."),
        ("train", "trainer.max_steps=1.5", "trainer.max_steps=1.5: expected an integer."),
        ("train", "trainer.max_steps=null", "trainer.max_steps=null: expected an integer."),
        ("train", "trainer.max_steps=-1", "trainer.max_steps=-1: expected 1 or more."),
        ("train", "name=[a]", "name=[a]: expected a text or null."),
        ("train", "optimizer=5", "optimizer=5: expected options of its own, such as optimizer.NAME=VALUE."),
        ("train", "loss.l1=3", "loss.l1=3: expected options of its own, such as loss.l1.NAME=VALUE."),
        ("train", "scale=two", "scale=two: expected an integer such as 2, or a list such as [2,3,4]."),
        ("train", "seed=???", "seed: a value is needed."),
        ("train", "init_from='${nowhere}'", "init_from: Interpolation key 'nowhere' not found."),
        ("evaluate", "tile=x", "tile=x: expected an integer or null."),
    ],
)
def test_a_wrong_value_is_told_in_one_line(program, word, message):
    with pytest.raises(SrlabError) as error:
        parse(compose(program, [word]), SCHEMAS[program])
    assert str(error.value) == message


def test_a_loss_term_that_there_is_not_lists_those_that_there_are():
    with pytest.raises(
        SrlabError, match=r"loss.l3.weight: no such loss term. Expected one of l1, l2, charbonnier, tv,"
    ):
        check_overrides(["loss.l3.weight=1"], TrainConfig)
    with pytest.raises(SrlabError, match=r"loss.l3: no such loss term. Expected one of l1, l2, charbonnier, tv,"):
        parse(compose("train", ["+loss.l3.weight=1"]), TrainConfig)  # as a yaml of --config-dir may have it


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("trainer.best_by", "trainer.monitor"),
        ("loss.content.weight", "loss.perceptual.weight"),
        ("loss.texture.layers", "loss.style.layers"),
        ("logger.name", "logger"),
        ("loss.contents.weight", None),
    ],
)
def test_new_names(old, new):
    assert new_name(old) == new


def test_an_old_name_is_told_its_new_one():
    with pytest.raises(SrlabError) as error:
        check_overrides(["logger.name=wandb"], TrainConfig)
    assert str(error.value) == "logger.name: is now called logger. Say logger=VALUE."


@pytest.mark.parametrize("old", RENAMED)
def test_a_renamed_option_is_there_under_its_new_name_only(old):
    known = set(keys_of(TrainConfig)) | open_keys()
    assert RENAMED[old] in known and old not in known


def test_the_configuration_of_an_earlier_run_takes_the_names_of_today():
    from omegaconf import OmegaConf

    earlier = OmegaConf.create(
        {"trainer": {"best_by": "psnr", "devices": 1}, "loss": {"content": {"weight": 1.0}}, "logger": {"name": "csv"}}
    )
    assert OmegaConf.to_container(with_new_names(earlier)) == {
        "trainer": {"monitor": "val/psnr", "devices": 1},
        "loss": {"perceptual": {"weight": 1.0}},
        "logger": {},
    }


def test_loggers_are_chosen_alone_or_together():
    def chosen(*words):
        check_overrides(list(words), TrainConfig)
        logger = parse(compose("train", list(words)), TrainConfig).logger
        return logger.tensorboard, logger.wandb

    assert chosen() == chosen("logger=csv") == (False, False)
    assert chosen("logger=wandb") == (False, True) and chosen("logger=tensorboard") == (True, False)
    assert chosen("logger=[wandb,tensorboard]") == chosen("logger=[csv,tensorboard,wandb]") == (True, True)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("logger=[wandb,tensorbord]", "logger=tensorbord: expected one of csv, tensorboard, wandb. Did you mean 'tens"),
        (
            "model=[edsr,srresnet]",
            "model=[edsr,srresnet]: expected one choice. For a job with each of them, say -m mod",
        ),
        ("loss=3", "loss=3: expected one of charbonnier, charbonnier_sum, l1"),
    ],
)
def test_choices_that_there_are_not(word, message):
    with pytest.raises(SrlabError) as error:
        check_overrides([word], TrainConfig)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("scale=999", "scale=999: expected 64 or less."),
        ("scale=[2,65]", "scale[1]=65: expected 64 or less."),
        ("optimizer.betas=[0.9,2]", "optimizer.betas[1]=2.0: expected less than 1."),
        ("optimizer.epsilon=-1e-8", "optimizer.epsilon=-1e-08: expected 0 or more."),
        ("optimizer.learning_rate=nan", "optimizer.learning_rate=nan: expected a finite number."),
        ("schedule.warmup=5", "schedule.warmup=5.0: expected 1 or less."),
        ("schedule.milestones=[0]", "schedule.milestones[0]=0: expected 1 or more."),
        ("data.num_workers=1000", "data.num_workers=1000: expected 256 or less."),
        ("trainer.devices=1000", "trainer.devices=1000: expected 256 or less."),
        ("loss.tv.weight=inf", "loss.tv.weight=inf: expected a finite number."),
        ("model.network.residual_scale=nan", "model.network.residual_scale=nan: expected a finite number."),
    ],
)
def test_a_number_out_of_range(word, message):
    with pytest.raises(SrlabError) as error:
        parse(compose("train", [word]), TrainConfig)
    assert str(error.value) == message
