"""Loss terms against NumPy, and their weighted sum."""

import numpy as np
import pytest
import torch

from srlab.errors import SrlabError
from srlab.losses.weighted import LOSS_TERMS, WeightedLoss

GENERATOR = np.random.default_rng(0)
SR, HR = GENERATOR.random((2, 3, 6, 5)), GENERATOR.random((2, 3, 6, 5))
EXPECTED = {
    "l1": np.abs(SR - HR).mean(),
    "l2": ((SR - HR) ** 2).mean(),
    "charbonnier": np.sqrt((SR - HR) ** 2 + 1e-6).mean(),
    "tv": (np.abs(np.diff(SR, axis=2)).sum() + np.abs(np.diff(SR, axis=3)).sum()) / len(SR),
}


@pytest.mark.parametrize("name", LOSS_TERMS)
def test_term_agrees_with_numpy(name):
    assert float(LOSS_TERMS[name]()(torch.from_numpy(SR), torch.from_numpy(HR))) == pytest.approx(EXPECTED[name])


@pytest.mark.parametrize("name", ["l1", "l2", "charbonnier"])
def test_sums_over_a_samples_pixels(name):
    summed = LOSS_TERMS[name](reduction="sum")(torch.from_numpy(SR), torch.from_numpy(HR))
    assert float(summed) == pytest.approx(EXPECTED[name] * 3 * 6 * 5)


def test_weighted_sum_builds_only_what_has_a_weight():
    loss = WeightedLoss({"l1": {"weight": 2.0}, "l2": {"weight": 0.0}, "charbonnier": {"weight": 3, "epsilon": 1e-3}})
    parts = loss(torch.from_numpy(SR), torch.from_numpy(HR))
    assert set(parts) == {"l1", "charbonnier"}
    assert float(loss.total(parts)) == pytest.approx(2 * EXPECTED["l1"] + 3 * EXPECTED["charbonnier"])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"l1": {"weight": 0.0}}, "every term has weight 0"),
        ({"l11": {"weight": 1.0}}, "Did you mean 'l1'"),
        ({"l1": {"weight": 1.0, "reduction": "summ"}}, r"reduction=summ: expected mean or sum\. Did you mean 'sum'"),
        ({"charbonnier": {"weight": 1.0, "eps": 1}}, r"loss\.charbonnier\.eps.*Did you mean 'epsilon'"),
    ],
)
def test_mistakes(config, message):
    with pytest.raises(SrlabError, match=message):
        WeightedLoss(config)
