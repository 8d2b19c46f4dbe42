"""Networks as files of ncnn: computed by the ncnn package."""

import numpy as np
import pytest
import torch

from srlab.errors import SrlabError
from srlab.export.ncnn_files import export_ncnn
from srlab.networks import NETWORKS

pytest.importorskip("pnnx")
ncnn = pytest.importorskip("ncnn")


def tiny(name, **arguments):
    torch.manual_seed(0)
    return NETWORKS[name](**{**NETWORKS[name].tiny, **arguments}).eval()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "arguments", "scale"), [("edsr", {"scale": 2}, 2), ("vdsr", {}, 3)])
def test_ncnn_computes_what_the_network_computes(tmp_path, name, arguments, scale):
    network = tiny(name, **arguments)
    path = tmp_path / "network.ncnn.param"
    done = export_ncnn(network, scale, name, path)
    assert done.files == (path, tmp_path / "network.ncnn.bin")
    assert sorted(tmp_path.iterdir()) == sorted(done.files)  # and none of pnnx's other files

    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    assert net.load_param(str(path)) == 0 and net.load_model(str(done.files[1])) == 0
    lr = torch.rand(1, network.traits.channels, 29, 18)
    image = lr[0].numpy()  # kept, since ncnn.Mat only points to it
    extractor = net.create_extractor()
    extractor.input("in0", ncnn.Mat(image).clone())
    found = np.array(extractor.extract("out0")[1])
    with torch.no_grad():
        expected = network(lr, scale)[0].numpy()
    assert np.abs(found - expected).max() <= 1e-3 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("name", "message"),
    [("srmd", "needs a second input, the degradation"), ("aplus", "aplus cannot be exported: it gathers")],
)
def test_what_cannot_be_converted_says_why(tmp_path, name, message):
    with pytest.raises(SrlabError, match=message):
        export_ncnn(tiny(name, scale=2), 2, name, tmp_path / "network.ncnn.param")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        # pnnx writes operators down that ncnn does not have; ncnn then ends its process.
        (lambda sr, lr: sr.sort(dim=-1).values, "ncnn cannot run what pnnx has made"),
        # Sides that a network's own code reads are recorded as they were.
        (lambda sr, lr: sr * float(lr.shape[2]), r"odd: cannot be exported to ncnn: its answer differs .* 0\.001 is"),
        (
            lambda sr, lr: sr.reshape(1, 3, 2 * int(lr.shape[2]), -1),
            r"odd: cannot be exported to ncnn: pnnx fails \(.*shape '\[1, 3, 40, -1\]' is invalid",
        ),
    ],
)
def test_what_ncnn_cannot_do_is_refused(tmp_path, change, message):
    class Odd(NETWORKS["interpolation"]):
        def forward(self, lr, scale, condition=None):
            return change(super().forward(lr, scale), lr)

    with pytest.raises(SrlabError, match=message):
        export_ncnn(Odd(), 2, "odd", tmp_path / "network.ncnn.param")
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "network.ncnn.param"
    with pytest.raises(SrlabError, match=r"ncnn\.param: cannot be written \(Not a directory\)\. Choose another OUT"):
        export_ncnn(NETWORKS["interpolation"](), 2, "bicubic", path)
