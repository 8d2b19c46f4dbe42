"""How EDSR's blocks are connected: what the network computes, costs and shows in its files."""

import pytest
import torch
from helpers import build
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.evaluation.complexity import multiply_adds
from srlab.methods import find_method
from srlab.methods.loading import load_checkpoint, load_weights
from srlab.networks.connections import connected
from srlab.networks.edsr import EDSRNetwork
from srlab.weights.conversion import convert
from srlab.weights.recognition import recognise

KINDS = ["residual", "dense", "recursive"]
BLOCKS = 3


def by_hand(kind, state, lr, residual_scale):
    """The network of 3 blocks at x2 from its weights, without a module."""

    def convolution(x, path):
        weight = state[f"{path}.weight"]
        return F.conv2d(x, weight, state[f"{path}.bias"], padding=weight.shape[-1] // 2)

    def block(x, path):
        return x + residual_scale * convolution(convolution(x, f"{path}.body.0").clamp(min=0), f"{path}.body.2")

    mean = state["mean.mean"].reshape(1, -1, 1, 1)
    shallow = x = convolution(255 * lr - mean, "head")
    if kind == "residual":
        x = block(block(block(x, "body.0"), "body.1"), "body.2")
    elif kind == "recursive":
        x = block(block(block(x, "body.0.block"), "body.0.block"), "body.0.block")
    else:
        first = block(x, "body.0.blocks.0")
        second = block(convolution(torch.cat([x, first], 1), "body.0.fusions.0"), "body.0.blocks.1")
        third = block(convolution(torch.cat([x, first, second], 1), "body.0.fusions.1"), "body.0.blocks.2")
        x = convolution(torch.cat([x, first, second, third], 1), "body.0.fusions.2")
    x = shallow + convolution(x, f"body.{BLOCKS}" if kind == "residual" else "body.1")
    return (convolution(F.pixel_shuffle(convolution(x, "tail.0.0"), 2), "tail.1") + mean) / 255


@pytest.mark.parametrize("residual_scale", [1.0, 0.1])
@pytest.mark.parametrize("kind", KINDS)
def test_equals_plain_functions(kind, residual_scale):
    torch.manual_seed(0)
    network = EDSRNetwork(2, features=8, blocks=BLOCKS, residual_scale=residual_scale, connections=kind).double()
    lr = torch.rand(2, 3, 7, 9, dtype=torch.double)
    expected = by_hand(kind, network.state_dict(), lr, residual_scale)
    torch.testing.assert_close(network(lr, 2), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("residual", 1_369_859),
        ("dense", 1_369_859 + sum((i + 2) * 64 * 64 + 64 for i in range(16))),
        ("recursive", 1_369_859 - 15 * 2 * (9 * 64 * 64 + 64)),
    ],
)
def test_sizes(kind, size):
    with torch.device("meta"):
        network = EDSRNetwork(2, connections=kind)
    assert sum(p.numel() for p in network.parameters()) == size


def test_recursion_costs_as_many_multiply_adds_as_the_chain():
    costs = {kind: multiply_adds(find_method("edsr")({"scale": 2, "connections": kind}), 2) for kind in KINDS}
    assert costs["recursive"] == costs["residual"] == pytest.approx(316.2e9, rel=1e-3)
    assert costs["dense"] - costs["residual"] == 640 * 360 * sum((i + 2) * 64 * 64 for i in range(16))


def test_a_recursion_has_the_gradient_of_all_its_applications():
    """That of a chain of equal blocks, summed over the blocks."""
    torch.manual_seed(0)
    chain = EDSRNetwork(2, features=8, blocks=BLOCKS).double()
    shared = EDSRNetwork(2, features=8, blocks=BLOCKS, connections="recursive").double()
    state = {key: value for key, value in chain.state_dict().items() if not key.startswith("body.")}
    for i in range(BLOCKS):
        chain.body[i].load_state_dict(chain.body[0].state_dict())
    state |= {f"body.0.block.{key}": value for key, value in chain.body[0].state_dict().items()}
    state |= {f"body.1.{key}": value for key, value in chain.body[BLOCKS].state_dict().items()}
    shared.load_state_dict(state)
    lr = torch.rand(1, 3, 6, 5, dtype=torch.double)
    for network in (chain, shared):
        network(lr, 2).square().sum().backward()
    own = dict(shared.named_parameters())
    for key, _ in chain.body[0].named_parameters():
        total = sum(chain.body[i].get_parameter(key).grad for i in range(BLOCKS))
        torch.testing.assert_close(own[f"body.0.block.{key}"].grad, total, rtol=1e-9, atol=0)


