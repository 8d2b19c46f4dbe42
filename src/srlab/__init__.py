"""srlab: a workbench for single-image super-resolution.

import srlab

network = srlab.load("edsr_baseline", scale=2)  # PyTorch is imported here
network("photo.jpg").save("large.png")
"""

from typing import TYPE_CHECKING, Any

from srlab.errors import SrlabError
from srlab.large_tensors import prepare_memory

if TYPE_CHECKING:
    from srlab.api import Network, load

__version__ = "0.2.0.dev0"
__all__ = ["Network", "SrlabError", "__version__", "load"]

prepare_memory()  # before PyTorch makes its first tensor


def __getattr__(name: str) -> Any:
    """Imports what needs PyTorch only where it is used: the command line answers --help without it."""
    if name not in ("Network", "load"):
        raise AttributeError(f"module 'srlab' has no attribute '{name}'")
    from srlab import api  # noqa: PLC0415

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
