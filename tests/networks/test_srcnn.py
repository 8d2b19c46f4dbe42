"""SRCNN against the authors' own networks."""

import pytest
import torch
from helpers import SHARED, needs_shared

from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.errors import SrlabError
from srlab.methods import find_method
from srlab.methods.loading import load_weights
from srlab.networks.srcnn import SRCNNNetwork
from srlab.weights.conversion import convert
from srlab.weights.files import read_file

AUTHORS = {
    "authors_srcnn_955_x2.pt": [9, 5, 5],
    "authors_srcnn_955_x3.pt": [9, 5, 5],
    "authors_srcnn_955_x4.pt": [9, 5, 5],
    "authors_srcnn_915_91_x2.pt": [9, 1, 5],
}


@pytest.mark.parametrize(("kernels", "widths"), [([9, 1, 5], [6, 4]), ([9, 5, 5, 3, 5], [6, 4, 3, 5])])
def test_the_authors_names_at_any_depth(kernels, widths, tmp_path):
    """conv1, conv2, ..., counted from the image on, and nothing else."""
    torch.manual_seed(0)
    network = SRCNNNetwork(kernels=kernels, widths=widths)
    theirs = {}
    for i, layer in enumerate(network.convolutions):
        theirs[f"conv{i + 1}.weight"], theirs[f"conv{i + 1}.bias"] = layer.weight.detach(), layer.bias.detach()
    torch.save(theirs, tmp_path / "theirs.pt")
    method = find_method("srcnn")({"kernels": kernels, "widths": widths})
    load_weights(method, tmp_path / "theirs.pt")
    lr = torch.rand(1, 1, 9, 11)
    assert torch.equal(method.eval()(lr, 2), network.eval()(lr, 2))
    convert(tmp_path / "theirs.pt", tmp_path / "own.pt", "srlab")
    convert(tmp_path / "own.pt", tmp_path / "back.pt", "authors")
    back = read_file(tmp_path / "back.pt")
    assert back.keys() == theirs.keys()
    assert all(torch.equal(back[key], value) for key, value in theirs.items())


def test_an_initialization_that_there_is_not():
    with pytest.raises(SrlabError, match=r"initialization=hee: expected normal or he\. Did you mean 'he'"):
        SRCNNNetwork(initialization="hee")


@needs_shared
@pytest.mark.parametrize("file", AUTHORS)
def test_the_authors_weights_give_their_output(file):
    path = SHARED / "weights" / file
    content = torch.load(path, weights_only=True)
    method = find_method("srcnn")({"kernels": AUTHORS[file]})
    load_weights(method, path)
    with torch.no_grad():
        assert (method.eval()(content["input"], 1) - content["output"]).abs().max() < 1e-5  # enlarged already


@pytest.mark.slow
@needs_shared
@pytest.mark.parametrize(
    ("file", "model", "psnr", "ssim"),
    [
        ("authors_srcnn_955_x2.pt", "srcnn", 36.656, 0.9542),
        ("authors_srcnn_955_x3.pt", "srcnn", 32.749, 0.9090),
        ("authors_srcnn_955_x4.pt", "srcnn", 30.484, 0.8628),
        ("authors_srcnn_915_91_x2.pt", "srcnn_915", 36.342, None),
    ],
)
def test_the_authors_weights_give_the_published_numbers(file, model, psnr, ssim, tmp_path):
    scale = int(file[-4])
    words = [f"weights={SHARED / 'weights' / file}", f"data.root={SHARED / 'data'}", f"out={tmp_path}"]
    (row,) = evaluate_config(
        compose("evaluate", [f"model={model}", f"scale={scale}", "protocol=classic", "sets=[set5]", *words])
    )
    assert row.psnr == pytest.approx(psnr, abs=0.002)
    if ssim is not None:
        assert row.ssim == pytest.approx(ssim, abs=1e-4)
        assert row.published is not None and abs(row.psnr - row.published["psnr"]) < 0.01
