"""How much memory is free, how much a network takes for a tile, and which errors say that there was not enough."""

import copy
import itertools
import os
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from srlab.networks.network import SRNetwork

GIB = 2**30
UNKNOWN = 4 * GIB  # taken for the memory of a machine that does not say how much it has
# What a process takes for tiles beyond PyTorch's tensors: convolutions copy their input into another layout, and the C
# library keeps what was given back. `benchmarks/inference_memory.py --calibrate` measures it.
LIBRARIES = 1.5
# Tensors at LR size, per pixel: those of a network that computes outside of PyTorch, such as SelfExSR, are not seen.
LEAST = 64


def free_bytes(device: torch.device) -> int:
    """Returns how many bytes can still be allocated on a device."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.type == "mps":
        return max(0, torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
    return free_bytes_of_machine()


def free_bytes_of_machine(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """Returns how many bytes this process can still allocate: the machine's, or what its cgroups leave of them.

    Args:
        proc: where the kernel says what is free.
        cgroups: where control groups, version 1 or 2, are mounted.
    """
    try:
        lines = (proc / "meminfo").read_text(encoding="ascii").splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        free = 1024 * int(fields["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):  # not Linux
        free = _half_of_the_memory()
    return max(0, min([free, *_left_in_cgroups(proc, cgroups)]))


def _half_of_the_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError, OSError):  # Windows
        return UNKNOWN


def _left_in_cgroups(proc: Path, cgroups: Path) -> list[int]:
    """What every control group above this process leaves, where it has a limit."""
    try:
        lines = (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    left = []
    for _, controllers, path in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        if controllers == "":  # version 2, alone or beside version 1
            roots, names = [cgroups, cgroups / "unified"], ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            roots = [cgroups / "memory"]
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        for root in roots:
            own = root / path.lstrip("/")
            # Within a container, the group's own folder is often mounted as the root, and its path leads nowhere.
            folders = [own, *own.parents[: len(own.relative_to(root).parts)]] if own.is_dir() else [root]
            left += [room for folder in folders if (room := _left_in(folder, *names)) is not None]
    return left


def _left_in(folder: Path, limit_name: str, usage_name: str, reclaimable: str) -> int | None:
    """What one control group leaves; None where it has no limit. Cached files are given back when memory is needed."""
    try:
        limit = (folder / limit_name).read_text(encoding="ascii").strip()
        usage = int((folder / usage_name).read_text(encoding="ascii"))
        numbers = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
    except (OSError, ValueError):
        return None
    return None if limit == "max" else int(limit) - usage + int(numbers.get(reclaimable, 0))


def peak_bytes(
    network: SRNetwork, scale: int, samples: int, channels: int, height: int, width: int, simulated: bool = False
) -> int:
    """Returns the largest number of bytes that tensors take at once while a network computes, without its weights.

    Args:
        network: any network with traits; it is not changed.
        scale: one of its scales.
        samples: images in the batch.
        channels: of the image, where the network takes any number.
        height: of the LR image, in pixels.
        width: see `height`.
        simulated: the network runs on PyTorch's meta device, where tensors have sizes but no values: large images take
            no time and no memory then, but the first use of that device takes as long as importing PyTorch.
    """
    traits = network.traits
    multiple = traits.size_multiple
    height, width = height + -height % multiple, width + -width % multiple
    weights = next(itertools.chain(network.parameters(), network.buffers()), torch.empty(0))
    device = torch.device("meta") if simulated else weights.device
    runs = _without_values(network) if simulated else network
    lr = torch.zeros(samples, traits.channels or channels, height, width, device=device)
    length = traits.condition_length
    condition = None if length is None else torch.zeros(samples, length, device=device)
    with torch.no_grad(), _LiveBytes() as live:
        result = runs(lr, scale, condition)
        colours = torch.empty(samples, channels, height * scale, width * scale, device=device)  # what is made of it
        del result, colours
    return max(live.peak, LEAST * samples * height * width) + lr.nbytes


def _without_values(network: SRNetwork) -> SRNetwork:
    """A copy on the meta device; the weights themselves are not copied on the way."""
    known: dict[int, Tensor] = {}
    for parameter in network.parameters():
        known[id(parameter)] = nn.Parameter(torch.empty_like(parameter, device="meta"), requires_grad=False)
    for buffer in network.buffers():
        known[id(buffer)] = torch.empty_like(buffer, device="meta")
    return copy.deepcopy(network, known).eval()


class _LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors that are alive, after every operation."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = func(*args, **(kwargs or {}))
        self._alive = {key: entry for key, entry in self._alive.items() if not entry[0].expired()}
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                self._alive.setdefault(storage._cdata, (StorageWeakRef(storage), storage.nbytes()))
        self.peak = max(self.peak, sum(size for _, size in self._alive.values()))
        return result


def is_out_of_memory(error: BaseException) -> bool:
    """Tells whether an error says that memory did not suffice, of a GPU or of the machine."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    words = (
        "can't allocate memory",
        "not enough memory",
        "out of memory",
        "std::bad_alloc",
        "could not create a memory",
    )
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in words)
