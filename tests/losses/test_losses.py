"""Loss terms on pixels against NumPy, the weighted sum, and what every term must do."""

import numpy as np
import pytest
import torch
from helpers import CONF
from omegaconf import OmegaConf

from srlab.config.compose import compose
from srlab.errors import SrlabError
from srlab.losses.weighted import LOSS_TERMS, WeightedLoss, check_loss

GENERATOR = np.random.default_rng(0)
SR, HR = GENERATOR.random((2, 3, 6, 5)), GENERATOR.random((2, 3, 6, 5))
IMAGES = torch.from_numpy(SR), torch.from_numpy(HR), torch.zeros(2, 3, 3, 2, dtype=torch.float64)
EXPECTED = {
    "l1": np.abs(SR - HR).mean(),
    "l2": ((SR - HR) ** 2).mean(),
    "charbonnier": np.sqrt((SR - HR) ** 2 + 1e-6).mean(),
    "tv": (np.abs(np.diff(SR, axis=2)).sum() + np.abs(np.diff(SR, axis=3)).sum()) / len(SR),
}
RANDOM = {"vgg19": "random", "resnet50": "random"}
OPTIONS = {"prior": ["loss.prior.network=torch.nn:Identity"]}  # what a term needs beside its weight


def composed(*overrides: str) -> dict[str, dict]:
    return OmegaConf.to_container(compose("train", list(overrides)).loss)


def alone(term: str) -> dict[str, dict]:
    """The composed loss in which one term has weight 1."""
    return composed("loss=l1", "loss.l1.weight=0", f"loss.{term}.weight=1", *OPTIONS.get(term, []))


@pytest.mark.parametrize("name", EXPECTED)
def test_term_agrees_with_numpy(name):
    assert float(LOSS_TERMS[name]()(*IMAGES)) == pytest.approx(EXPECTED[name])


@pytest.mark.parametrize("name", ["l1", "l2", "charbonnier"])
def test_sums_over_a_samples_pixels(name):
    assert float(LOSS_TERMS[name](reduction="sum")(*IMAGES)) == pytest.approx(EXPECTED[name] * 3 * 6 * 5)


def test_weighted_sum_builds_only_what_has_a_weight():
    loss = WeightedLoss({"l1": {"weight": 2.0}, "l2": {"weight": 0.0}, "charbonnier": {"weight": 3, "epsilon": 1e-3}})
    parts = loss(*IMAGES)
    assert set(parts) == {"l1", "charbonnier"} and loss.adversarial is None
    assert float(loss.total(parts)) == pytest.approx(2 * EXPECTED["l1"] + 3 * EXPECTED["charbonnier"])


def test_the_adversarial_term_is_the_methods_to_call():
    loss = WeightedLoss({"adversarial": {"weight": 1e-3, "kind": "hinge"}, "l2": {"weight": 4.0}})
    parts = loss(*IMAGES)
    assert set(parts) == {"l2"} and loss.adversarial.gan_loss.generator(None, torch.ones(2, 1)) == -1
    total = loss.total({**parts, "adversarial": torch.tensor(5.0)})
    assert float(total) == pytest.approx(4 * EXPECTED["l2"] + 5e-3)
    assert WeightedLoss({"adversarial": {"weight": 1.0}})(*IMAGES) == {}


