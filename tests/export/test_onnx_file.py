"""Networks as ONNX files: computed by ONNX Runtime, at sizes that the exporter has not seen."""

import inspect

import numpy as np
import pytest
import torch

from srlab import __version__
from srlab.errors import SrlabError
from srlab.export.onnx_file import export_onnx
from srlab.export.parity import check_parity, onnx_runtime, smallest_side
from srlab.export.program import REASONS, channels_of, onnx_model
from srlab.inference.folding import folded
from srlab.networks import NETWORKS

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def tiny(name, **arguments):
    torch.manual_seed(0)
    return NETWORKS[name](**{**NETWORKS[name].tiny, **arguments}).eval()


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(
    ("name", "arguments", "scale", "fold"),
    [
        ("edsr", {"scale": 2}, 2, True),  # pixel shuffle and the mean shift
        ("edsr", {"scale": 2}, 2, False),
        ("vdsr", {}, 3, True),  # bicubic by a whole scale
        ("lapsrn", {"scale": 4}, 3, True),  # bicubic by 3/4, antialiased
    ],
)
def test_the_file_computes_what_the_network_computes(tmp_path, name, arguments, scale, fold):
    network = tiny(name, **arguments)
    path = tmp_path / "network.onnx"
    export_onnx(folded(network) if fold else network, scale, name, path)
    lr = torch.rand(3, channels_of(network), 11, 37)
    with torch.no_grad():
        expected = network(lr, scale).numpy()
    found = session(path).run(None, {"lr": lr.numpy()})[0]
    assert found.shape == (3, channels_of(network), 11 * scale, 37 * scale)
    assert np.abs(found - expected).max() <= 1e-5 * max(1, np.abs(expected).max())


def test_uint8_goes_in_and_comes_out(tmp_path):
    network = tiny("edsr", scale=2)
    export_onnx(network, 2, "edsr", tmp_path / "network.onnx", values="uint8")
    lr = np.random.default_rng(0).integers(0, 256, (1, 3, 15, 19), dtype=np.uint8)
    with torch.no_grad():
        sr = network(torch.from_numpy(lr) / 255, 2).clamp(0, 1).numpy()
    found = session(tmp_path / "network.onnx").run(None, {"lr": lr})[0]
    assert found.dtype == np.uint8
    assert np.abs(found - sr * 255).max() <= 0.51  # it is rounded, and no more
    assert found.std() > 1  # and it is no constant


def test_the_file_says_what_it_takes(tmp_path):
    network = tiny("edsr", scale=2)
    done = export_onnx(network, 2, "my network", tmp_path / "network.onnx", opset=18)
    model = onnx.load(tmp_path / "network.onnx")
    onnx.checker.check_model(model)
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert said == done.facts
    assert said.items() >= {
        "srlab_version": __version__, "label": "my network", "network": "edsr", "scale": "2", "channels": "3",
        "receptive_field": str(network.traits.receptive_field), "size_multiple": "1", "type": "float",
    }.items()  # fmt: skip
    assert said["colour"].startswith("RGB") and "0..1" in said["range"]
    assert {entry.domain: entry.version for entry in model.opset_import}[""] == 18
    assert str(tmp_path.parts[1]).encode() not in model.SerializeToString()  # nor where it was made


def test_the_smallest_side_is_true(tmp_path):
    """Bicubic needs two pixels to mirror at the edge. ONNX Runtime answers 1 x 1 with an error or something else."""
    network = NETWORKS["interpolation"](kernel="bicubic")
    done = export_onnx(network, 2, "bicubic", tmp_path / "bicubic.onnx")
    assert done.facts["smallest_side"] == "2"


def test_a_program_that_differs_is_refused():
    network, other = tiny("edsr", scale=2), tiny("edsr", scale=2)
    with torch.no_grad():
        other.head.weight[0, 0, 1, 1] += 0.05
    run = onnx_runtime(onnx_model(network, 2, "edsr").SerializeToString())
    assert check_parity(run, network, 2, "edsr.onnx") < 1e-5
    with pytest.raises(SrlabError, match=r"edsr\.onnx: differs from PyTorch by .* 0\.0001 is allowed"):
        check_parity(run, other, 2, "edsr.onnx")


def test_a_refused_export_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    path = tmp_path / "network.onnx"
    path.write_bytes(b"as it was")
    monkeypatch.setattr("srlab.export.parity.deviation", lambda *_: 0.5)
    with pytest.raises(SrlabError, match="differs from PyTorch"):
        export_onnx(tiny("edsr", scale=2), 2, "edsr", path)
    assert path.read_bytes() == b"as it was" and list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SrlabError, match=r"a\.onnx: cannot be written \(Not a directory\)\. Choose another OUT"):
        export_onnx(tiny("edsr", scale=2), 2, "edsr", tmp_path / "file" / "a.onnx")


def test_a_program_for_large_images_only():
    class Mirrors(NETWORKS["interpolation"]):
        def forward(self, lr, scale, condition=None):
            return super().forward(torch.nn.functional.pad(lr, (4, 4, 4, 4), "reflect")[..., 4:-4, 4:-4], scale)

    network = Mirrors()
    with pytest.raises(SrlabError, match=r"^mine: cannot .*: its program fails for images of 4 pixels a side\.$"):
        smallest_side(lambda inputs: network(inputs[0], 2), network, 2, "mine")


@pytest.mark.parametrize("name", ["aplus", "csnln", "san"])
def test_what_cannot_be_exported_says_why(tmp_path, name):
    network = tiny(name, scale=2)
    with pytest.raises(SrlabError, match=f"{name} cannot be exported: .{{20}}"):
        export_onnx(network, 2, name, tmp_path / "network.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        (lambda height: float(height > 19), "reads: cannot be exported: "),
        (lambda height: 1.0 if height == 20 else 0.5, r"exported: its program would hold for one height only\.$"),
    ],
)
def test_networks_whose_code_reads_the_size_are_refused(factor, message):
    """PyTorch's exporter would fix such a size without an error, or name a constraint that nobody understands."""

    class Reads(NETWORKS["interpolation"]):
        def forward(self, lr, scale, condition=None):
            return super().forward(lr, scale) * factor(lr.shape[2])

    with pytest.raises(SrlabError, match=message):
        onnx_model(Reads(), 2, "reads")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(NETWORKS.keys() - REASONS.keys()))
def test_every_other_network_is_exported(tmp_path, name):
    """`export_onnx` compares it with PyTorch; docs/use.md has the table."""
    options = {"scale": 2} if "scale" in inspect.signature(NETWORKS[name]).parameters else {}
    network = tiny(name, **options)
    done = export_onnx(folded(network), 2, name, tmp_path / "network.onnx")
    assert done.deviation < 1e-5
    sides = session(tmp_path / "network.onnx").get_inputs()[0].shape
    assert all(isinstance(side, str) for side in (sides[0], sides[2], sides[3]))  # names, not numbers: free
