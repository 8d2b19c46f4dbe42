"""Base class of all loss terms."""

from typing import Any

from torch import Tensor, nn


class Term(nn.Module):
    """A term of conf/loss/base.yaml. The positional arguments of its constructor are the options there.

    Keyword-only arguments are not options; WeightedLoss passes them: `weights` (a backbone's name -> its source, as
    srlab.weights.backbones.backbone_state takes it) and `scale` (the method's, None if it has several).
    """

    @classmethod
    def check(cls, *args: Any, **options: Any) -> None:
        """Raises the SrlabError that the constructor would raise for all of these options. Builds no network."""
        cls(*args, **options)

    @classmethod
    def backbone(cls, **options: Any) -> str | None:
        """Returns the name, in weights.backbones, of the pretrained network that a term with these options uses."""
        return None


class LossTerm(Term):
    """One term of a loss between images."""

    def forward(self, sr: Tensor, target: Tensor, lr: Tensor) -> Tensor:
        """Computes the loss.

        Args:
            sr: (N, C, H, W), about [0, 1], not clamped.
            target: HR, (N, C, H, W), in [0, 1].
            lr: (N, C, h, w), in [0, 1].

        Returns:
            A scalar.
        """
        raise NotImplementedError