@pytest.mark.filterwarnings("ignore:weights")
@pytest.mark.parametrize("name", [name for name in LOSS_TERMS if name != "adversarial"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_weight_switches_a_term_on_and_gradients_reach_sr(name, channels, images):
    check_loss(alone(name))
    loss = WeightedLoss(alone(name), RANDOM, scale=2).double()
    sr, hr, lr = (image[:, :channels] for image in images)
    sr = sr.clone().requires_grad_()
    parts = loss(sr, hr, lr)
    assert set(parts) == {name} and parts[name].shape == () and parts[name].item() > 0
    loss.total(parts).backward()
    assert sr.grad.abs().sum() > 0 and all(p.grad is not None for p in loss.parameters())


@pytest.mark.filterwarnings("ignore:weights")
@pytest.mark.parametrize("name", ["perceptual", "style", "prior"])
def test_a_pretrained_network_is_nobodys_parameter(name):
    loss = WeightedLoss(alone(name), RANDOM, scale=2)
    assert not list(loss.parameters()) and not loss.state_dict() and not list(loss.buffers())


@pytest.mark.parametrize("path", sorted((CONF / "loss").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_loss_is_right(path):
    if path.stem != "base":
        check_loss(composed(f"loss={path.stem}"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vgg22", {"perceptual": 1.0}),
        ("vgg54", {"perceptual": 1.0}),
        ("srgan_mse", {"l2": 4.0, "adversarial": 1e-3}),
        ("srgan_vgg22", {"perceptual": 1.0, "adversarial": 1e-3}),
        ("srgan_vgg54", {"perceptual": 1.0, "adversarial": 1e-3}),
        ("srresnet_vgg22", {"perceptual": 1.0, "tv": 4e-8}),
    ],
)
def test_losses_of_srgan(name, expected):
    loss = composed(f"loss={name}")
    assert {term: options["weight"] for term, options in loss.items() if options["weight"]} == expected
    if "perceptual" in expected:
        phi = "conv2_2" if "22" in name else "conv5_4"
        assert loss["perceptual"] == {
            "weight": 1.0, "network": "vgg19", "layer": phi, "after_relu": True, "feature_scale": 1 / 12.75,
        }  # fmt: skip


def test_tv_and_mse_weights_are_the_papers_on_its_range():
    """Images in [-1, 1] have twice our differences."""
    ours = WeightedLoss({"l2": {"weight": 4.0}, "tv": {"weight": 4e-8}})
    papers = WeightedLoss({"l2": {"weight": 1.0}, "tv": {"weight": 2e-8}})
    wide = [2 * image - 1 for image in IMAGES]
    assert float(ours.total(ours(*IMAGES))) == pytest.approx(float(papers.total(papers(*wide))))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"l1": {"weight": 0.0}}, "every term has weight 0"),
        ({"l11": {"weight": 1.0}}, "Did you mean 'l1'"),
        ({"l1": {"weight": float("nan")}}, "loss.l1.weight=nan: expected a number of at least 0"),
        ({"l1": {"weight": 1.0, "reduction": "summ"}}, r"reduction=summ: expected mean or sum\. Did you mean 'sum'"),
        ({"charbonnier": {"weight": 1.0, "eps": 1}}, r"loss\.charbonnier\.eps.*Did you mean 'epsilon'"),
        ({"tv": {"weight": 1.0, "eps": 1}}, r"loss\.tv\.eps: the term has weight\."),
        (
            {"perceptual": {"weight": 1.0, "weights": None}},
            r"loss\.perceptual\.weights: the term has weight, network",
        ),
        ({"perceptual": {"weight": 1.0, "layer": "conv5_5"}}, r"vgg19 has no layer conv5_5.*Did you mean 'conv5_"),
        ({"perceptual": {"weight": 1.0, "network": "vgg", "layer": "conv5_4"}}, r"network=vgg.*Did you mean 'vgg19'"),
        ({"perceptual": {"weight": 1.0, "network": "resnet50", "layer": "conv5_4"}}, "resnet50 has no layer conv5_4"),
        (
            {"perceptual": {"weight": 1.0, "network": "resnet50", "layer": "layer1", "after_relu": False}},
            "after_relu=false: only for vgg19",
        ),
        ({"perceptual": {"weight": 1.0, "feature_scale": 0}}, "feature_scale=0: expected a number above 0"),
        ({"perceptual": {"weight": 1.0, "after_relu": "no"}}, "after_relu=no: expected true or false"),
        ({"style": {"weight": 1.0, "layers": []}}, "expected a list"),
        ({"style": {"weight": 1.0, "layers": ["conv1_1", "conv1_3"]}}, "no layer conv1_3"),
        ({"cycle": {"weight": 1.0, "features": 0}}, "features=0: expected an integer"),
        ({"prior": {"weight": 1.0}}, "network=null: expected package.module:factory"),
        ({"prior": {"weight": 1.0, "network": "torch.nn"}}, "network=torch.nn: expected package.module:factory"),
        ({"prior": {"weight": 1.0, "network": "a:b", "distance": "l3"}}, "distance=l3: expected l2, l1, cosine"),
        ({"adversarial": {"weight": 1.0, "kind": "wgan"}}, "kind=wgan: .*Did you mean 'wgan_gp'"),
        ({"adversarial": {"weight": 1.0, "gradient_penalty": -1}}, "gradient_penalty=-1: expected a number"),
    ],
)
@pytest.mark.parametrize("refuses", [check_loss, lambda config: WeightedLoss(config, scale=2)])
def test_mistakes(config, message, refuses):
    with pytest.raises(SrlabError, match=message) as error:
        refuses(config)
    assert "\n" not in str(error.value)
