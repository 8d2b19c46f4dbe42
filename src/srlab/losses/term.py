"""Base class of all loss terms."""

from typing import Any

from torch import Tensor, nn


class Term(nn.Module):
    """What stands in conf/loss/base.yaml. Its constructor takes the keys that stand there beside `weight`.

    What a constructor takes by keyword only is not an option: `weights` (a backbone's name -> its source, as
    srlab.weights.backbones.backbone_state takes it) and `scale` (the method's, None if it has several) come from
    WeightedLoss.
    """

    @classmethod
    def check(cls, *args: Any, **options: Any) -> None:
        """Raises the SrlabError that the constructor would raise for all of these options. Builds no network."""
        cls(*args, **options)

    @classmethod
    def backbone(cls, **options: Any) -> str | None:
        """The pretrained network that a term with these options uses, by its name in weights.backbones."""
        return None


class LossTerm(Term):
    """One term of a loss between images."""

    def forward(self, sr: Tensor, target: Tensor, lr: Tensor) -> Tensor:
        """(N, C, H, W) twice and (N, C, h, w), in [0, 1] -> a scalar."""
        raise NotImplementedError
