"""Backbones' weights: downloaded, from files, random; and networks that are used and never trained."""

import copy
import hashlib
import io
import threading
import warnings
from pathlib import Path

import pytest
import torch
from file_server import serving
from torch import nn
from torchvision import models

from srlab.errors import SrlabError
from srlab.weights import backbones as pretrained
from srlab.weights.backbones import BACKBONES, Backbone, Frozen, backbone_state, convolution_names

NAME = "squeezenet1_1"
KEYS = ["features.0.weight", "features.3.squeeze.bias"]


@pytest.fixture(scope="module")
def content() -> bytes:
    """torchvision's file, but for its values."""
    torch.manual_seed(0)
    file = io.BytesIO()
    torch.save(models.squeezenet1_1().state_dict(), file)
    return file.getvalue()


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """torch hub's folder of weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def server(content, hub, monkeypatch):
    """Has the file by a name with its hash."""
    name = f"squeezenet1_1-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    with serving() as (behaviour, url):
        behaviour.files[name] = content
        monkeypatch.setitem(BACKBONES, NAME, Backbone(f"{url}/{name}"))
        yield behaviour


def left(hub: Path) -> list[str]:
    """What a program could take for weights."""
    return [path.name for path in hub.iterdir() if path.suffix != ".lock"]


def test_files_are_torchvisions():
    for name, backbone in BACKBONES.items():
        assert backbone.url == models.get_model_weights(name).IMAGENET1K_V1.url
        assert len(backbone.sha256) == 8 and int(backbone.sha256, 16)


def test_is_downloaded_once(server, hub, content):
    expected = torch.load(io.BytesIO(content), weights_only=True)
    for _ in range(2):
        state = backbone_state(NAME, None, KEYS)
        assert all(state[key].equal(expected[key]) for key in KEYS)
    assert len(server.requests) == 1 and left(hub) == [BACKBONES[NAME].file_name]


def test_processes_that_start_together_download_once(server):
    threads = [threading.Thread(target=backbone_state, args=(NAME, None, KEYS)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.requests) == 1


def test_a_file_with_another_hash_is_refused(server, hub, content):
    server.files = {BACKBONES[NAME].file_name: content[:-1] + b"?"}
    with pytest.raises(SrlabError, match=r"its download failed \(invalid hash value"):
        backbone_state(NAME, None, KEYS)
    assert left(hub) == []


@pytest.mark.parametrize("spoil", [{"cuts": [1000]}, {"statuses": [404]}, {"cuts": [1000], "length": False}])
def test_a_broken_download_leaves_nothing(server, hub, spoil):
    vars(server).update(spoil)
    with pytest.raises(SrlabError, match="its download failed"):
        backbone_state(NAME, None, KEYS)
    assert left(hub) == []
    backbone_state(NAME, None, KEYS)  # the next attempt is a new one


def test_without_a_network_it_says_what_to_do(hub, monkeypatch):
    url = "http://127.0.0.1:9/squeezenet1_1-b8a52dc0.pth"
    monkeypatch.setitem(BACKBONES, NAME, Backbone(url))
    with pytest.raises(SrlabError) as error:
        backbone_state(NAME, None, KEYS)
    message = str(error.value)
    assert "\n" not in message and "refused" in message
    for word in (str(hub), url, "b8a52dc0", f"weights.{NAME}=FILE"):
        assert word in message


def test_a_damaged_file_in_hubs_folder_is_refused(server, hub, content):
    hub.mkdir(parents=True)
    path = hub / BACKBONES[NAME].file_name
    path.write_bytes(content[:1000])
    with pytest.raises(SrlabError, match=r"damaged, or another file.* Remove it to have it downloaded again"):
        backbone_state(NAME, None, KEYS)
    assert path.is_file() and not server.requests


@pytest.fixture
def random_is_new():
    pretrained._warn_of_random.cache_clear()


def test_random_weights_are_the_same_in_every_call(random_is_new):
    before = torch.get_rng_state()
    with pytest.warns(UserWarning, match=f"weights.{NAME}=random"):
        all_of_them = backbone_state(NAME, "random", KEYS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it was said
        one = backbone_state(NAME, "random", KEYS[:1])
    assert one[KEYS[0]].equal(all_of_them[KEYS[0]]) and torch.get_rng_state().equal(before)
    assert 0.5 < float(one[KEYS[0]].std() / (2 / (64 * 9)) ** 0.5) < 1.5 and not all_of_them[KEYS[1]].any()


@pytest.mark.filterwarnings("ignore:weights")
def test_random_statistics_of_batch_norm():
    state = backbone_state("resnet50", "random", ["bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"])
    assert [float(value.unique()) for value in state.values()] == [1, 0, 0, 1]


def test_a_file_of_some_layers(tmp_path):
    weight, bias = torch.rand(64, 3, 3, 3).half(), torch.rand(64).half()
    torch.save({"features.0.weight": weight, "features.0.bias": bias}, tmp_path / "a.pt")
    state = backbone_state("vgg19", str(tmp_path / "a.pt"), ["features.0.weight"])
    assert state["features.0.weight"].dtype == torch.float32 and state["features.0.weight"].equal(weight.float())
    with pytest.raises(SrlabError, match=r"a.pt: lacks conv1_2 \(features.2\), conv5_4 \(features.34\)\. Give a file"):
        backbone_state("vgg19", str(tmp_path / "a.pt"), ["features.2.weight", "features.2.bias", "features.34.bias"])
    with pytest.raises(SrlabError, match=r"lacks features.3\. Give"):
        backbone_state("alexnet", str(tmp_path / "a.pt"), ["features.3.weight"])


@pytest.mark.parametrize(
    ("name", "source", "needed", "message"),
    [
        ("vgg91", "random", [], "weights.vgg91: expected one of vgg19.*Did you mean 'vgg19'"),
        ("vgg19", "random", ["features.1.weight"], "has no such weight"),
        ("vgg19", "nowhere.pt", [], "nowhere.pt: no such file"),
        ("alexnet", "{file}", ["features.0.weight"], r"is \[64, 3, 3, 3\], but alexnet has \[64, 3, 11, 11\]"),
    ],
)
def test_mistakes(name, source, needed, message, tmp_path):
    torch.save({"features.0.weight": torch.rand(64, 3, 3, 3)}, tmp_path / "a.pt")
    with pytest.raises(SrlabError, match=message):
        backbone_state(name, source.format(file=tmp_path / "a.pt"), needed)


def test_convolutions_by_the_papers_names():
    with torch.device("meta"):
        names = convolution_names(models.vgg19().features)
    assert (names["conv1_1"], names["conv2_2"], names["conv3_4"], names["conv5_4"]) == (0, 7, 16, 34)
    assert len(names) == 16


class Owner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.own = nn.Linear(3, 3)
        self.frozen = Frozen(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout()))

    def forward(self, x):
        return self.frozen(self.own(x))


def test_a_frozen_network_is_not_in_its_owner():
    owner = Owner()
    assert {name for name, _ in owner.named_parameters()} == set(owner.state_dict()) == {"own.weight", "own.bias"}
    assert not list(owner.buffers()) and not list(owner.frozen.children())
    owner.load_state_dict(Owner().state_dict())


def test_a_frozen_network_passes_gradients_on_and_has_none():
    owner = Owner()
    owner.train()
    owner(torch.rand(4, 3)).square().sum().backward()
    assert owner.own.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in owner.frozen.network.parameters())


def test_a_frozen_network_moves_and_is_copied_with_its_owner():
    owner = Owner().to(torch.float64)
    assert {p.dtype for p in owner.frozen.network.parameters()} == {torch.float64}
    assert owner(torch.rand(4, 3, dtype=torch.float64)).dtype == torch.float64
    twin = copy.deepcopy(owner).float()
    assert {p.dtype for p in twin.frozen.network.parameters()} == {torch.float32}
    assert owner.frozen.network[0].weight.dtype == torch.float64
    assert owner.to("meta").frozen.network[0].weight.device.type == "meta"


def test_a_frozen_network_takes_the_memory_format_of_its_owner():
    owner = nn.Sequential(Frozen(nn.Conv2d(2, 3, 3)))
    owner.to(memory_format=torch.channels_last)
    assert owner[0].network.weight.is_contiguous(memory_format=torch.channels_last)


def test_a_frozen_network_stays_in_eval_mode():
    owner = Owner()
    owner.train()
    x = torch.rand(4, 3)
    assert owner(x).equal(owner(x)) and not owner.frozen.network.training
    assert owner.frozen.network[1].num_batches_tracked == 0
