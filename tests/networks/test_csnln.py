"""CSNLN against the authors' formulation, with patches as filters, and what it holds in memory."""

import math

import pytest
import torch
from helpers import build
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from srlab.errors import SrlabError
from srlab.evaluation.complexity import multiply_adds
from srlab.networks.csnln import CrossScaleAttention, CSNLNNetwork, InScaleAttention, patch_attention


def by_filters(query, key, value, smallest):
    """Patches of the keys are filters of a convolution, patches of the image are those of a transposed one.

    value: (1, V, factor * h, factor * w), the image's.
    """
    factor = value.shape[-1] // key.shape[-1]
    filters = F.unfold(key, 3, padding=1)[0].T.reshape(-1, key.shape[1], 3, 3)
    filters = filters / filters.flatten(1).norm(dim=1).clamp(min=smallest).reshape(-1, 1, 1, 1)
    weights = torch.softmax(10 * F.conv2d(query, filters, padding=1), dim=1)
    patches = F.unfold(value, 3 * factor, padding=factor, stride=factor)[0].T
    patches = patches.reshape(-1, value.shape[1], 3 * factor, 3 * factor)
    return F.conv_transpose2d(weights, patches, stride=factor, padding=factor) / 6


def inputs(factor, samples=1, height=6, width=9, dtype=torch.double):
    torch.manual_seed(0)
    query, key, value = (
        torch.randn(samples, features, height * own, width * own, dtype=dtype)
        for features, own in ((4, factor), (4, 1), (5, factor))
    )
    return (query / 4).requires_grad_(), key.requires_grad_(), value.requires_grad_()


@pytest.mark.parametrize("factor", [2, 3])
def test_cross_scale_attention_is_that_of_patches_as_filters(factor):
    query, key, value = inputs(factor)
    smallest = torch.tensor([1e-4], dtype=torch.double)
    ours = F.pixel_shuffle(patch_attention(query, key, F.pixel_unshuffle(value, factor), smallest), factor)
    theirs = by_filters(query, key, value, 1e-4)
    torch.testing.assert_close(ours, theirs)
    direction = torch.randn_like(theirs)
    for own, expected in zip(
        torch.autograd.grad((ours * direction).sum(), (query, key, value)),
        torch.autograd.grad((theirs * direction).sum(), (query, key, value)),
        strict=True,
    ):
        torch.testing.assert_close(own, expected)


@pytest.mark.parametrize("limit", [1, 600, 3000])
def test_results_do_not_depend_on_the_size_of_the_rectangles(limit):
    """Rectangles of one query, of several, and with all columns; the gradients as well."""
    query, key, value = inputs(2, samples=2, height=5, width=4, dtype=torch.float32)
    smallest, found = torch.tensor([1e-4]), []
    for own in (None, limit):
        mean = patch_attention(query, key, F.pixel_unshuffle(value, 2), smallest, own)
        gradients = torch.autograd.grad(mean.square().sum(), (query, key, value))
        found.append((mean, *gradients))
    for cut, whole in zip(*found, strict=True):
        torch.testing.assert_close(cut, whole, rtol=0, atol=1e-6 * max(1.0, float(whole.detach().abs().max())))


def test_in_scale_attention_is_a_mean_over_all_pixels():
    torch.manual_seed(0)
    attention, x = InScaleAttention(6).double(), torch.randn(2, 6, 4, 5, dtype=torch.double)
    query, key, value = (layer(x).flatten(2) for layer in (attention.query, attention.key, attention.value))
    weights = torch.softmax(torch.einsum("nki,nkj->nij", query, key), dim=2)
    torch.testing.assert_close(attention(x), torch.einsum("nij,nvj->nvi", weights, value).view_as(x))


class LargestTensor(TorchDispatchMode):
    """Notes how many numbers the largest tensor has that any operation makes."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, tuple | list) else [result]:
            if isinstance(value, torch.Tensor):
                self.numbers = max(self.numbers, value.untyped_storage().nbytes() // value.element_size())
        return result


def test_no_attention_holds_the_weights_of_all_pairs(monkeypatch):
    monkeypatch.setitem(patch_attention.__globals__["LIMITS"], "cpu", 10_000)
    x = torch.rand(1, 4, 48, 48, requires_grad=True)
    for attention, pairs in ((InScaleAttention(4), 48**4), (CrossScaleAttention(4, 2), 48**2 * 24**2)):
        with LargestTensor() as largest:
            attention(x).sum().backward()
        assert largest.numbers < pairs / 15


def test_the_image_is_made_of_the_features_of_all_passes():
    network, seen = build("csnln", scale=3).network, []
    network.cell.register_forward_hook(lambda *values: seen.append(values[2]))
    lr = torch.rand(1, 3, 6, 9)
    sr = network(lr, 3)
    expected = network.mean.add(network.tail(torch.cat([enlarged for _, enlarged in seen], dim=1)))
    torch.testing.assert_close(sr, expected, atol=1e-5, rtol=0)
    assert len(seen) == network.recursions == 2


def test_at_x4_a_second_stage_starts_from_the_first_ones_features():
    cell, sizes = build("csnln", scale=4).network.cell, []
    for stage in cell.stages:
        stage.projection.register_forward_hook(lambda _, given, result: sizes.append((given[0].shape, result.shape)))
    features, enlarged = cell(torch.rand(1, 8, 6, 10))
    assert sizes == [((1, 8, 6, 10), (1, 8, 12, 20)), ((1, 8, 12, 20), (1, 8, 24, 40))]
    assert (features.shape, enlarged.shape) == ((1, 8, 6, 10), (1, 8, 24, 40))


@pytest.mark.parametrize("kind", [InScaleAttention, lambda features: CrossScaleAttention(features, 2)])
def test_softmax_and_norms_are_of_float32_under_autocast(kind):
    """The convolutions that embed pixels may be in half precision; here nothing stands in their place."""
    torch.manual_seed(0)
    attention, x = kind(8), torch.randn(1, 8, 8, 8)
    attention.query = attention.key = attention.value = torch.nn.Identity()
    expected = attention(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(attention(x), expected)


def test_keys_of_zeros_have_a_gradient():
    query, key, value = inputs(2)
    zeros = torch.zeros_like(key, requires_grad=True)
    smallest = torch.tensor([1e-4], dtype=torch.double)
    patch_attention(query, zeros, F.pixel_unshuffle(value, 2), smallest).sum().backward()
    assert zeros.grad.isfinite().all()


def test_multiply_adds():
    """Counted by hand, of the size next to 427 x 240 whose sides are multiples of 3."""
    method = build("csnln", scale=3)
    head = (3 + 8) * 8 * 9
    embeddings = 2 * (4 + 4 + 8) * 8 - 4 * 8 + 4 * 8 / 9  # the key of cross-scale attention is of the reduced image
    resizing, out = 4 * 81 * 8 * 8, 9 * 8 * 8
    enlarged = 9 * (2 * 9 * 8 * 8 + 9 * 8 * 3)
    assert multiply_adds(method, 3) == math.prod((426, 240)) * (head + 2 * (embeddings + resizing + out + enlarged))


def test_arguments_and_sizes_that_cannot_be():
    with pytest.raises(SrlabError, match="scale=8: csnln has 2, 3 and 4"):
        CSNLNNetwork(8)
    with pytest.raises(SrlabError, match="features=7: expected an even number"):
        CSNLNNetwork(2, features=7)
    with pytest.raises(SrlabError, match=r"multiples of 3, and not 7x6 pixels.*data\.patch_size"):
        build("csnln", scale=3).network(torch.rand(1, 3, 6, 7), 3)
