"""The device that a network runs on, and whether its hardware computes in bf16."""

import platform
from pathlib import Path

import torch

from srlab.errors import SrlabError

KINDS = ("cpu", "cuda", "mps")


def has_fast_bf16(kind: str) -> bool:
    """Tells whether the hardware computes in bf16: matrix units of a GPU, or AMX or AVX512-BF16 of a CPU.

    Args:
        kind: cpu, cuda or mps. Apple's GPUs count as slow: nobody has measured them here.
    """
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind != "cpu":
        return False
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


def is_there(kind: str) -> bool:
    """Tells whether PyTorch finds a device of a kind: cpu, cuda or mps."""
    if kind == "cuda":
        return torch.cuda.is_available()
    return torch.backends.mps.is_available() if kind == "mps" else kind == "cpu"


def processor(file: Path = Path("/proc/cpuinfo")) -> str:
    """Returns the name of the processor; only its kind, such as x86_64, where the system does not say more.

    Args:
        file: where Linux names it.
    """
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def choose_device(asked: str) -> torch.device:
    """Returns the device that is asked for.

    Args:
        asked: cpu, cuda (or cuda:1), mps, or auto: an NVIDIA or AMD GPU where there is one, then Apple's, then the CPU.

    Raises:
        SrlabError: another name, or a device that PyTorch does not find.
    """
    if asked == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if is_there(kind)))
    kind, _, index = asked.partition(":")
    if kind not in KINDS or (index and not (kind == "cuda" and index.isdecimal())):
        raise SrlabError(f"device={asked}: expected auto, cpu, cuda, cuda:NUMBER or mps.")
    if not is_there(kind):
        raise SrlabError(
            f"device={asked}: PyTorch finds no such device on this machine. Use device=cpu or device=auto."
        )
    if index and int(index) >= torch.cuda.device_count():
        raise SrlabError(f"device={asked}: this machine has {torch.cuda.device_count()} GPU(s), counted from 0.")
    return torch.device(asked)
