"""SelfExSR as a network: batches, precision, what it needs, and its quality on a real image."""

import sys

import numpy as np
import pytest
import torch
from helpers import benchmark_files, needs_shared, read_image

from srlab.errors import SrlabError
from srlab.evaluation.complexity import multiply_adds
from srlab.imaging.color import luma
from srlab.imaging.resize import imresize
from srlab.inference.upscale import upscale
from srlab.methods import find_method
from srlab.networks.selfexsr import SelfExSRNetwork


def test_a_batch_is_its_images():
    network, lr = SelfExSRNetwork(iterations=1), torch.rand(3, 1, 8, 9)
    both = network(lr, 2)
    for image, sr in zip(lr, both, strict=True):
        torch.testing.assert_close(network(image[None], 2)[0], sr, rtol=0, atol=0)


def test_half_precision_is_of_the_outside_only():
    """Under autocast it computes in float32 all the same, and a tensor comes back in its own type."""
    network, lr = SelfExSRNetwork(iterations=1), torch.rand(1, 1, 9, 7)
    with torch.autocast("cpu", torch.bfloat16):
        sr = network(lr, 2)
    assert torch.equal(sr, network(lr, 2))
    assert network(lr.bfloat16(), 2).dtype == torch.bfloat16


def test_it_has_no_multiply_adds_to_count():
    assert multiply_adds(find_method("selfexsr")({}), 2) == 0


def test_without_numba_an_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(SrlabError) as refused:
        SelfExSRNetwork()
    assert str(refused.value) == (
        "model=selfexsr: the package numba is not installed. Run: pip install 'srlab[classic]'"
    )


@needs_shared
@pytest.mark.slow
def test_butterfly_x4():
    """Set5's butterfly under `classic`: bicubic has 22.10 dB."""
    [path] = [path for path in benchmark_files("Set5") if path.stem == "butterfly"]
    rgb = torch.from_numpy(np.array(read_image(path))).permute(2, 0, 1)[None].double() / 255
    hr = (255 * luma(rgb)).round()
    sr = 255 * upscale(SelfExSRNetwork(), imresize(hr / 255, 1 / 4).float(), 4)
    error = (sr.round() - hr)[..., 4:-4, 4:-4].square().mean()
    assert 10 * torch.log10(255**2 / error) > 24.1
