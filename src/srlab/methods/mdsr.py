"""How MDSR is trained (Lim et al. 2017, arXiv:1707.02921, section 4.2)."""

from collections.abc import Sequence

from srlab.data.random_draws import PatchShape
from srlab.errors import SrlabError
from srlab.methods.super_resolver import SuperResolver
from srlab.networks.mdsr import MDSRNetwork
from srlab.networks.network import SRNetwork


class MDSR(SuperResolver):
    """Each batch has one random scale, the same on every rank; modules of other scales do not change (section 4.2)."""

    key = "mdsr"
    Network = MDSRNetwork
    find_unused_parameters = True

    @classmethod
    def check_patches(cls, network: SRNetwork, shape: PatchShape, scales: Sequence[int], scale_per: str) -> None:
        if scale_per != "batch":
            raise SrlabError(f"data.scale_per={scale_per}: MDSR takes one scale a batch. Set data.scale_per=batch.")
