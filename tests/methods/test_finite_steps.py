"""A step that is not finite leaves weights, moments and statistics: single optimizers, against plain PyTorch."""

import copy
import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from srlab.methods import finite_steps
from srlab.methods.finite_steps import DISCRIMINATOR, NETWORK, FiniteSteps

OPTIMIZERS = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.1, fused=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.1, fused=True),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1, fused=True),
    "adam of GradScaler": lambda p: torch.optim.Adam(p, lr=0.1, fused=False),
}
FLAG = ["adam", "adamw"]  # those that can skip by a flag on the device


def trained(kind: str, gradients: list[float], steps: FiniteSteps | None) -> tuple[nn.Module, dict]:
    """A network whose whole gradient has one value in each step; without `steps`, by PyTorch alone."""
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    optimizer = OPTIMIZERS[kind](network.parameters())
    for step, value in enumerate(gradients):
        for p in network.parameters():
            p.grad = torch.full_like(p, value)
        if steps is not None:
            steps.check(NETWORK, optimizer, step)
        optimizer.step()
    return network, optimizer.state_dict()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 3e38])  # the last one's norm overflows
@pytest.mark.parametrize(
    ("kind", "by_flag"), [*((kind, False) for kind in OPTIMIZERS), *((kind, True) for kind in FLAG)]
)
def test_a_skipped_step_is_as_if_it_had_not_been(monkeypatch, kind, by_flag, bad):
    monkeypatch.setattr(finite_steps, "_skips_by_flag", lambda optimizer: by_flag)
    steps = FiniteSteps(at_once=False)
    network, state = trained(kind, [0.5, bad, -0.2, bad], steps)
    reference, expected = trained(kind, [0.5, -0.2], None)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), reference.parameters(), strict=True))
    for moments, wanted in zip(state["state"].values(), expected["state"].values(), strict=True):
        assert moments.keys() == wanted.keys()
        assert all(torch.equal(torch.as_tensor(moments[key]), torch.as_tensor(wanted[key])) for key in wanted)
    assert [bool(outcome.reason) for outcome in steps.outcomes(wait=True)] == [False, True, False, True]


@pytest.mark.parametrize("kind", FLAG)
def test_a_flag_is_read_when_the_next_step_is_there(monkeypatch, kind):
    monkeypatch.setattr(finite_steps, "_skips_by_flag", lambda optimizer: True)
    steps = FiniteSteps(at_once=False)
    trained(kind, [0.5, math.nan], steps)
    assert [(o.step, o.reason) for o in steps.outcomes()] == [(0, "")]
    assert [(o.step, o.reason) for o in steps.outcomes(wait=True)] == [(1, "the norm of the gradient is nan")]
    assert steps.outcomes(wait=True) == []


def test_only_adam_on_a_gpu_skips_by_a_flag():
    network = nn.Linear(3, 2)
    assert not any(finite_steps._skips_by_flag(kind(network.parameters())) for kind in OPTIMIZERS.values())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_has_no_finite_gradient(value):
    sr = torch.tensor([0.5, value, 0.1], requires_grad=True)
    steps = FiniteSteps(at_once=True)
    plain = sr.abs().mean()
    (alone,) = torch.autograd.grad(plain, sr, retain_graph=True)
    assert alone.isfinite().all(), "else this test shows nothing"
    sr.grad = torch.autograd.grad(steps.tied(plain), sr)[0]
    assert sr.grad.isnan().all()
    steps.check(NETWORK, torch.optim.SGD([sr], lr=1), 0)
    (outcome,) = steps.outcomes()
    assert sr.grad is None and steps.skipped and outcome.reason == f"the loss is {value}"


def test_a_finite_loss_and_its_gradient_keep_their_bits():
    torch.manual_seed(0)
    sr = torch.randn(1000, requires_grad=True)
    for loss in (sr.abs().mean(), sr.square().sum(), 1e-40 * sr.sum(), 0 * sr.sum()):
        tied = FiniteSteps(at_once=True).tied(loss)
        assert torch.equal(tied, loss)
        (a,), (b,) = (torch.autograd.grad(value, sr, retain_graph=True) for value in (tied, loss))
        assert torch.equal(a, b)


@pytest.mark.parametrize("skipped", [NETWORK, DISCRIMINATOR])
def test_statistics_of_batch_norm_are_those_before(skipped):
    """Those of the discriminator also where the generator is skipped, whose step runs it."""
    steps, networks = FiniteSteps(at_once=True), {name: nn.BatchNorm2d(2) for name in (NETWORK, DISCRIMINATOR)}
    images = torch.rand(4, 2, 3, 3)
    steps.begin(0, networks[NETWORK])
    steps.keep(DISCRIMINATOR, networks[DISCRIMINATOR])
    before = {name: copy.deepcopy(network.state_dict()) for name, network in networks.items()}
    for network in networks.values():
        network(images * math.nan)
    steps.begin(0, networks[NETWORK])  # a second batch of the same step
    parameters = list(networks[skipped].parameters())
    for p in parameters:
        p.grad = torch.full_like(p, math.nan)
    steps.check(skipped, torch.optim.SGD(parameters, lr=1), 0)
    left = {NETWORK, DISCRIMINATOR} if skipped == NETWORK else {DISCRIMINATOR}
    for name, network in networks.items():
        same = all(torch.equal(value, before[name][key]) for key, value in network.state_dict().items())
        assert same == (name in left)


@pytest.mark.parametrize(
    ("gradient", "loss", "scale", "expected"),
    [
        (1.0, 1.0, 65536.0, [""]),
        (math.inf, 1.0, 65536.0, []),  # the search of a scale, which GradScaler skips itself
        (math.inf, 1.0, 1.0, ["the norm of the gradient is inf"]),
        (math.nan, math.inf, 65536.0, ["the loss is inf"]),
    ],
)
def test_the_search_of_grad_scaler_is_no_divergence(gradient, loss, scale, expected):
    steps, p = FiniteSteps(at_once=True), nn.Parameter(torch.ones(1))
    p.grad = torch.tensor([gradient])
    steps.tied(torch.tensor(loss))
    steps.check(NETWORK, torch.optim.SGD([p], lr=1), 0, SimpleNamespace(get_scale=lambda: scale))
    assert [outcome.reason for outcome in steps.outcomes()] == expected
    assert steps.skipped == bool(expected and expected[0])
    assert (p.grad is None) == steps.skipped


def test_what_nobody_asks_for_does_not_fill_the_memory():
    steps = FiniteSteps(at_once=True)
    trained("sgd", [0.1] * 1000, steps)
    assert len(steps.outcomes()) < 100
