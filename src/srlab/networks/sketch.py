"""A network's keys and shapes without its memory, for arguments that nobody vouches for."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as registration
from torch.overrides import TorchFunctionMode

from srlab.errors import SrlabError

UNSEEN = 256  # the largest integer of an argument that no tensor shows, such as a number of recursions
PER_TENSOR = 4  # modules and parameters that a network may register for each tensor of its state dict; srlab's make 2.3
FEWEST = 1000  # that it may register in any case

DRAWS = ("normal_", "uniform_", "trunc_normal_", "kaiming_normal_", "kaiming_uniform_")

# What a constructor may raise for arguments of the right types that contradict each other.
CONTRADICTIONS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def sketch(
    kind: Callable[..., nn.Module], arguments: Mapping[str, Any], state: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Returns the state dict of a network on the meta device, where tensors have shapes and take no memory.

    Building stops as soon as there is more of it than the weights could fill, so time and memory are bounded by them.

    Args:
        kind: the network's class.
        arguments: of its constructor, of the right types (`srlab.networks.arguments.check_arguments`).
        state: the weights that are to fit.

    Raises:
        SrlabError: an argument that is larger than the weights allow, or arguments of which no network can be built.
    """
    largest = max((max(value.shape, default=1) for value in state.values() if value.numel()), default=0)
    bound = max(largest, len(state), UNSEEN)
    for name, value in arguments.items():
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(one, (int, float)) and not -bound <= one <= bound:
                raise SrlabError(f"model.network.{name}={one}: the weights allow at most {bound}.")
        if isinstance(value, (list, tuple)) and len(value) > bound:
            raise SrlabError(f"model.network.{name}: a list of {len(value)}; the weights allow at most {bound}.")
    try:
        with torch.device("meta"), _WithoutDraws(), _at_most(max(FEWEST, PER_TENSOR * len(state))):
            return kind(**arguments).state_dict()
    except CONTRADICTIONS as error:
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise SrlabError(f"no network can be built of its arguments ({reason}).") from None


class _WithoutDraws(TorchFunctionMode):
    """A context in which nothing is drawn: on the meta device that has no effect but to import PyTorch's compiler."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if getattr(func, "__name__", "") in DRAWS:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


@contextmanager
def _at_most(count: int) -> Iterator[None]:
    """Raises RuntimeError in the block once this thread has registered more modules, parameters and buffers."""
    left, thread = count, threading.get_ident()

    def registered(module: Any, name: str, value: Any) -> None:
        nonlocal left
        if threading.get_ident() == thread:
            left -= 1
            if left < 0:
                raise RuntimeError("they ask for more layers than there are weights")

    handles = [
        registration.register_module_parameter_registration_hook(registered),
        registration.register_module_buffer_registration_hook(registered),
        registration.register_module_module_registration_hook(registered),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
