"""D-DBPN against the paper's equations in plain functions, and its files under the names of the authors' program."""

import pytest
import torch
from helpers import build
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.methods import find_method
from srlab.methods.loading import load_weights
from srlab.networks.dbpn import DBPNNetwork
from srlab.weights.conversion import convert
from srlab.weights.files import read_file


def prelu_layer(state, path, x, function, **options):
    y = function(x, state[f"{path}.0.weight"], state[f"{path}.0.bias"], **options)
    return torch.where(y > 0, y, state[f"{path}.1.weight"] * y)


def projection(state, path, x, scale, upwards):
    """Equations 1 to 10: H0 = up(L), L0 = down(H0), H1 = up(L0 - L), H0 + H1; and with up and down exchanged."""
    there, back = (F.conv_transpose2d, F.conv2d) if upwards else (F.conv2d, F.conv_transpose2d)
    options = {"stride": scale, "padding": 2}
    if f"{path}.merge.0.weight" in state:
        x = prelu_layer(state, f"{path}.merge", x, F.conv2d)
    first = prelu_layer(state, f"{path}.first", x, there, **options)
    lost = prelu_layer(state, f"{path}.back", first, back, **options) - x
    return first + prelu_layer(state, f"{path}.correction", lost, there, **options)


def of_four_stages(state, lr, scale):
    """Figure 3, spelled out for T = 4; the newest features come first."""

    def up(number, *features):
        return projection(state, f"ups.{number - 1}", torch.cat(features, 1), scale, upwards=True)

    def down(number, *features):
        return projection(state, f"downs.{number - 1}", torch.cat(features, 1), scale, upwards=False)

    shallow = prelu_layer(state, "head.1", prelu_layer(state, "head.0", lr, F.conv2d, padding=1), F.conv2d)
    h1 = up(1, shallow)
    l1 = down(1, h1)
    h2 = up(2, l1)
    l2 = down(2, h2, h1)
    h3 = up(3, l2, l1)
    l3 = down(3, h3, h2, h1)
    h4 = up(4, l3, l2, l1)
    return F.conv2d(torch.cat([h4, h3, h2, h1], 1), state["tail.weight"], state["tail.bias"], padding=1)


def small(scale, stages=4):
    """Weights at working scale, with another slope and bias in every layer."""
    torch.manual_seed(0)
    network = DBPNNetwork(scale, features=4, shallow_features=6, stages=stages)
    for p in network.parameters():
        if p.ndim == 1:
            torch.nn.init.uniform_(p, -0.1, 0.5)
        else:
            torch.nn.init.normal_(p, std=(3 / p[0].numel()) ** 0.5)
    return network


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_equals_the_papers_equations_in_plain_functions(scale):
    network = small(scale).double()
    lr = torch.rand(1, 3, 5, 4, dtype=torch.double)
    torch.testing.assert_close(network(lr, scale), of_four_stages(network.state_dict(), lr, scale))


def test_the_papers_network_has_the_published_kernels():
    with torch.device("meta"):
        kernels = [DBPNNetwork(scale).ups[0].first[0].kernel_size for scale in (2, 4, 8)]
    assert kernels == [(6, 6), (8, 8), (12, 12)]


def test_starts_as_in_the_paper():
    """He et al.: a variance of 2 over the number of inputs of a kernel; no bias; one slope a PReLU."""
    torch.manual_seed(0)
    network = DBPNNetwork(2, features=16, stages=3)
    for name, p in network.named_parameters():
        if p.ndim == 4:
            assert float(p.detach().square().mean()) == pytest.approx(2 / p[0].numel(), rel=0.3), name
        elif name.endswith("bias"):
            assert not p.any()
        else:
            assert p.shape == (1,) and p.item() == 0.25


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_sees_exactly_as_far_as_it_says(scale):
    network = small(scale, stages=2).double()
    reach = network.traits.receptive_field
    lr = torch.rand(1, 3, 3, 2 * reach + 3, dtype=torch.double, requires_grad=True)
    middle = (reach + 1) * scale
    network(lr, scale)[..., middle : middle + scale].sum().backward()
    seen = lr.grad.abs().sum(dim=(0, 1, 2)).nonzero().flatten()
    assert (seen.min(), seen.max()) == (1, 2 * reach + 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 3}, "scale=3: D-DBPN has 2, 4 and 8, one at a time"),
        ({"scale": 2, "stages": 0}, r"model\.network\.stages=0: expected 1 or more"),
    ],
)
def test_arguments_that_cannot_be(arguments, message):
    with pytest.raises(SrlabError, match=message):
        DBPNNetwork(**arguments)


def test_the_recipe_is_the_papers():
    recipe = build("dbpn").hparams["recipe"]
    assert recipe["optimizer"]["weight_decay"] == 1e-4
    assert {name for name, term in recipe["loss"].items() if isinstance(term, dict) and term.get("weight")} == {"l2"}


def test_a_file_of_data_parallel_is_read_and_written_without_its_prefix(tmp_path):
    network = small(4)
    torch.save(network.state_dict(), tmp_path / "own.pt")
    convert(tmp_path / "own.pt", tmp_path / "theirs.pt", "dbpn_pytorch")
    theirs = read_file(tmp_path / "theirs.pt")
    assert {"feat0.conv.weight", "up3.conv.act.weight", "down1.down_conv2.deconv.bias"} < theirs.keys()
    torch.save({f"module.{key}": value for key, value in theirs.items()}, tmp_path / "released.pt")
    method = find_method("dbpn")({"scale": 4, "features": 4, "shallow_features": 6, "stages": 4})
    load_weights(method, tmp_path / "released.pt")
    lr = torch.rand(1, 3, 5, 6)
    assert torch.equal(method.eval()(lr, 4), network.eval()(lr, 4))
