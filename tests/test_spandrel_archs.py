"""Networks of srlab through spandrel's own loader: the same pixels."""

import pytest
import torch

from srlab.errors import SrlabError
from srlab.inference.upscale import upscale
from srlab.networks import NETWORKS
from srlab.weights import zoo
from srlab.weights.checkpoint import write_checkpoint
from srlab.weights.conversion import convert
from srlab.weights.files import write_state
from srlab.weights.layouts import LAYOUTS

spandrel = pytest.importorskip("spandrel")
from srlab import spandrel_archs  # noqa: E402

WITH_WEIGHTS = [name for name in NETWORKS if name not in ("interpolation", "selfexsr", "srmd")]


@pytest.fixture
def loader():
    """With a registry of its own: what spandrel's loaders know elsewhere stays as it is."""
    registry = spandrel.MAIN_REGISTRY.copy()
    spandrel_archs.install(registry)
    return spandrel.ModelLoader(registry=registry)


def small(name: str):
    torch.manual_seed(0)
    kind = NETWORKS[name]
    scale = {} if "scale" not in kind.__init__.__annotations__ else {"scale": 2 if name != "srresnet" else 4}
    arguments = {**kind.tiny, **scale}
    return kind(**arguments).eval(), arguments


def written(name: str, path, layout: str = "spandrel", **more):
    """A checkpoint of a small network as a file for spandrel."""
    network, arguments = small(name)
    network = NETWORKS[name](**arguments, **more).eval() if more else network
    state = {f"network.{key}": value for key, value in network.state_dict().items()}
    checkpoint = path.with_suffix(".ckpt")
    write_checkpoint(checkpoint, name, {"network": {**arguments, **more}, "recipe": None}, state)
    convert(checkpoint, path, layout)
    return network


def assert_same_pixels(network, model) -> None:
    lr = torch.rand(1, 3, 20, 18)
    assert torch.equal(model(lr), upscale(network, lr, model.scale))


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_every_network_gives_the_same_pixels(name, loader, tmp_path):
    network = written(name, tmp_path / "a.safetensors")
    model = loader.load_from_file(tmp_path / "a.safetensors")
    assert model.architecture.id == f"srlab_{name}" and model.input_channels == 3
    assert_same_pixels(network, model)


def test_a_residual_scale_goes_along(loader, tmp_path):
    network = written("edsr", tmp_path / "a.safetensors", residual_scale=0.3)
    assert_same_pixels(network, loader.load_from_file(tmp_path / "a.safetensors"))


def test_where_nothing_says_it_a_warning_does(loader, tmp_path):
    network = written("edsr", tmp_path / "a.safetensors", "srlab")
    for file in ("a.safetensors", "a.ckpt"):
        with pytest.warns(UserWarning, match=r"do not show residual_scale=1\.0, which is assumed"):
            model = loader.load_from_file(tmp_path / file)
        assert_same_pixels(network, model)


@pytest.mark.parametrize("name", ["edsr_baseline_x2", "srresnet_x4", "srgan_vgg22_x4", "vdsr", "lapsrn_x2"])
@pytest.mark.filterwarnings("ignore:.*residual_scale=1.0, which is assumed")
def test_networks_that_come_with_srlab(name, loader):
    model = loader.load_from_file(zoo.path(name))
    assert model.scale in zoo.card(name).scales
    lr = torch.rand(1, 3, 12, 14)
    expected = upscale(model.model.network, lr, model.scale)
    model.model.network.load_state_dict(zoo.state(name))
    assert torch.allclose(model(lr), expected, atol=1e-6)


def test_networks_of_several_scales_take_the_one_that_was_asked_for(tmp_path):
    written("mdsr", tmp_path / "a.safetensors")
    for asked, scale in ((3, 3), (8, 4)):
        registry = spandrel.MAIN_REGISTRY.copy()
        spandrel_archs.install(registry, scale=asked)
        assert spandrel.ModelLoader(registry=registry).load_from_file(tmp_path / "a.safetensors").scale == scale


@pytest.mark.filterwarnings("ignore:.*which is assumed")
def test_keys_of_other_projects(loader, tmp_path):
    network, _ = small("edsr")
    layout = next(layout for layout in LAYOUTS if layout.name == "edsr_pytorch")
    write_state(layout.from_own(network.state_dict()), tmp_path / "a.pth")
    model = loader.load_from_file(tmp_path / "a.pth")
    assert model.architecture.id == "srlab_edsr_of_others"
    assert_same_pixels(network, model)


def test_what_spandrel_loads_already_stays_as_it_is(loader, tmp_path):
    from spandrel.architectures.Compact import Compact
    from spandrel.architectures.RCAN import RCAN

    for own in (Compact(num_feat=8, num_conv=2, upscale=4), RCAN(scale=2, n_resgroups=1, n_resblocks=1, n_feats=16)):
        write_state(own.state_dict(), tmp_path / "a.pth")
        assert not loader.load_from_file(tmp_path / "a.pth").architecture.id.startswith("srlab")


def test_installing_twice_and_into_the_registry_of_all_loaders(tmp_path, monkeypatch):
    before = spandrel.MAIN_REGISTRY.copy()
    try:
        spandrel_archs.install()
        count = len(spandrel.MAIN_REGISTRY)
        spandrel_archs.install()
        assert count == len(spandrel.MAIN_REGISTRY) > len(before)
        network = written("edsr", tmp_path / "a.safetensors")
        assert_same_pixels(network, spandrel.ModelLoader().load_from_file(tmp_path / "a.safetensors"))
    finally:
        for name in ("_architectures", "_ordered", "_by_id"):
            setattr(spandrel.MAIN_REGISTRY, name, getattr(before, name))


def test_the_layout_is_for_safetensors(tmp_path):
    written("edsr", tmp_path / "a.safetensors")
    with pytest.raises(SrlabError, match=r"a\.pth: layout=spandrel needs a name that ends in \.safetensors"):
        convert(tmp_path / "a.ckpt", tmp_path / "a.pth", "spandrel")
