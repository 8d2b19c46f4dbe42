"""The configuration: what composes, what wins over what, and what a mistake is told."""

import pytest
from helpers import CONF
from omegaconf import OmegaConf

from srlab.config.check_overrides import check_overrides
from srlab.config.compose import compose, composed
from srlab.config.folder import groups_of_options
from srlab.config.parse import parse
from srlab.config.schema import EvaluateConfig, TrainConfig
from srlab.errors import SrlabError
from srlab.losses.weighted import LOSS_TERMS
from srlab.methods.recipe import recipe_of_model

GROUPS = groups_of_options()
CHOICES = [
    (group, path.stem)
    for group in GROUPS
    for path in sorted((CONF / group).glob("*.yaml"))
    if path.stem != "base" and group != "mos"
]
NO_PARAMS = "hydra.sweeper.params: stands in a sweep's yaml alone. Here, give the values themselves, as in seed=1,2."


def train(*overrides: str) -> TrainConfig:
    return parse(compose("train", list(overrides)), TrainConfig)


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_choice_composes(group, choice):
    config = train(f"{group}={choice}")
    assert config.model.name and any(term["weight"] for term in config.loss.values())


@pytest.mark.parametrize("model", [choice for group, choice in CHOICES if group == "model"])
def test_every_model_composes_for_evaluation(model):
    assert parse(compose("evaluate", [f"model={model}", "scale=3"]), EvaluateConfig).model.name == model


def test_evaluation_needs_no_model():
    assert parse(compose("evaluate", ["ckpt=a.ckpt", "+mos_export=true"]), EvaluateConfig).model is None


def test_a_models_recipe_beats_the_defaults_and_the_command_line_beats_it():
    assert train("model=srresnet").loss["l2"]["weight"] == 1 and train("model=srresnet").data.patch_size == 24
    config = train("model=srresnet", "loss=charbonnier", "data.patch_size=32", "optimizer.learning_rate=3e-4")
    assert config.loss["charbonnier"]["weight"] == 1 and config.loss["l2"]["weight"] == 0
    assert config.data.patch_size == 32 and config.optimizer.learning_rate == 3e-4


def test_published_recipes():
    config = train("model=edsr", "scale=4")
    assert config.model.network == {
        "scale": 4, "channels": 3, "features": 256, "blocks": 32, "residual_scale": 0.1, "norm": "none",
        "upsampler": "subpixel", "convolution": "plain", "attention": "none", "connections": "residual",
    }  # fmt: skip
    assert (config.optimizer.learning_rate, config.schedule.milestones, config.trainer.max_steps) == (
        1e-4, [200000], 300000
    )  # fmt: skip


@pytest.mark.parametrize(
    ("model", "rate", "milestones", "steps", "lr_patch", "hr_patch", "batch", "scale"),
    [
        ("mdsr", 1e-4, [200000], 650000, 48, None, 16, [2, 3, 4]),
        ("wdsr_a", 1e-3, [200000], 300000, 48, None, 16, 2),
        ("wdsr_b", 1e-3, [200000], 300000, 48, None, 16, 2),
        ("vdsr", 0.1, [199200, 398400, 597600], 796800, 48, 41, 64, [2, 3, 4]),
        ("srcnn", 1e-4, [], 6250000, 48, 33, 128, 2),
    ],
)
def test_more_published_recipes(model, rate, milestones, steps, lr_patch, hr_patch, batch, scale):
    config = train(f"model={model}")
    assert (config.optimizer.learning_rate, config.schedule.milestones) == (rate, milestones)
    assert (config.trainer.max_steps, config.data.batch_size, config.scale) == (steps, batch, scale)
    assert (config.data.patch_size, config.data.hr_patch_size) == (lr_patch, hr_patch)
    loss = {"vdsr": "l2_sum", "srcnn": "l2_sum"}.get(model, "l1")
    assert config.loss == train(f"loss={loss}").loss


