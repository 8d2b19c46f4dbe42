"""Base class of methods that are computed from the training images at once, without steps, loss or optimizer."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, ClassVar

from srlab.data.degradations import Degradation
from srlab.data.training_set import TrainingSet
from srlab.errors import SrlabError, nearest
from srlab.methods.super_resolver import SuperResolver
from srlab.weights.checkpoint import mark_checkpoint


class FittedMethod(SuperResolver):
    """A method whose network has buffers that `fit` computes; `srlab.training.fitting` runs it.

    Attributes:
        Options: a dataclass of numbers, all with defaults: what may stand under model.fit.
    """

    Options: ClassVar[type]
    seconds = 0.0  # that `fit` took, kept in checkpoints

    def prepare_training(self) -> None:
        """Checks what only fitting needs.

        Raises:
            SrlabError: an unknown option under model.fit or a value of another type; model.ema.
        """
        super().prepare_training()
        recipe = self.hparams["recipe"]
        if recipe is not None:
            check_options(self.Options, recipe["fit"], self.label)
            if recipe["ema"]:
                raise SrlabError(f"model.ema={recipe['ema']}: {self.label} makes no steps to average. Leave it out.")

    def options(self) -> Any:
        """Returns the options of the recipe, an instance of `Options`."""
        return self.Options(**self.hparams["recipe"]["fit"])

    def fit(self, images: TrainingSet, degradation: Degradation, seed: int, say: Callable[[str], None]) -> None:
        """Computes the network's buffers, on the device where they are.

        Args:
            images: all training images.
            degradation: makes their LR images.
            seed: of everything that is drawn at random.
            say: is told now and then how far it is.

        Raises:
            SrlabError: there are too few images.
        """
        raise NotImplementedError

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        mark_checkpoint(checkpoint, self.key, seconds=self.seconds)


def check_options(kind: type, given: Mapping[str, Any], owner: str) -> None:
    """Checks what stands under model.fit.

    Args:
        kind: a dataclass of numbers with defaults: counts are integers of at least 1, others numbers above 0.
        given: by name.
        owner: whose options they are, for messages.

    Raises:
        SrlabError: an unknown name, with the nearest one; a wrong value.
    """
    defaults = asdict(kind())
    for key, value in given.items():
        if key not in defaults:
            raise SrlabError(f"model.fit.{key}: {owner} has {', '.join(defaults)}.{nearest(key, defaults)}")
        counts = isinstance(defaults[key], int)
        right = type(value) is int if counts else type(value) in (int, float)
        if not right or value <= 0:
            expected = "one integer of at least 1" if counts else "a number above 0"
            raise SrlabError(f"model.fit.{key}={value}: expected {expected}.")
