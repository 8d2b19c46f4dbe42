"""Checkpoints of strangers: each is answered by a result or by one line, in bounded time and memory."""

import io
import zipfile

import pytest
import torch
from fault_campaigns.strangers import MEMORY, limited
from mutated_checkpoints import campaign, checkpoint_content

from srlab.errors import SrlabError
from srlab.evaluation.about_checkpoint import about_checkpoint
from srlab.inference.loading import network_at
from srlab.methods.loading import load_checkpoint
from srlab.networks import NETWORKS
from srlab.networks.network import SRNetwork
from srlab.networks.sketch import sketch
from srlab.weights.checkpoint import step_of
from srlab.weights.files import read_file


@pytest.mark.slow
def test_200_mutated_checkpoints():
    """`python tools/mutated_checkpoints.py` tries 2,000."""
    result = campaign(200, seed=1)
    assert sum(result.tried.values()) == 200 and not result.failures, "\n".join(result.failures[:5])
    assert result.grown < MEMORY
    assert 0 < sum(result.refused_by.values()) < 200


def refused(tmp_path, change, method="edsr"):
    """The line that a changed checkpoint is answered with, the same wherever it is opened."""
    content = checkpoint_content(method)
    change(content)
    path = tmp_path / "a.ckpt"
    torch.save(content, path)
    lines = set()
    for open_it in (load_checkpoint, network_at):
        with limited(), pytest.raises(SrlabError) as error:
            open_it(path)
        lines.add(str(error.value).removeprefix(f"{path}: "))
    (line,) = lines
    assert "\n" not in line and len(line) < 2000
    return line


def put(*keys, value):
    def change(content):
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return change


class Made:
    """What a pickle of it makes: what a function returns, such as more than there is in the file."""

    def __init__(self, *made) -> None:
        self.made = made

    def __reduce__(self):
        return self.made[0], self.made[1:]


@pytest.mark.parametrize("value", ["text", [], {"rows": 3}, {"rows": [{"set": "set5"}]}])
def test_what_a_checkpoint_says_of_itself_is_checked(tmp_path, value):
    content = checkpoint_content("edsr") | {"about": value}
    torch.save(content, tmp_path / "a.ckpt")
    with pytest.raises(SrlabError, match=r"a\.ckpt: about.* expected"):
        about_checkpoint(tmp_path / "a.ckpt")


FEATURE = ("hyper_parameters", "network", "features")
HEAD = ("state_dict", "network.head.weight")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put(*FEATURE, value=10**9), "model.network.features=1000000000: the weights allow at most 256."),
        (put("hyper_parameters", "network", "blocks", value=255), "ask for more layers than there are weights"),
        (put(*FEATURE, value=9), "these weights do not fit"),
        (put(*FEATURE, value=True), "model.network.features=True: expected one integer of at least 1"),
        (put("hyper_parameters", "network", "featurs", value=8), "Did you mean 'features'?"),
        (put("hyper_parameters", "network", "residual_scale", value=float("nan")), "residual_scale=nan"),
        (put("hyper_parameters", "network", value={}), "model.network.scale: edsr needs a value"),
        (put("hyper_parameters", value=None), "hyper_parameters is None; expected a dictionary with network, recipe"),
        (lambda content: content["hyper_parameters"].pop("recipe"), "hyper_parameters.recipe is missing"),
        (put("hyper_parameters", "recipe", value={"name": "a"}), "hyper_parameters.recipe.loss is missing"),
        (put("hyper_parameters", "recipe", "name", value=3), "recipe.name is 3; expected text"),
        (put("hyper_parameters", "recipe", "scales", value="x"), "recipe.scales is 'x'; expected a list of scales"),
        (put("srlab", "method", value="../x"), "'../x' is not a method"),
        (put("srlab", "method", value=torch.zeros(2)), "srlab.method is a Tensor; expected text"),
        (put("global_step", value=-1), "global_step is -1; expected an integer of at least 0"),
        (put("state_dict", "." * 20_000, value=torch.zeros(1)), "a key of 20,000 characters with 20,000 dots"),
        (put(*HEAD, value=torch.zeros(1).expand(10**5, 10**5)), "whose values are not all in the file"),
        (put(*HEAD, value=torch.zeros(0, 10**9)), "an empty tensor of 0 x 1000000000"),
        (put(*HEAD, value="text"), "state_dict.network.head.weight is 'text'; expected a tensor"),
        (put(*HEAD, value=torch.zeros(8, 3, 3, 3).to_sparse()), "network.head.weight: expected a dense tensor"),
        (put(*HEAD, value=torch.zeros(8, 3, 3, 3, dtype=torch.int32)), "1 of another type (head.weight"),
        (put(*HEAD, value=torch.full((8, 3, 3, 3), float("nan"))), "network.head.weight: weights that are not finite"),
        (put("callbacks", value={"a": "x" * 1_000_001}), "callbacks.a: a text of 1,000,001 characters"),
        (put("callbacks", value={"a": Made(torch.FloatTensor, 2_000_000)}), "its tensors take 8,"),
        (put("callbacks", value={"a": 10**40}), "callbacks.a: an integer beyond 64 bits"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, change, message):
    content = checkpoint_content("edsr")
    assert "network.head.weight" in content["state_dict"]
    assert message in refused(tmp_path, change)