@pytest.mark.parametrize("experiment", [choice for group, choice in CHOICES if group == "experiment"])
@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("schedule=cosine", "schedule.name"),
        ("loss=charbonnier", "loss"),
        ("data=folder", "data.kind"),
        ("model=srresnet", "model.method"),
    ],
)
def test_the_command_line_beats_an_experiment(experiment, override, key):
    alone = OmegaConf.select(compose("train", [override]), key)
    assert OmegaConf.select(compose("train", [f"experiment={experiment}", override]), key) == alone


def test_every_loss_term_stands_in_every_loss_at_weight_0():
    for path in (CONF / "loss").glob("*.yaml"):
        if path.stem != "base":
            assert set(train(f"loss={path.stem}").loss) == set(LOSS_TERMS)
    config = train("loss=l1", "loss.tv.weight=1e-8")
    assert config.loss["tv"]["weight"] == 1e-8 and config.loss["l1"]["weight"] == 1


def test_the_recipe_is_plain():
    recipe = recipe_of_model(train("model=vdsr"))
    assert OmegaConf.is_config(recipe) is False and recipe["optimizer"]["name"] == "sgd"


def test_one_key_holds_one_scale_or_several():
    assert train("scale=3").scale == 3
    assert list(train("scale=[2,3,4]").scale) == [2, 3, 4]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("sed=3", "sed: no such option. Did you mean 'seed'?"),
        ("+sed=3", "sed: no such option. Did you mean 'seed'?"),
        ("trainer.max_step=3", "Did you mean 'trainer.max_steps'?"),
        ("learning_rate=3", "Did you mean 'optimizer.learning_rate'?"),
        ("norm=batch", "Did you mean 'model.network.norm'?"),
        ("channels=1", "Did you mean 'model.network.channels'?"),
        ("model=edsr_basline", "Did you mean 'edsr_baseline'?"),
        ("model.network.feature=3", "Did you mean 'model.network.features'?"),
        ("loss.l1.wieght=3", "Did you mean 'loss.l1.weight'?"),
        ("model=null", "model=null: expected one of"),
        ("loss=l3", "expected one of charbonnier, charbonnier_sum, l1, l2"),
        ("init_from=runs/a=b.ckpt", "'init_from=\"runs/a=b.ckpt\"'"),
        ("nothing", "Expected key=value"),
        ("wandb=sweep", "wandb: no such option."),
    ],
)
def test_a_mistake_on_the_command_line(word, message):
    with pytest.raises(SrlabError) as error:
        check_overrides([word], TrainConfig)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "word",
    ["seed=3", "model=edsr", "model.network.features=3", "loss.l1.weight=2", "++seed=1", "hydra.verbose=true",
     "seed=1,2,3", "+model.network.width=3", "model=edsr,srresnet", "experiment=null", 'init_from="a=b.ckpt"', "~sets"],
)  # fmt: skip
def test_what_is_right_passes(word):
    check_overrides([word], TrainConfig)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.batch_size=many", "data.batch_size=many: expected an integer."),
        ("+trainer.max_stepz=3", "Did you mean 'trainer.max_steps'?"),
    ],
)
def test_a_mistake_in_the_composed_config(override, message):
    with pytest.raises(SrlabError) as error:
        train(override)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("~seed=77", "Could not delete from config. The value of 'seed' is 0 and not 77."),
        ("+seed=3", "Could not append to config. An item is already at 'seed'."),
        ("hydra/launcher=nothing", "In 'hydra/config': Could not find 'hydra/launcher/nothing'"),
        ("hydra.nothing=3", "Could not override 'hydra.nothing'. Key 'nothing' not in 'HydraConf'"),
        ("hydra.sweeper.params={seed: 1}", NO_PARAMS),
        ("++hydra.sweeper.params.seed='1,2'", NO_PARAMS),
    ],
)
def test_what_hydra_alone_refuses_is_one_line(word, message):
    check_overrides([word], TrainConfig)
    with pytest.raises(SrlabError) as error:
        composed("train", [word], hydra_too=True)
    assert str(error.value) == message
