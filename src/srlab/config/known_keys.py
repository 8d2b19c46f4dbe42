"""Which keys there are, and the error for one that there is not."""

import functools
from collections.abc import Iterator
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import fields, is_dataclass
from typing import Any

from omegaconf import OmegaConf

from srlab.config.folder import CONF
from srlab.config.renamed import new_name
from srlab.config.schema import ModelConfig
from srlab.errors import SrlabError, nearest


def keys_of(schema: type, prefix: str = "") -> Iterator[str]:
    """Yields every dotted key of a schema, such as optimizer.learning_rate."""
    for item in fields(schema):
        yield prefix + item.name
        kind = item.default_factory if item.default_factory is not NO_DEFAULT else item.type
        kind = ModelConfig if item.name == "model" else kind
        if isinstance(kind, type) and is_dataclass(kind):
            yield from keys_of(kind, f"{prefix}{item.name}.")


@functools.cache
def open_keys() -> frozenset[str]:
    """Returns the keys in dictionaries that the schema leaves open: arguments of networks, options of loss terms."""
    models = [OmegaConf.load(path) for path in (CONF / "model").rglob("*.yaml")]
    parts = ("model.network", "model.discriminator", "model.fit")
    networks = {f"{part}.{key}" for model in models for part in parts for key in OmegaConf.select(model, part) or {}}
    terms = loss_terms()
    options = {f"loss.{term}.{key}" for term in terms for key in terms[term]}
    weights = {f"weights.{name}" for name in OmegaConf.load(CONF / "train.yaml").weights}
    return frozenset(networks | options | weights | {f"loss.{term}" for term in terms})


@functools.cache
def loss_terms() -> dict[str, dict[str, Any]]:
    """Returns the loss terms and their options, from conf/loss/base.yaml."""
    terms: Any = OmegaConf.to_container(OmegaConf.load(CONF / "loss" / "base.yaml"))
    return terms


def unknown_key(key: str, schema: type) -> SrlabError:
    """Returns the error for a key that does not exist, with its new name or the key that was probably meant.

    The whole key is compared first; else its last word, for keys that were put at the wrong place.
    """
    renamed = new_name(key)
    if renamed is not None:
        return SrlabError(f"{key}: is now called {renamed}. Say {renamed}=VALUE.")
    first, _, rest = key.partition(".")
    if first == "loss" and rest and rest.split(".")[0] not in loss_terms():
        return SrlabError(f"{key}: no such loss term. Expected one of {', '.join(loss_terms())}.")
    known = [*keys_of(schema), *sorted(open_keys())]
    hint = nearest(key, known)
    if not hint or key.rpartition(".")[2] in {name.rpartition(".")[2] for name in known}:
        same = [name for name in known if name.rpartition(".")[2] == key.rpartition(".")[2]]
        same.sort(key=lambda name: name.startswith("model.discriminator."))  # the rarer one last
        hint = f" Did you mean '{same[0]}'?" if same else hint
    return SrlabError(f"{key}: no such option.{hint}")
