"""Layouts: how other projects name the weights of a network, and how keys are renamed both ways without loss."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from srlab.errors import SrlabError
from srlab.networks.network import State, count


@dataclass(frozen=True)
class Sizes:
    """What the names of a network's modules depend on.

    Attributes:
        blocks: number of its blocks; of a chain of convolutions, its length.
        scales: of a network with modules for each scale.
    """

    blocks: int
    scales: tuple[int, ...] = ()


UPSAMPLER = (0, 2, 4)  # places of an upsampler's convolutions: up to three, with a pixel shuffle after each

Modules = Iterable[tuple[str, str]]  # paths of the same module: ours, theirs
Change = Callable[[dict[str, Tensor]], None]


def unchanged(state: dict[str, Tensor]) -> None:
    """Changes nothing; the default of `Layout.complete` and `Layout.strip`."""


@dataclass(frozen=True)
class Layout:
    """One project's keys for one network. "Ours" are the keys of srlab, "theirs" those of the project.

    Attributes:
        name: in the option `layout`.
        project: in messages.
        network: its key in NETWORKS.
        modules: gives the path of every module, ours and theirs, for given sizes; more than a network has do no harm.
        sizes: reads the sizes from their state dict.
        own_sizes: reads the sizes from our state dict.
        parameters: our names of parameters to theirs, where they differ; and of the network's own, all of them.
        container: the key under which their files hold the state dict; None where a file is the state dict.
        complete: adds what our state dict has and their files lack.
        strip: takes that away again; it raises SrlabError where something would be lost.
        elsewhere: what that project may keep in other files, by our keys; only the shapes of the values count.
        advice: for errors, what to do where that is missing.
    """

    name: str
    project: str
    network: str
    modules: Callable[[Sizes], Modules]
    sizes: Callable[[State], Sizes]
    own_sizes: Callable[[State], Sizes]
    parameters: Mapping[str, str] = field(default_factory=dict)
    container: str | None = None
    complete: Change = unchanged
    strip: Change = unchanged
    elsewhere: Mapping[str, Tensor] = field(default_factory=dict)
    advice: str = ""

    def renamed(self, state: State) -> dict[str, Tensor]:
        """Renames their state dict to our keys; a key that the layout does not have stays as it is."""
        modules = {theirs: ours for ours, theirs in self.modules(self.sizes(state))}
        parameters = {theirs: ours for ours, theirs in self.parameters.items()}
        return {_renamed(key, modules, parameters) or key: value for key, value in state.items()}

    def to_own(self, state: State) -> dict[str, Tensor]:
        """Turns their state dict into ours: renames it, and completes it where any key was renamed."""
        own = self.renamed(state)
        if own.keys() != state.keys():
            self.complete(own)
        return own

    def from_own(self, state: State) -> dict[str, Tensor]:
        """Turns our state dict into theirs.

        Raises:
            SrlabError: for what the layout cannot hold.
        """
        content = dict(state)
        self.strip(content)
        modules = dict(self.modules(self.own_sizes(state)))
        theirs: dict[str, Tensor] = {}
        for key, value in content.items():
            name = _renamed(key, modules, self.parameters)
            if name is None:
                raise SrlabError(f"layout={self.name}: {self.project} has no place for {key}.")
            theirs[name] = value
        return theirs


def _renamed(key: str, modules: Mapping[str, str], parameters: Mapping[str, str]) -> str | None:
    """Renames a key by the longest of the modules' paths that it starts with; None where there is none."""
    parts = key.split(".")
    for end in range(len(parts) - 1, 0, -1):
        module, parameter = ".".join(parts[:end]), ".".join(parts[end:])
        if module in modules:
            return f"{modules[module]}.{parameters.get(parameter, parameter)}"
    return parameters.get(key)


def counted(pattern: str, more: int = 0) -> Callable[[State], Sizes]:
    """Returns a function that counts blocks: the different numbers that a pattern finds in the keys, plus `more`."""
    return lambda state: Sizes(count(state, pattern) + more)


def same(*paths: str) -> Modules:
    """Returns modules that have the same path in both."""
    return ((path, path) for path in paths)


# Constants. Some projects keep the mean in 1x1 convolutions; others have it in their code and not in their files.


def mean_in_convolutions(value_range: float) -> tuple[Change, Change]:
    """Returns `complete` and `strip` for a project with the mean in two 1x1 convolutions, sub_mean and add_mean.

    `complete` replaces them by the constants of `MeanShift`. Convolutions that do more than shift, because they were
    trained, stay as they are; loading then refuses their keys. `strip` is the inverse; it raises SrlabError where the
    network works on another range.

    Args:
        value_range: what 1 becomes inside that project's network, which its code has fixed.
    """

    def complete(state: dict[str, Tensor]) -> None:
        bias = state.get("sub_mean.bias")
        if bias is None or bias.ndim != 1:
            return
        expected = _convolutions(-bias)
        if all(key in state and torch.equal(state[key], value) for key, value in expected.items()):
            for key in expected:
                del state[key]
            state["mean.mean"], state["mean.value_range"] = expected["add_mean.bias"], bias.new_tensor(value_range)

    def strip(state: dict[str, Tensor]) -> None:
        mean, own = state.pop("mean.mean"), float(state.pop("mean.value_range"))
        if own != value_range:
            raise SrlabError(f"mean.value_range is {own:g}, and that project's code has {value_range:g} fixed.")
        state.update(_convolutions(mean))

    return complete, strip


def _convolutions(mean: Tensor) -> dict[str, Tensor]:
    identity = torch.eye(len(mean), dtype=mean.dtype).reshape(len(mean), len(mean), 1, 1)
    weights = {"sub_mean.weight": identity, "add_mean.weight": identity.clone()}
    return {**weights, "sub_mean.bias": -mean, "add_mean.bias": mean}


# EDSR-PyTorch and what descends from it.
mean_from_convolutions, mean_to_convolutions = mean_in_convolutions(255.0)


def fixed_mean(mean: tuple[float, ...], value_range: float) -> tuple[Change, Change]:
    """Returns `complete` and `strip` for a project with the constants of `MeanShift` in its code, not in its files."""
    constants = {"mean.mean": torch.tensor(mean) * value_range, "mean.value_range": torch.tensor(value_range)}

    def complete(state: dict[str, Tensor]) -> None:
        for key, value in constants.items():
            state.setdefault(key, value.clone())

    def strip(state: dict[str, Tensor]) -> None:
        for key, value in constants.items():
            own = state.pop(key)
            if not torch.equal(own, value.to(own.dtype)):
                raise SrlabError(f"{key} is {own.tolist()}, and that project's code has {value.tolist()} fixed.")

    return complete, strip


def zero_biases(state: dict[str, Tensor]) -> None:
    """Adds biases of 0, for a project whose convolutions have none."""
    if any(key.endswith(".bias") for key in state):
        return
    for key in [key for key, value in state.items() if key.endswith(".weight") and value.ndim > 0]:
        state[key.removesuffix("weight") + "bias"] = state[key].new_zeros(len(state[key]))


def without_biases(state: dict[str, Tensor]) -> None:
    """The inverse of `zero_biases`.

    Raises:
        SrlabError: a bias is not 0.
    """
    for key in [key for key in state if key.endswith(".bias")]:
        if state.pop(key).any():
            raise SrlabError(f"{key} is not 0, and that project's network has no biases.")
