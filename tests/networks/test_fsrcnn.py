"""FSRCNN against the authors' own networks, and against the paper's figure in plain functions."""

import pytest
import torch
from helpers import SHARED, build, needs_shared
from torch.nn import functional as F

from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.data.batch import Batch
from srlab.errors import SrlabError
from srlab.methods import find_method
from srlab.methods.loading import load_weights
from srlab.networks.fsrcnn import FSRCNNNetwork
from srlab.weights.conversion import convert
from srlab.weights.files import read_file


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({"slopes": "channel"}, 12809),
        ({"slopes": "layer"}, 12644),
        ({"features": 32, "shrunken": 5, "mapping": 1, "slopes": "channel"}, 4086),
        ({"features": 32, "shrunken": 5, "mapping": 1, "slopes": "layer"}, 4016),
    ],
)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_parameters(arguments, parameters, scale):
    assert sum(p.numel() for p in FSRCNNNetwork(scale, **arguments).parameters()) == parameters


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("slopes", ["channel", "layer"])
def test_equals_the_papers_figure_in_plain_functions(scale, slopes):
    """Every convolution replicates the border; the 9 x 9 kernel of LR pixel k is centred at 2k, 3k + 1 or 4k."""
    torch.manual_seed(0)
    network = FSRCNNNetwork(scale, features=6, shrunken=3, mapping=2, slopes=slopes).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    lr = torch.rand(1, 1, 5, 7, dtype=torch.double)
    state, x = network.state_dict(), lr
    for i in range(5):
        weight = state[f"features.{2 * i}.weight"]
        border = weight.shape[-1] // 2
        x = F.conv2d(F.pad(x, [border] * 4, mode="replicate"), weight, state[f"features.{2 * i}.bias"])
        slope = state[f"features.{2 * i + 1}.weight"].reshape(1, -1, 1, 1)
        x = torch.where(x > 0, x, slope * x)
    x = F.pad(x, [1] * 4, mode="replicate")
    height, width = 5 * scale, 7 * scale
    expected = torch.full((height, width), float(state["deconvolution.bias"]), dtype=torch.double)
    kernel, offset = state["deconvolution.weight"][:, 0], {2: 0, 3: 1, 4: 0}[scale]
    for row in range(-1, 6):
        for column in range(-1, 8):
            stamp = torch.einsum("c,chw->hw", x[0, :, row + 1, column + 1], kernel)
            top, left = scale * row + offset - 4, scale * column + offset - 4
            for i in range(max(0, -top), min(9, height - top)):
                for j in range(max(0, -left), min(9, width - left)):
                    expected[top + i, left + j] += stamp[i, j]
    torch.testing.assert_close(network(lr, scale)[0, 0], expected, atol=1e-10, rtol=0)


def test_the_transposed_convolution_learns_at_a_tenth():
    method = build("fsrcnn")
    others, slow = method.configure_optimizers()["optimizer"].param_groups
    assert {id(p) for p in slow["params"]} == {id(p) for p in method.network.deconvolution.parameters()}
    assert len(others["params"]) + len(slow["params"]) == len(list(method.network.parameters()))
    assert (others["initial_lr"], slow["initial_lr"]) == (pytest.approx(1e-3), pytest.approx(1e-4))


def test_initialised_as_in_the_paper():
    """Section 3.3: He et al. for PReLU of slope 0.25, whose variance is 2 / ((1 + 0.25^2) fan_in); 0.001 at the end."""
    torch.manual_seed(0)
    network = FSRCNNNetwork(2)
    for index, inputs in ((0, 25), (2, 56), (4, 108), (12, 12)):
        expected = (2 / (1 + 0.25**2) / inputs) ** 0.5
        assert network.features[index].weight.std().item() == pytest.approx(expected, rel=0.12)
    assert network.deconvolution.weight.std().item() == pytest.approx(1e-3, rel=0.05)
    assert all(not p.any() for name, p in network.named_parameters() if name.endswith("bias"))


def test_another_scale_is_refused():
    with pytest.raises(SrlabError, match="scale=8: FSRCNN has 2, 3 and 4"):
        FSRCNNNetwork(8)


@needs_shared
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_authors_weights_give_their_output(scale, tmp_path):
    path = SHARED / "weights" / f"authors_fsrcnn_x{scale}.pt"
    content = torch.load(path, weights_only=True)
    method = find_method("fsrcnn")({"scale": scale, "slopes": "layer"})
    load_weights(method, path)
    with torch.no_grad():
        assert (method(content["input"], scale) - content["output"]).abs().max() < 1e-5
    convert(path, tmp_path / "own.pt", "srlab")
    convert(tmp_path / "own.pt", tmp_path / "back.pt", "authors")
    back = read_file(tmp_path / "back.pt")
    assert back.keys() == content["state_dict"].keys()
    assert all(torch.equal(back[key], value) for key, value in content["state_dict"].items())


SET14 = {2: 32.627, 3: 29.423, 4: 27.591}


@needs_shared
@pytest.mark.parametrize(("scale", "psnr", "ssim"), [(2, 36.997, 0.9558), (3, 33.155, 0.9140), (4, 30.704, 0.8657)])
def test_the_authors_weights_give_the_published_numbers(scale, psnr, ssim, tmp_path):
    words = [f"weights={SHARED / 'weights' / f'authors_fsrcnn_x{scale}.pt'}", f"data.root={SHARED / 'data'}"]
    options = ["model=fsrcnn", "model.network.slopes=layer", f"scale={scale}", "protocol=classic", "sets=[set5,set14]"]
    set5, set14 = evaluate_config(compose("evaluate", [*options, *words, f"out={tmp_path}"]))
    assert set5.psnr == pytest.approx(psnr, abs=0.002) and set5.ssim == pytest.approx(ssim, abs=1e-4)
    assert set14.psnr == pytest.approx(SET14[scale], abs=0.002)
    for row in (set5, set14):
        assert row.published is not None and abs(row.psnr - row.published["psnr"]) < 0.01


def test_its_recipe_does_not_diverge_in_the_first_steps():
    """Without the bound on the gradient's norm the loss is no longer a number within ten steps."""
    method = build("fsrcnn", small=False)
    optimizer = method.configure_optimizers()["optimizer"]
    generator = torch.Generator().manual_seed(0)
    for _ in range(12):
        level = torch.rand(16, 1, 1, 1, generator=generator)
        lr = (level + 0.2 * torch.randn(16, 1, 14, 14, generator=generator)).clamp(0, 1)
        hr = lr[..., 2:-2, 2:-2].repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        optimizer.zero_grad()
        loss, _ = method.objective(Batch(lr, hr, 2, margin=2))
        assert loss.isfinite()
        loss.backward()
        method.configure_gradient_clipping(optimizer, method.hparams["recipe"]["gradient_clip_val"], "norm")
        optimizer.step()
