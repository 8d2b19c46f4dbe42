"""HAN's training: that of EDSR, from the weights of an RCAN (Niu et al. 2020, arXiv:2008.08767, section 4.1)."""

from srlab.methods.super_resolver import SuperResolver
from srlab.networks.han import HANNetwork


class HAN(SuperResolver):
    """HAN; `init_from` takes a checkpoint of RCAN, of which head, body and tail fit."""

    key = "han"
    Network = HANNetwork
    takes_weights_of = ("rcan",)