def test_every_block_sees_all_before_it_where_connections_are_dense():
    network = EDSRNetwork(2, features=4, blocks=4, connections="dense")
    chain, seen = network.body[0], {}
    for i, block in enumerate(chain.blocks):
        block.register_forward_hook(lambda _, __, output, i=i: seen.__setitem__(i, output))
    last = []
    chain.blocks[3].register_forward_pre_hook(lambda _, inputs: last.append(inputs[0]))
    chain(torch.rand(1, 4, 5, 5))
    assert all(gradient.abs().max() > 0 for gradient in torch.autograd.grad(last[0].sum(), [seen[i] for i in range(3)]))
    for block in chain.blocks[1:]:  # without these ways through later blocks, the first output still arrives
        for parameter in block.parameters():
            torch.nn.init.zeros_(parameter)
    for fusion in chain.fusions:
        fusion.weight.data[:, -4:] = 0
    with torch.no_grad():
        chain.fusions[2].weight[:, :4] = 0
    chain(torch.rand(1, 4, 5, 5))
    assert torch.autograd.grad(last[1].sum(), seen[0])[0].abs().max() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_tiles_equal_the_whole(kind):
    method = find_method("edsr")({"scale": 2, "features": 8, "blocks": 2, "connections": kind}).eval()
    assert method.traits.receptive_field == 8
    lr = torch.rand(1, 3, 41, 37)
    torch.testing.assert_close(method.upscale(lr, 2, tile=8), method.upscale(lr, 2), atol=2e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("attention", ["none", "second_order", "spatial"])
def test_weights_show_the_connections(kind, attention, tmp_path):
    arguments = {"scale": 4, "features": 16, "blocks": 2, "connections": kind, "attention": attention}
    arguments |= {"convolution": "depthwise_separable", "norm": "none" if kind == "recursive" else "batch"}
    method = find_method("edsr")(arguments).eval()
    found = recognise(method.network.state_dict())
    shown = {key: value for key, value in arguments.items() if key != "blocks" or kind != "recursive"}
    assert found.network == "edsr" and found.layout is None and shown.items() <= found.arguments.items()
    assert ("blocks" in found.arguments) == (kind != "recursive")  # nothing shows how often a block is applied
    torch.save(method.network.state_dict(), tmp_path / "weights.pt")
    other = find_method("edsr")(arguments).eval()
    load_weights(other, tmp_path / "weights.pt")
    lr = torch.rand(1, 3, 7, 6)
    assert torch.equal(other.upscale(lr, 4), method.upscale(lr, 4))


@pytest.mark.parametrize("kind", KINDS[1:])
def test_checkpoints_keep_them_and_training_moves_every_parameter(kind, tmp_path):
    plain = build("edsr_baseline")
    given = {**plain.hparams["network"], "connections": kind, "blocks": BLOCKS}
    method = find_method("edsr")(given, dict(plain.hparams["recipe"]))
    method.prepare_training()
    before = {key: value.clone() for key, value in method.network.named_parameters()}
    optimizer = method.configure_optimizers()["optimizer"]
    (method.network(torch.rand(2, 3, 8, 8), 2) - torch.rand(2, 3, 16, 16)).abs().mean().backward()
    optimizer.step()
    assert all(not torch.equal(value, before[key]) for key, value in method.network.named_parameters())
    checkpoint = {"state_dict": method.state_dict(), "hyper_parameters": dict(method.hparams)}
    method.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "a.ckpt")
    lr = torch.rand(1, 3, 9, 5)
    assert torch.equal(load_checkpoint(tmp_path / "a.ckpt").upscale(lr, 2), method.eval().upscale(lr, 2))
    for layout in ("basicsr", "edsr_pytorch"):
        with pytest.raises(SrlabError, match=f"has no {kind} connections"):
            convert(tmp_path / "a.ckpt", tmp_path / "b.pt", layout)


def test_refusals():
    with pytest.raises(SrlabError, match=r"connections=dens: expected residual, dense.*Did you mean 'dense'"):
        connected("dens", 8, 2, torch.nn.Identity)
    with pytest.raises(SrlabError, match=r"model\.network\.connections=recurrent: .*Did you mean 'recursive'"):
        find_method("edsr")({"scale": 2, "connections": "recurrent"})
    with pytest.raises(SrlabError, match=r"connections=recursive: has no BatchNorm\. Choose model\.network\.norm=none"):
        EDSRNetwork(2, norm="batch", connections="recursive")
