"""How the C library and the kernel hand out memory for large tensors, set once for a process that computes on the CPU.

A layer of an image makes a tensor of tens of megabytes. As they come, glibc gives that memory back to the system after
each layer, and the system hands it out anew in pages of 4 KiB that it fills with zeros: 131,000 pages, a sixth of the
time, for EDSR-baseline x2 on 256 x 256 pixels. Two settings help:

- glibc keeps up to `KEPT` bytes that are free. Tensors of more than `LARGE` bytes still go back at once; in glibc's own
  heap, they would leave holes between small objects that the next large tensor does not fit into.
- Those get pages of 2 MiB, where the kernel has them for who asks. PyTorch reads this setting before its first tensor.

Memory stays as it is except for what glibc keeps. What the environment already says of either holds.
"""

import ctypes
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

KEPT = 256 * 2**20
LARGE = 32 * 2**20  # what glibc itself arrives at in a program that has given back large tensors
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # what mallopt calls them, in glibc's malloc.h
LARGE_PAGES = "THP_MEM_ALLOC_ENABLE"  # PyTorch's
ASKING = "[madvise]"  # the kernel's word for pages of 2 MiB for those who ask


def prepare_memory(
    environment: MutableMapping[str, str] = os.environ,
    pages: Path = Path("/sys/kernel/mm/transparent_hugepage/enabled"),
) -> None:
    """Sets both for this process; elsewhere than on Linux with glibc, nothing.

    Args:
        environment: where the variable for PyTorch is set, and where others may have been set.
        pages: where the kernel says who gets pages of 2 MiB.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        large_pages_on_request = ASKING in pages.read_text(encoding="ascii")
    except OSError:
        large_pages_on_request = False
    if large_pages_on_request:
        environment.setdefault(LARGE_PAGES, "1")
    library: Any = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version") and not _says_something_of_malloc(environment):
        library.mallopt(MMAP_THRESHOLD, LARGE)
        library.mallopt(TRIM_THRESHOLD, KEPT)


def _says_something_of_malloc(environment: MutableMapping[str, str]) -> bool:
    own = any(name.startswith("MALLOC_") and name.endswith("THRESHOLD_") for name in environment)
    return own or "glibc.malloc" in environment.get("GLIBC_TUNABLES", "")
