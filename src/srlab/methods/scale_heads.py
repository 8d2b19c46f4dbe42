"""Base class of methods whose network has modules for each scale, such as MDSR."""

from collections.abc import Sequence

from srlab.data.random_draws import PatchShape
from srlab.errors import SrlabError
from srlab.methods.super_resolver import SuperResolver
from srlab.networks.network import SRNetwork


class ScaleHeadsResolver(SuperResolver):
    """Each batch has one random scale, the same on every rank; modules of other scales do not change."""

    find_unused_parameters = True

    @classmethod
    def check_patches(cls, network: SRNetwork, shape: PatchShape, scales: Sequence[int], scale_per: str) -> None:
        if scale_per != "batch":
            name = cls.__name__
            raise SrlabError(f"data.scale_per={scale_per}: {name} takes one scale a batch. Set data.scale_per=batch.")