def test_values_within_values_have_an_end(tmp_path):
    deep, wide = [], [0]
    for _ in range(60):
        deep = [deep]
    for _ in range(25):
        wide = [wide, wide]
    assert "more than 24 levels" in refused(tmp_path, put("more", value=deep))
    wide = [0]
    for _ in range(22):
        wide = [wide, wide]
    assert "more than 500,000 values" in refused(tmp_path, put("more", value=wide))


def test_a_list_that_is_longer_than_the_weights_allow(tmp_path):
    message = "model.network.widths: a list of 300; the weights allow at most 256."
    assert message in refused(tmp_path, put("hyper_parameters", "network", "widths", value=[4] * 300), "srcnn")


@pytest.mark.parametrize("step", [-1, "3", True])
def test_a_step_that_is_none(tmp_path, step):
    torch.save(checkpoint_content("edsr") | {"global_step": step}, tmp_path / "a.ckpt")
    with pytest.raises(SrlabError, match=rf"a\.ckpt: global_step is '?{step}'?; expected an integer of at least 0"):
        step_of(tmp_path / "a.ckpt")


def test_a_compressed_archive_is_not_unpacked(tmp_path):
    content = io.BytesIO()
    torch.save(checkpoint_content("srcnn"), content)
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/bomb", bytes(1 << 26))
    (tmp_path / "a.ckpt").write_bytes(content.getvalue())
    for open_it in (load_checkpoint, network_at, step_of):
        with pytest.raises(SrlabError, match="weights are not compressed"):
            open_it(tmp_path / "a.ckpt")


class Counted:
    """Pickled as the call bytearray(n), which PyTorch's loader would make."""

    def __reduce__(self):
        return bytearray, (1 << 40,)


@pytest.mark.parametrize("zipped", [True, False])
def test_memory_is_not_asked_for_by_a_number(tmp_path, zipped):
    path = tmp_path / "a.pt"
    torch.save(checkpoint_content("srcnn") | {"more": Counted()}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(SrlabError, match="holds a bytearray, which may ask for any memory"):
        read_file(path)


@pytest.mark.parametrize("method", ["edsr", "mdsr", "srgan", "srcnn", "memnet"])
def test_what_nobody_changed_loads(tmp_path, method):
    content = checkpoint_content(method)
    torch.save(content, tmp_path / "a.ckpt")
    state = load_checkpoint(tmp_path / "a.ckpt").state_dict()
    assert all(torch.equal(state[key], value) for key, value in content["state_dict"].items())
    assert step_of(tmp_path / "a.ckpt") == 0


@pytest.mark.parametrize("name", NETWORKS)
def test_a_sketch_is_the_network(name):
    kind = NETWORKS[name]
    arguments = dict(kind.tiny)
    try:
        state = kind(**arguments).state_dict()
    except TypeError:
        arguments["scale"] = 2
        state = kind(**arguments).state_dict()
    drawn = sketch(kind, arguments, state)
    assert {key: value.shape for key, value in drawn.items()} == {key: value.shape for key, value in state.items()}
    assert all(value.device.type == "meta" for value in drawn.values()) and isinstance(kind, type(SRNetwork))
