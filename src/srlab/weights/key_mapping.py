"""How another project names the weights of a method: what a layout is, and how it renames, exactly and both ways."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from srlab.errors import SrlabError
from srlab.networks.network import State, count


@dataclass(frozen=True)
class Sizes:
    """What decides the module names of a network. blocks: of a chain of convolutions, its length."""

    blocks: int
    scales: tuple[int, ...] = ()


Modules = Iterable[tuple[str, str]]  # paths of the same module: ours, theirs
Change = Callable[[dict[str, Tensor]], None]


def unchanged(state: dict[str, Tensor]) -> None:
    """The default of `Layout.complete` and `Layout.strip`."""


@dataclass(frozen=True)
class Layout:
    """One project's keys for one network.

    modules: every module's path, ours and theirs, for given sizes; more than a network has do no harm.
    sizes: from their keys. own_sizes: from ours. parameters: our names of parameters to theirs, where they differ.
    container: the key under which their files hold the state dict; None where a file is the state dict.
    complete: adds what our state dict has and their files lack. strip: takes it away again, and raises SrlabError
    where that would lose something.
    """

    name: str
    project: str
    network: str  # its key in NETWORKS
    modules: Callable[[Sizes], Modules]
    sizes: Callable[[State], Sizes]
    own_sizes: Callable[[State], Sizes]
    parameters: Mapping[str, str] = field(default_factory=dict)
    container: str | None = None
    complete: Change = unchanged
    strip: Change = unchanged

    def renamed(self, state: State) -> dict[str, Tensor]:
        """Their state dict by our keys; a key that the layout does not have stays as it is."""
        modules = {theirs: ours for ours, theirs in self.modules(self.sizes(state))}
        parameters = {theirs: ours for ours, theirs in self.parameters.items()}
        return {_renamed(key, modules, parameters) or key: value for key, value in state.items()}

    def to_own(self, state: State) -> dict[str, Tensor]:
        """Their state dict as ours, with what their files lack; without that where it is not of this layout at all."""
        own = self.renamed(state)
        if own.keys() != state.keys():
            self.complete(own)
        return own

    def from_own(self, state: State) -> dict[str, Tensor]:
        """Our state dict by their keys. Raises SrlabError for what the layout cannot hold."""
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
    """By the module whose path the key starts with; None where there is none."""
    parts = key.split(".")
    for end in range(len(parts) - 1, 0, -1):
        module, parameter = ".".join(parts[:end]), ".".join(parts[end:])
        if module in modules:
            return f"{modules[module]}.{parameters.get(parameter, parameter)}"
    return None


def counted(pattern: str, more: int = 0) -> Callable[[State], Sizes]:
    """Sizes with so many blocks as a pattern finds numbers, and `more`."""
    return lambda state: Sizes(count(state, pattern) + more)


def same(*paths: str) -> Modules:
    """Modules of the same name in both."""
    return ((path, path) for path in paths)


# Constants. EDSR-PyTorch keeps the mean in 1x1 convolutions; others have it in their code and not in their files.


def mean_from_convolutions(state: dict[str, Tensor]) -> None:
    """sub_mean and add_mean over 0..255 -> MeanShift's constants. What is more than a shift stays, and fits nothing."""
    bias = state.get("sub_mean.bias")
    if bias is None or bias.ndim != 1:
        return
    expected = _convolutions(-bias)
    if all(key in state and torch.equal(state[key], value) for key, value in expected.items()):
        for key in expected:
            del state[key]
        state["mean.mean"], state["mean.value_range"] = expected["add_mean.bias"], bias.new_tensor(255.0)


def mean_to_convolutions(state: dict[str, Tensor]) -> None:
    """The inverse. Raises SrlabError for a network that works on another range than 255."""
    mean, value_range = state.pop("mean.mean"), float(state.pop("mean.value_range"))
    if value_range != 255:
        raise SrlabError(f"mean.value_range is {value_range:g}, and that project's code has 255 fixed.")
    state.update(_convolutions(mean))


def _convolutions(mean: Tensor) -> dict[str, Tensor]:
    identity = torch.eye(len(mean), dtype=mean.dtype).reshape(len(mean), len(mean), 1, 1)
    weights = {"sub_mean.weight": identity, "add_mean.weight": identity.clone()}
    return {**weights, "sub_mean.bias": -mean, "add_mean.bias": mean}


def fixed_mean(mean: tuple[float, ...], value_range: float) -> tuple[Change, Change]:
    """`complete` and `strip` for a project whose code fixes both constants."""
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
    """For a project whose convolutions have none."""
    if any(key.endswith(".bias") for key in state):
        return
    for key in [key for key, value in state.items() if key.endswith(".weight") and value.ndim > 0]:
        state[key.removesuffix("weight") + "bias"] = state[key].new_zeros(len(state[key]))


def without_biases(state: dict[str, Tensor]) -> None:
    """The inverse. Raises SrlabError for a bias that is not 0."""
    for key in [key for key in state if key.endswith(".bias")]:
        if state.pop(key).any():
            raise SrlabError(f"{key} is not 0, and that project's network has no biases.")
