"""MemNet: what is shared, what its gates see and in which order, and which images are supervised."""

import pytest
import torch
from helpers import build
from torch.nn import functional as F

from srlab.data.batch import Batch
from srlab.evaluation.complexity import multiply_adds
from srlab.imaging.resize import imresize
from srlab.networks.memnet import MemNetNetwork, MemoryBlock

EPSILON = 1e-5  # of BatchNorm


def random_network() -> MemNetNetwork:
    torch.manual_seed(0)
    network = MemNetNetwork(features=4, blocks=3, recursions=2).double().eval()
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            torch.nn.init.uniform_(value, 0.5, 2)
        elif value.is_floating_point():
            torch.nn.init.normal_(value, std=0.3)
    return network


def test_recursions_share_convolutions_and_not_batch_norm():
    """677 K in the paper: the weights of convolutions alone."""
    network = MemNetNetwork()
    convolutions = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    norms = [layer for layer in network.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    assert sum(layer.weight.numel() for layer in convolutions) == 676_992
    assert sum(p.numel() for layer in convolutions for p in layer.parameters()) + len(network.ensemble) == 678_215
    assert len({id(layer.weight) for layer in norms}) == 1 + 6 * (2 * 6 + 1 + 1)  # first; units, gate, reconstruction
    assert [block.gate[0].num_features for block in network.blocks] == [64 * (6 + m) for m in range(1, 7)]


@pytest.mark.parametrize("scale", [2, 3])
def test_equals_the_papers_figure_in_plain_functions(scale):
    network, lr = random_network(), torch.rand(2, 1, 6, 5, dtype=torch.double)
    state = network.state_dict()

    def activated(x, norm):
        mean, variance, weight, bias = (
            state[f"{norm}.{key}"].reshape(1, -1, 1, 1) for key in ("running_mean", "running_var", "weight", "bias")
        )
        return ((x - mean) / (variance + EPSILON).sqrt() * weight + bias).clamp(min=0)

    def convolution(x, name):
        weight = state[f"{name}.weight"]
        return F.conv2d(x, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2)

    enlarged = imresize(lr, scale)
    memories, images = [convolution(activated(enlarged, "first.0"), "first.2")], []
    for m in range(3):
        x, states = memories[-1], []
        for recursion in range(2):
            residual = x
            for layer in range(2):
                residual = activated(residual, f"blocks.{m}.unit.norms.{recursion}.{layer}")
                residual = convolution(residual, f"blocks.{m}.unit.convolutions.{layer}")
            x = x + residual
            states.append(x)
        gathered = torch.cat(memories + states, dim=1)
        memories.append(convolution(activated(gathered, f"blocks.{m}.gate.0"), f"blocks.{m}.gate.2"))
        images.append(enlarged + convolution(activated(memories[-1], f"norms.{m}"), "reconstruction"))
    images.append(sum(w * image for w, image in zip(state["ensemble"], images, strict=True)))
    outputs = network.outputs(lr, scale)
    assert [tuple(image.shape) for image in outputs] == [(2, 1, 6 * scale, 5 * scale)] * 4
    for ours, expected in zip(outputs, images, strict=True):
        torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(network(lr, scale), images[-1])


@pytest.mark.parametrize("part", range(5))
def test_a_gate_sees_memories_first_and_then_the_states(part):
    """Three memories, the oldest first, and two states; the gate's weights are 0 but for one of the five."""
    torch.manual_seed(0)
    block, features = MemoryBlock(4, recursions=2, memories=3).eval(), 4
    torch.nn.init.zeros_(block.gate[2].weight)
    block.gate[2].weight.data[:, part * features : (part + 1) * features] = torch.eye(4)[:, :, None, None]
    memories = [torch.rand(1, 4, 6, 6) + 1 for _ in range(3)]
    with torch.no_grad():
        first = memories[2] + block.unit(memories[2], 0)
        seen = [*memories, first, first + block.unit(first, 1)][part]
        torch.testing.assert_close(block(memories), seen.relu(), rtol=1e-4, atol=1e-4)


def test_the_ensemble_begins_as_the_mean_and_is_not_normalised():
    network, lr = MemNetNetwork(features=4, blocks=3, recursions=1).eval(), torch.rand(1, 1, 6, 5)
    *images, final = network.outputs(lr, 2)
    torch.testing.assert_close(final, torch.stack(images).mean(0))
    network.ensemble.data = torch.tensor([2.0, 0.0, 3.0])
    torch.testing.assert_close(network(lr, 2), 2 * images[0] + 3 * images[2])


def test_every_block_and_the_final_image_are_supervised_alike():
    method = build("memnet")
    lr, hr = torch.rand(2, 1, 8, 8), torch.rand(2, 1, 8, 8)
    weights = [weight for *_, weight in method.predictions(Batch(lr, hr, 1))]
    assert weights == [pytest.approx(1 / 3)] * 3  # two blocks and the final image
    assert all(target is hr for _, target, _ in method.predictions(Batch(lr, hr, 1)))


def test_loss_is_the_papers():
    """Section 3.3 with alpha = 1 / (M + 1)."""
    method = build("memnet").eval()
    lr, hr = torch.rand(2, 1, 8, 8), torch.rand(2, 1, 8, 8)
    *images, final = method.network.outputs(lr, 1)
    errors = [(image - hr).square().sum(dim=(1, 2, 3)).mean() / 2 for image in (*images, final)]
    alpha = 1 / 3
    expected = alpha * errors[-1] + (1 - alpha) / 2 * sum(errors[:-1])
    terms = method.weighted_terms(method.predictions(Batch(lr, hr, 1)), lr)
    torch.testing.assert_close(method.loss.total(terms), expected)


@pytest.mark.parametrize(("blocks", "recursions", "depth"), [(6, 6, 80), (10, 10, 212)])
def test_is_as_deep_as_published(blocks, recursions, depth):
    """M6R6 has 80 convolutions and M10R10 212: one per gate, of 1 x 1, which see no further."""
    network = MemNetNetwork(features=2, blocks=blocks, recursions=recursions)
    assert network.traits.receptive_field == depth - blocks + 3


def test_multiply_adds_are_the_published_ones():
    """2,662.4 G in CARN's table, which counts the reconstruction once; here every block has one, 0.1% more."""
    reconstructions = 5 * 9 * 64 * 1280 * 720
    ours = multiply_adds(build("memnet", small=False), 2)
    assert (ours - reconstructions) / 1e9 == pytest.approx(2662.4, abs=0.1)
