"""Cycle consistency: its shapes, and that it cannot be had without SR."""

import pytest
import torch

from srlab.errors import SrlabError
from srlab.losses.cycle import CycleConsistency


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 5, 6, 8])
def test_leads_back_to_the_size_of_lr(scale):
    term = CycleConsistency(features=4, scale=scale)
    assert term.degradation(torch.rand(1, 3, 7 * scale, 5 * scale)).shape == (1, 3, 7, 5)


def test_is_the_distance_of_both_ways_back(images):
    term = CycleConsistency(features=4, scale=2).double()
    sr, hr, lr = images
    back = [term.degradation(image) for image in (sr, hr)]
    expected = sum((image - lr).abs().mean().item() for image in back)
    assert term(sr, hr, lr).item() == pytest.approx(expected)


def test_its_network_is_trained():
    """To a loss that is small only where SR leads to LR as HR does."""
    torch.manual_seed(0)
    hr = torch.rand(4, 3, 16, 16)
    lr = torch.nn.functional.avg_pool2d(hr, 2)
    term = CycleConsistency(features=16, scale=2)
    optimizer = torch.optim.Adam(term.parameters(), 1e-2)
    first = term(hr, hr, lr).item()
    for _ in range(150):
        optimizer.zero_grad()
        term(hr, hr, lr).backward()
        optimizer.step()
    trained = term(hr, hr, lr).item()
    assert trained < first / 4 and float(term(hr.flip(0), hr, lr)) > 2 * trained


def test_mistakes(images):
    with pytest.raises(SrlabError, match=r"loss.cycle: needs a method of one scale"):
        CycleConsistency(scale=None)
    with pytest.raises(SrlabError, match="SR is 32x32 and LR 16x16 at scale 4"):
        CycleConsistency(scale=4)(*images)
