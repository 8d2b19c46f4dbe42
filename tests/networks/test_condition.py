"""A network that takes a condition goes through upscale, tiles, the self-ensemble and a training step."""

import pytest
import torch
from helpers import random_condition
from torch import nn

from srlab.data.batch import Batch
from srlab.errors import SrlabError
from srlab.inference.upscale import upscale
from srlab.methods.super_resolver import plain_method
from srlab.networks.network import SRNetwork, Traits


class ConditionedNetwork(SRNetwork):
    """Nearest neighbour times the first value of the condition, plus a convolution of the second one's maps."""

    def __init__(self, scale: int = 2) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, 3, padding=1)
        self.traits = Traits((scale,), channels=1, receptive_field=1, condition_length=2)

    def forward(self, lr, scale, condition=None):
        maps = condition[:, 1:, None, None].expand(-1, 1, *lr.shape[2:])
        changed = lr * condition[:, :1, None, None] + 0.1 * self.convolution(torch.cat([lr, maps], dim=1))
        return changed.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)


RECIPE = {"name": "conditioned", "loss": {"l1": {"weight": 1.0}}, "ema": 0.0, "scales": [2], "protocol": "luma"}


def conditioned():
    torch.manual_seed(0)
    method = plain_method("conditioned", ConditionedNetwork)({}, RECIPE)
    method.prepare_training()
    return method


def test_each_sample_has_its_own_condition():
    method, lr = conditioned(), torch.rand(2, 1, 9, 7)
    condition = random_condition(method, 2)
    together = method.upscale(lr, 2, condition=condition)
    for i in range(2):
        alone = method.upscale(lr[i : i + 1], 2, condition=condition[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone)
    assert not torch.allclose(together, method.upscale(lr, 2, condition=condition.flip(0)))


def test_tiles_and_the_self_ensemble_pass_it_on():
    method, lr = conditioned(), torch.rand(1, 3, 23, 17)
    condition = random_condition(method, 1)
    whole = method.upscale(lr, 2, condition=condition)
    torch.testing.assert_close(method.upscale(lr, 2, condition=condition, tile=6), whole, atol=1e-6, rtol=0)
    # Quarter turns and flips of Y by hand: the condition, which has no orientation, is the same for all of them.
    luma, turned = lr[:, :1], []
    for flipped in (False, True):
        for quarters in range(4):
            seen = torch.rot90(luma.flip(3) if flipped else luma, quarters, (2, 3))
            sr = torch.rot90(method.network(seen, 2, condition), -quarters, (2, 3))
            turned.append(sr.flip(3) if flipped else sr)
    expected = torch.stack(turned).mean(dim=0).clamp(0, 1)
    torch.testing.assert_close(method.upscale(luma, 2, condition=condition, ensemble=True), expected)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (None, "got none"),
        (torch.zeros(1, 3), r"got one of shape \(1, 3\)"),
        (torch.zeros(2, 2), r"got one of shape \(2, 2\)"),
    ],
)
def test_another_condition_than_it_needs_is_refused(condition, found):
    with pytest.raises(SrlabError, match=f"condition: the network needs 2 values for each of 1 images and {found}"):
        upscale(conditioned().network, torch.rand(1, 1, 8, 8), 2, condition=condition)


def test_a_training_step_sees_it():
    method, lr, hr = conditioned(), torch.rand(2, 1, 8, 8), torch.rand(2, 1, 16, 16)
    dark, bright = (method.objective(Batch(lr, hr, 2, torch.full((2, 2), value)))[0].item() for value in (0.0, 1.0))
    assert dark != bright
