"""Weights from files: strict, safe, and clear about what does not fit."""

import pytest
import torch
from helpers import SHARED, needs_shared
from safetensors.torch import save_file

from srlab.errors import SrlabError
from srlab.inference.loading import network_at
from srlab.methods import find_method
from srlab.methods.loading import load_checkpoint, load_weights, transfer
from srlab.networks import NETWORKS
from srlab.weights.layouts import LAYOUTS

RECIPE = {"name": "edsr_tiny", "loss": {"l1": {"weight": 1.0}}, "ema": 0.5}


def edsr(scale=2, features=4, seed=0, recipe=RECIPE):
    torch.manual_seed(seed)
    return find_method("edsr")({"scale": scale, "features": features, "blocks": 1}, recipe)


def checkpoint_of(method, path):
    checkpoint = {"state_dict": method.state_dict(), "hyper_parameters": dict(method.hparams), "global_step": 3}
    method.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, path)
    return path


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
def test_bare_weights(tmp_path, suffix):
    source, path = edsr(seed=1), tmp_path / f"weights{suffix}"
    state = {key: value.contiguous() for key, value in source.network.state_dict().items()}
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    target = edsr()
    load_weights(target, path)
    assert all(torch.equal(a, b) for a, b in zip(target.network.parameters(), source.network.parameters(), strict=True))
    assert torch.equal(target.averaged.head.weight, source.network.head.weight)


def test_a_checkpoint_given_as_weights_gives_its_averaged_ones(tmp_path):
    source = edsr(seed=1)
    torch.nn.init.zeros_(source.network.head.weight)
    target = edsr(recipe=None)
    load_weights(target, checkpoint_of(source, tmp_path / "a.ckpt"))
    assert torch.equal(target.network.head.weight, source.averaged.head.weight)


@needs_shared
def test_the_authors_vdsr_weights_fit():
    vdsr, path = find_method("vdsr")({}), SHARED / "weights" / "vdsr_author.pt"
    load_weights(vdsr, path)
    assert torch.equal(vdsr.network.layers[7].weight, torch.load(path, weights_only=True)["layers.7.weight"])


def test_weights_that_do_not_fit_are_listed(tmp_path):
    path = tmp_path / "a.pt"
    torch.save(edsr(scale=3, features=6).network.state_dict() | {"extra": torch.zeros(1)}, path)
    with pytest.raises(SrlabError) as error:
        load_weights(edsr(), path)
    assert "1 unexpected (extra)" in str(error.value)
    assert "head.weight (6, 3, 3, 3) instead of (4, 3, 3, 3)" in str(error.value)
    assert str(error.value).count("instead of") == 3 and "model=, scale=" in str(error.value)


def test_weights_of_another_method_or_scale_are_named(tmp_path):
    path = tmp_path / "a.pt"
    torch.save(find_method("mdsr")({"features": 4, "blocks": 1}).network.state_dict(), path)
    with pytest.raises(SrlabError) as error:
        load_weights(edsr(), path)
    text = str(error.value)
    assert "missing (tail.0.0.weight, tail.0.0.bias, tail.1.weight, ...)" in text
    assert "unexpected (pre_process.x2.0.body.0.weight, " in text
    assert text.endswith("They look like mdsr: scales=[2,3,4] channels=3 features=4 blocks=1 upsampler=subpixel.")
    torch.save(edsr(scale=4).network.state_dict(), path)
    with pytest.raises(SrlabError, match=r"unexpected \(tail\.0\.2\.weight.*They look like edsr: scale=4 "):
        load_weights(edsr(), path)


def test_a_checkpoint_whose_network_differs_where_no_shape_shows_it(tmp_path):
    path = checkpoint_of(edsr(), tmp_path / "a.ckpt")
    other = find_method("edsr")({"scale": 2, "features": 4, "blocks": 1, "residual_scale": 0.1})
    with pytest.raises(SrlabError, match=r"another network: residual_scale is 1\.0 there and 0\.1 here"):
        load_weights(other, path)
    by_interpolation = {"features": 4, "blocks": 1, "upsampler": "interpolation"}
    path = checkpoint_of(find_method("edsr")({"scale": 2, **by_interpolation}), tmp_path / "b.ckpt")
    with pytest.raises(SrlabError, match="scale is 2 there and 3 here"):
        load_weights(find_method("edsr")({"scale": 3, **by_interpolation}), path)


def test_a_checkpoint_of_another_method(tmp_path):
    path = checkpoint_of(edsr(), tmp_path / "a.ckpt")
    with pytest.raises(SrlabError, match=r"a checkpoint of edsr, not of srresnet\. Evaluate it by ckpt="):
        load_weights(find_method("srresnet")({"features": 4, "blocks": 1}), path)


def test_a_pickled_module_is_refused(tmp_path):
    torch.save(edsr().network, tmp_path / "a.pth")
    with pytest.raises(SrlabError, match=r"pickled Python objects.*state_dict"):
        load_weights(edsr(), tmp_path / "a.pth")


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors", "a.ckpt"])
def test_files_that_are_no_weights(tmp_path, name):
    (tmp_path / name).write_bytes(b"hello")
    with pytest.raises(SrlabError, match=name):
        load_weights(edsr(), tmp_path / name)
    with pytest.raises(SrlabError, match="no such file"):
        load_checkpoint(tmp_path / "none.ckpt")


