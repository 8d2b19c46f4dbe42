"""DSRN against a walk over its recurrent graph in plain functions, its size, and its clipping."""

import pytest
import torch
from helpers import build
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.imaging.resize import imresize
from srlab.networks.dsrn import DSRNNetwork


@pytest.mark.parametrize(("scale", "parameters"), [(2, 732035), (3, 813955), (4, 928643)])
def test_parameters(scale, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in DSRNNetwork(scale).parameters()) == parameters


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("steps", [2, 3, 6])
def test_equals_its_graph_unrolled(scale, steps):
    """Nodes are sums of what edges bring one step later; each passes a ReLU before its edges take it on."""
    torch.manual_seed(0)
    network = DSRNNetwork(scale, features=6, steps=steps).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    state, lr = network.state_dict(), torch.rand(1, 3, 5, 4, dtype=torch.double)

    def convolved(x, name):
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1)

    def twice(name):
        return lambda x: convolved(convolved(x, f"{name}.0").clamp(min=0), f"{name}.2")

    edges = [
        ("low", "low", lambda x: x),
        ("low", "low", twice("low")),
        ("low", "high", lambda x: F.conv_transpose2d(x, state["up.weight"], state["up.bias"], stride=scale)),
        ("high", "high", lambda x: x),
        ("high", "high", twice("high")),
        ("high", "low", lambda x: F.avg_pool2d(x, scale)),
    ]
    nodes, seen = {"low": twice("head")(lr)}, []
    for _ in range(steps):
        active = {name: value.clamp(min=0) for name, value in nodes.items()}
        seen += [active["high"]] if "high" in active else []
        nodes = {}
        for source, target, function in edges:
            if source in active:
                nodes[target] = nodes.get(target, 0) + function(active[source])
    assert len(seen) == steps - 1
    mean = torch.stack(seen).mean(dim=0)
    expected = imresize(lr, scale) + F.conv2d(mean, state["tail.weight"], state["tail.bias"])
    torch.testing.assert_close(network(lr, scale), expected, rtol=0, atol=1e-10)


def test_every_component_of_the_gradient_is_clipped():
    method = build("dsrn")
    optimizer = method.configure_optimizers()["optimizer"]
    for p in method.network.parameters():
        p.grad = torch.linspace(-3, 3, p.numel()).reshape(p.shape)
    method.configure_gradient_clipping(optimizer, method.hparams["recipe"]["gradient_clip_val"], "norm")
    for p in method.network.parameters():
        assert torch.equal(p.grad, torch.linspace(-3, 3, p.numel()).reshape(p.shape).clamp(-1, 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"scale": 8}, "scale=8: DSRN has 2, 3 and 4"), ({"scale": 2, "steps": 1}, "steps=1: expected 2 or more")],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(SrlabError, match=message):
        DSRNNetwork(**arguments)
