"""What a new network or a new file in conf/model still needs, all of it in one message."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest
import torch
from helpers import CONF, MODELS, ROOT, build, has_weights, published_size, scales_of

from srlab import networks
from srlab.config import known_keys
from srlab.methods.super_resolver import SuperResolver
from srlab.networks import NETWORKS
from srlab.networks.network import SRNetwork
from srlab.weights.foreign_networks import FOREIGN

LARGEST_TINY = 200_000  # parameters with which the tests stay fast


def file_of(network: type[SRNetwork]) -> str:
    return f"src/srlab/networks/{network.__module__.rpartition('.')[2]}.py"


def missing(model: str) -> list[str]:
    """What is not there yet, and in which file it belongs."""
    scales = scales_of(model)
    if not scales:
        return [f"conf/model/{model}.yaml: builds at none of the scales 2, 3, 4 and 8; {reason_against(model)}"]
    method = build(model, scale=scales[0])
    network, found = type(method.network), []
    if sum(p.numel() for p in method.network.parameters()) > LARGEST_TINY:
        found.append(f"{file_of(network)}: {network.__name__}.tiny, arguments of a small network for the tests")
    if has_weights(method):
        found += missing_of_weights(model, method)
    if f"`{model}`" not in (ROOT / "README.md").read_text():
        found.append(f"README.md: a row with `{model}` in the table of methods")
    return found


def missing_of_weights(model: str, method: SuperResolver) -> list[str]:
    """What only a network with weights needs."""
    found, network, scales = [], method.network, scales_of(model)
    if network.arguments_of(network.state_dict()) is None:
        found.append(
            f"{file_of(type(network))}: {type(network).__name__}.infer_arguments, the constructor's arguments from the "
            f"shapes of a state dict; they must build a network with the same keys and shapes"
        )
    if uncounted := [scale for scale in scales if published_size(model, scale) is None]:
        own = {scale: parameters(model, scale) for scale in uncounted}
        found.append(
            f"src/srlab/evaluation/published.yaml: {Path(model).name}: the published number of parameters, by scale "
            f"(this network has {own}), and PSNR and SSIM where they are published"
        )
    if not re.search(rf"`{re.escape(model)}`|`{re.escape(method.key)}`", (ROOT / "docs" / "methods.md").read_text()):
        found.append(f"docs/methods.md: what `{model}` introduced, and how it is trained")
    return found


def parameters(model: str, scale: int) -> int:
    with torch.device("meta"):
        network = build(model, small=False, scale=scale).network
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def reason_against(model: str) -> str:
    try:
        build(model)
    except Exception as error:  # said in the message, whatever it is
        return f"at x2 {type(error).__name__}: {error}"
    return "its traits name other scales"


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_missing_of_a_model(model):
    found = missing(model)
    assert not found, f"model={model} still needs\n" + "\n".join(f"  - {text}" for text in found)


def test_nothing_is_missing_of_a_network():
    """Every network has its line and a yaml that uses it, and is not called foreign any more."""
    used = {type(build(model, scale=scales_of(model)[0]).network) for model in MODELS if scales_of(model)}
    foreign = [name for _, name in FOREIGN if name.partition(" ")[0].lower() in NETWORKS]
    found = [
        *(f"src/srlab/networks/__init__.py: a line for {kind.__name__} in NETWORKS" for kind in unlisted()),
        *(f"conf/model/{key}.yaml: arguments and recipe" for key, kind in NETWORKS.items() if kind not in used),
        *(f"src/srlab/weights/foreign_networks.py: srlab has {name} now, remove its line" for name in foreign),
    ]
    assert not found, "still needed:\n" + "\n".join(f"  - {text}" for text in found)


def unlisted() -> list[type[SRNetwork]]:
    """The networks in files of srlab.networks that NETWORKS does not have."""
    names = [name for _, name, _ in pkgutil.iter_modules(networks.__path__)]
    values = [value for name in names for value in vars(importlib.import_module(f"srlab.networks.{name}")).values()]
    kinds = {value for value in values if isinstance(value, type) and issubclass(value, SRNetwork)}
    return sorted(kinds - {SRNetwork, *NETWORKS.values()}, key=lambda kind: kind.__name__)


def test_options_of_models_in_subfolders_are_known(tmp_path, monkeypatch):
    """conf/model/FOLDER/NAME.yaml is model=FOLDER/NAME."""
    (tmp_path / "model" / "folder").mkdir(parents=True)
    (tmp_path / "model" / "folder" / "a.yaml").write_text("model: {network: {recursions: 3}}")
    (tmp_path / "loss").mkdir()
    for file in ("train.yaml", "loss/base.yaml"):
        (tmp_path / file).write_text((CONF / file).read_text())
    monkeypatch.setattr(known_keys, "CONF", tmp_path)
    monkeypatch.setattr(known_keys, "loss_terms", known_keys.loss_terms.__wrapped__)
    assert "model.network.recursions" in known_keys.open_keys.__wrapped__()