def test_weights_given_as_a_checkpoint(tmp_path):
    torch.save(edsr().network.state_dict(), tmp_path / "a.pt")
    with pytest.raises(SrlabError, match=r"not a checkpoint of srlab.*weights="):
        load_checkpoint(tmp_path / "a.pt")


def test_a_checkpoint_of_a_method_that_is_not_known(tmp_path):
    path = checkpoint_of(edsr(), tmp_path / "a.ckpt")
    content = torch.load(path, weights_only=True)
    content["srlab"]["method"] = "os.system"
    torch.save(content, path)
    with pytest.raises(SrlabError, match=r"'os\.system' is not a method"):
        load_checkpoint(path)


def test_weights_without_what_their_project_keeps_elsewhere(tmp_path):
    """KAIR's files of SRMD lack the basis of kernels."""
    layout = next(layout for layout in LAYOUTS if layout.name == "kair")
    theirs = layout.from_own(NETWORKS["srmd"](**NETWORKS["srmd"].tiny, scale=2).state_dict())
    torch.save({key: value for key, value in theirs.items() if key != "pca"}, tmp_path / "a.pth")
    message = r"a\.pth: cannot be used as it is\. They look like srmd by cszn/KAIR, but its basis of kernels is not in"
    with pytest.raises(SrlabError, match=message):
        network_at(tmp_path / "a.pth")
    torch.save(theirs, tmp_path / "a.pth")
    assert network_at(tmp_path / "a.pth").traits.scales == (2,)


def test_a_method_that_there_is_not():
    with pytest.raises(SrlabError, match=r"^'edrs' is not a method \(.*edsr.*\)\. Did you mean 'edsr'\?$"):
        find_method("edrs")


def test_transfer_from_x2_to_x4_takes_all_but_what_x2_lacks(tmp_path):
    source, target = edsr(seed=1), edsr(scale=4, seed=2)
    fresh = target.network.tail[0][2].weight.clone()
    taken, left = transfer(target, checkpoint_of(source, tmp_path / "a.ckpt"))
    assert left == ["tail.0.2.weight", "tail.0.2.bias"] and len(taken) + 2 == len(target.network.state_dict())
    assert torch.equal(target.network.body[0].body[0].weight, source.averaged.body[0].body[0].weight)
    assert torch.equal(target.network.tail[0][2].weight, fresh)


def test_transfer_from_another_method_that_has_nothing_in_common(tmp_path):
    path = checkpoint_of(edsr(), tmp_path / "a.ckpt")
    with pytest.raises(SrlabError, match=r"a\.ckpt: none of its weights fits vdsr.* They look like edsr: scale=2 "):
        transfer(find_method("vdsr")({"depth": 3, "features": 4}), path)


def test_transfer_from_another_network_takes_no_constants(tmp_path):
    """The mean and the range inside a network are its own: they are not the same for all networks."""
    mdsr, target = find_method("mdsr")({"features": 4, "blocks": 1}), edsr()
    before = target.network.mean.mean.clone()
    mdsr.network.mean.mean.fill_(7.0)
    taken, left = transfer(target, checkpoint_of(mdsr, tmp_path / "a.ckpt"))
    assert "head.weight" in taken and "mean.mean" in left
    assert torch.equal(target.network.head.weight, mdsr.network.head.weight)
    assert torch.equal(target.network.mean.mean, before)


def test_transfer_from_something_else(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pt")
    with pytest.raises(SrlabError, match=r"init_from=.*a\.pt: none of its weights fits edsr"):
        transfer(edsr(), tmp_path / "a.pt")
    torch.save({"RRDB_trunk.0.RDB1.conv1.weight": torch.zeros(1)}, tmp_path / "a.pt")
    with pytest.raises(SrlabError, match=r"a\.pt: holds the weights of RRDBNet .*, which srlab does not have"):
        transfer(edsr(), tmp_path / "a.pt")
    torch.save({"epoch": 7}, tmp_path / "a.pt")
    with pytest.raises(SrlabError, match=r"a\.pt: epoch is a int; expected a state dict"):
        transfer(edsr(), tmp_path / "a.pt")
    (tmp_path / "a.pt").write_bytes(b"hello")
    with pytest.raises(SrlabError, match=r"a\.pt: not a file of weights"):
        transfer(edsr(), tmp_path / "a.pt")


def test_a_checkpoint_of_the_first_names_of_losses(tmp_path):
    """perceptual was called content, and style texture."""
    old = {**RECIPE, "loss": {"l1": {"weight": 1.0}, "content": {"weight": 0.0}, "texture": {"weight": 0.0}}}
    loaded = load_checkpoint(checkpoint_of(edsr(recipe=old), tmp_path / "a.ckpt"))
    assert list(loaded.hparams["recipe"]["loss"]) == ["l1", "perceptual", "style"]
