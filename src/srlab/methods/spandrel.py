"""model=spandrel: networks of other programs, by their weights alone. They are measured and used, never trained."""

import copy
from pathlib import Path
from typing import ClassVar

from srlab.methods.super_resolver import SuperResolver
from srlab.networks.network import SRNetwork
from srlab.weights.spandrel_network import NAME, SpandrelNetwork


class Spandrel(SuperResolver):
    """A network that spandrel recognises, as a method for tables.

    Args:
        file: of its weights.
        name: in tables; "" for the file's name without its ending.
    """

    key: ClassVar[str] = NAME
    Network: ClassVar[type[SRNetwork]] = SpandrelNetwork

    def __init__(self, file: str, name: str = "") -> None:
        super().__init__({"file": file})
        self._name = name or Path(file).stem

    @property
    def label(self) -> str:
        return self._name

    def on_meta(self) -> SRNetwork:
        return copy.deepcopy(self.network).to("meta")
