"""Files of networks that srlab does not have are named, and wrappers' names in keys do no harm."""

import pytest
import torch
from helpers import SHARED, needs_shared

from srlab.errors import SrlabError
from srlab.methods import find_method
from srlab.methods.loading import load_checkpoint, load_weights
from srlab.weights.checkpoint import write_checkpoint
from srlab.weights.files import unwrapped
from srlab.weights.foreign_networks import foreign_network
from srlab.weights.recognition import recognise

NAMES = {"RRDBNet": "RRDBNet", "SwinIR": "SwinIR", "MSRResNet1": "MSRResNet",
         "MSRResNet0": "MSRResNet", "MSRResNet": "MSRResNet"}  # fmt: skip


def edsr(seed=0):
    torch.manual_seed(seed)
    recipe = {"name": "edsr_tiny", "loss": {"l1": {"weight": 1.0}}, "ema": 0.0}
    return find_method("edsr")({"scale": 2, "features": 4, "blocks": 1}, recipe)


@needs_shared
def test_files_of_other_networks_are_named():
    wrong, seen = [], set()
    for path in sorted((SHARED / "golden").glob("*.pt")):
        content = torch.load(path, weights_only=True)
        expected = NAMES.get(content.get("method"))
        if expected is not None:
            found = foreign_network(unwrapped(content["state_dict"]))
            wrong += [] if found is not None and found.startswith(expected) else [(path.name, found)]
            seen.add(content["method"])
    assert wrong == [] and seen == set(NAMES)


@needs_shared
def test_what_srlab_has_is_not_foreign():
    for path in [*(SHARED / "golden").glob("*.pt"), *(SHARED / "weights").glob("*.pt")]:
        content = torch.load(path, weights_only=True)
        state = unwrapped(content.get("state_dict", {}))
        assert foreign_network(state) is None or recognise(state) is None, path.name


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("model.1.sub.0.RDB1.conv1.0.weight", "RRDBNet"),
        ("layers.0.residual_group.blocks.0.attn.relative_position_bias_table", "SwinIR"),
        ("layers.0.residual_group.overlap_attn.relative_position_bias_table", "HAT"),
    ],
)
def test_the_error_names_them_instead_of_their_keys(key, name, tmp_path):
    torch.save({"params": {key: torch.zeros(1), "conv_first.weight": torch.zeros(1)}}, tmp_path / "a.pth")
    with pytest.raises(SrlabError, match=f"holds the weights of {name}") as error:
        load_weights(edsr(), tmp_path / "a.pth")
    assert "missing" not in str(error.value)


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_wrappers_names_are_taken_away(prefix, tmp_path):
    source, target = edsr(seed=1), edsr()
    torch.save({prefix + key: value for key, value in source.network.state_dict().items()}, tmp_path / "a.pt")
    load_weights(target, tmp_path / "a.pt")
    assert torch.equal(target.network.head.weight, source.network.head.weight)


def test_a_checkpoint_of_a_compiled_network(tmp_path):
    source = edsr(seed=1)
    state = {key.replace("network.", "network._orig_mod."): value for key, value in source.state_dict().items()}
    write_checkpoint(tmp_path / "a.ckpt", "edsr", source.hparams, state)
    assert torch.equal(load_checkpoint(tmp_path / "a.ckpt").network.head.weight, source.network.head.weight)
