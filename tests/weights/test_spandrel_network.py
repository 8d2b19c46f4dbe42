"""Networks of other programs by spandrel: random ones of its own classes, measured and used like ours."""

import numpy as np
import pytest
import torch
from helpers import write_image
from PIL import Image
from programs import call

import srlab
from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.data.photos import photo
from srlab.errors import SrlabError
from srlab.extras import EXTRAS
from srlab.imaging.files import to_array, to_tensor
from srlab.inference.upscale import upscale
from srlab.metrics.protocol import protocol
from srlab.weights.spandrel_network import SpandrelNetwork

spandrel = pytest.importorskip("spandrel")
from spandrel.architectures.Compact import Compact  # noqa: E402
from spandrel.architectures.ESRGAN import ESRGAN  # noqa: E402
from spandrel.architectures.SAFMN import SAFMN  # noqa: E402
from spandrel.architectures.SwinIR import SwinIR  # noqa: E402

NETWORKS = {
    "ESRGAN": lambda: ESRGAN(num_filters=8, num_blocks=1, scale=2),
    "RealESRGAN Compact": lambda: Compact(num_feat=8, num_conv=2, upscale=4),
    "SwinIR": lambda: SwinIR(
        img_size=16, window_size=8, depths=[2], num_heads=[2], embed_dim=12, mlp_ratio=2, upscale=2,
        upsampler="pixelshuffledirect",
    ),
    "SAFMN": lambda: SAFMN(dim=12, n_blocks=1, upscaling_factor=2),
}  # fmt: skip


def saved(name: str, folder):
    torch.manual_seed(0)
    network = NETWORKS[name]().eval()
    path = folder / f"{name.replace(' ', '_')}.pth"
    torch.save({"params_ema": network.state_dict()}, path)
    return network, path


@pytest.fixture
def tiny(tmp_path):
    """A set of two crops, 40 x 48."""
    for number, name in enumerate(("a", "b")):
        write_image(
            tmp_path / "tiny" / f"{name}.png", photo("astronaut")[100:140, 200 + 60 * number : 248 + 60 * number]
        )
    return [f"sets=[{tmp_path / 'tiny'}]", "trainer.accelerator=cpu", f"out={tmp_path / 'out'}", "protocol=rgb"]


@pytest.mark.parametrize("name", NETWORKS)
def test_evaluation_gives_what_spandrel_gives(name, tmp_path, tiny):
    _, path = saved(name, tmp_path)
    row = evaluate_config(compose("evaluate", [*tiny, "model=spandrel", f"weights={path}", "save_images=true"]))[0]
    descriptor = spandrel.ModelLoader().load_from_file(path)
    rules = protocol("rgb")
    assert (row.method, row.scale) == (path.stem, descriptor.scale)
    assert row.parameters == sum(p.numel() for p in descriptor.model.parameters())
    for image in ("a", "b"):
        hr = np.asarray(Image.open(tmp_path / "tiny" / f"{image}.png"))
        lr = srlab.load("bicubic")(hr, 1 / row.scale)
        sr = to_array(descriptor(to_tensor(lr)))
        assert row.images[image].psnr == pytest.approx(rules.measure(sr, hr, row.scale).psnr, abs=0.02)


@pytest.mark.parametrize("name", NETWORKS)
def test_odd_sizes_and_batches(name, tmp_path):
    _, path = saved(name, tmp_path)
    network, descriptor = SpandrelNetwork(str(path)), spandrel.ModelLoader().load_from_file(path)
    assert network.architecture == name
    for size in ((13, 21), (16, 9)):
        lr = torch.rand(2, 3, *size)
        expected = torch.cat([descriptor(image[None]) for image in lr])
        assert torch.allclose(upscale(network, lr, descriptor.scale), expected, atol=1e-5)


def test_from_python_by_the_file_alone(tmp_path):
    direct, path = saved("ESRGAN", tmp_path)
    lr = np.ascontiguousarray(photo("astronaut")[100:120, 200:224])
    with torch.no_grad():
        expected = to_array(direct(to_tensor(lr)).clamp(0, 1))
    network = srlab.load(path, precision="32")
    assert network.scales == (2,) and np.abs(network(lr).astype(int) - expected).max() <= 1


def test_the_table_calls_it_as_was_asked(tmp_path, tiny):
    _, path = saved("ESRGAN", tmp_path)
    words = [*tiny, "model=spandrel", "model.name=mine", f"weights={path}"]
    assert evaluate_config(compose("evaluate", words))[0].method == "mine"


class Opens:
    """What a pickle of it would run."""

    def __reduce__(self):
        return open, ("/nowhere/that/can/be", "w")


def test_mistakes_are_one_line(tmp_path, tiny, monkeypatch):
    def error(*words: str) -> str:
        with pytest.raises(SrlabError) as raised:
            evaluate_config(compose("evaluate", [*tiny, "model=spandrel", *words]))
        assert "\n" not in str(raised.value)
        return str(raised.value)

    assert "model=spandrel: say weights=FILE" in error()
    assert "nowhere.pth: no such file" in error("weights=nowhere.pth")
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth")
    assert "neither srlab nor spandrel recognises" in error(f"weights={tmp_path / 'a.pth'}")
    torch.save({"a": Opens()}, tmp_path / "b.pth")
    assert "loading it could run any code" in error(f"weights={tmp_path / 'b.pth'}")
    torch.save(ESRGAN(in_nc=4, out_nc=4, num_filters=8, num_blocks=1, scale=2).state_dict(), tmp_path / "d.pth")
    assert "d.pth: ESRGAN with 4 channels in and 4 out; expected 1 or 3" in error(f"weights={tmp_path / 'd.pth'}")
    _, path = saved("ESRGAN", tmp_path)
    state = torch.load(path, weights_only=True)["params_ema"]
    state.pop("model.3.weight")
    torch.save(state, tmp_path / "c.pth")
    assert "c.pth: spandrel knows some of its keys, but cannot" in error(f"weights={tmp_path / 'c.pth'}")
    assert "scale=3: the method has x2" in error(f"weights={path}", "scale=3")
    monkeypatch.setitem(EXTRAS, "zoo", ("not_there",))
    assert "pip install 'srlab[zoo]'" in error(f"weights={path}")


def test_training_refuses(tmp_path):
    done = call(tmp_path, "srlab", "train", "model=spandrel", "scale=2", "data=sample")
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "error: model=spandrel: networks of other programs are only measured and used. evaluate.py takes them."
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_the_engine_changes_nothing(name, tmp_path):
    """Folding, channels_last and the choice of tiles, as srlab upscale does it."""
    _, path = saved(name, tmp_path)
    lr, descriptor = torch.rand(1, 3, 36, 44), spandrel.ModelLoader().load_from_file(path)
    assert torch.allclose(srlab.load(path, precision="32")(lr), descriptor(lr), atol=1e-4)
