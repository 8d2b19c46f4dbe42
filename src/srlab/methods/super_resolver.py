"""The LightningModule around a network: the plain training, which methods of their own override in parts."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from srlab.data.batch import Batch, Pair
from srlab.data.random_draws import PatchShape
from srlab.distributed import merge_over_ranks
from srlab.errors import SrlabError
from srlab.imaging.color import luma
from srlab.imaging.files import as_8_bit
from srlab.inference.upscale import upscale
from srlab.losses.weighted import WeightedLoss, random_backbones
from srlab.methods.averaging import decay_at, update_average
from srlab.methods.finite_steps import NETWORK, FiniteSteps
from srlab.methods.optimizers import build_optimizer, clip_gradient_norm, parameter_groups
from srlab.methods.schedules import multiplier
from srlab.methods.validation import validation_means
from srlab.metrics.metric import PSNR, Meter, Quality
from srlab.metrics.protocol import protocol
from srlab.networks.arguments import check_arguments, with_defaults
from srlab.networks.network import SRNetwork, Traits
from srlab.weights.checkpoint import evaluated_part, mark_checkpoint

Prediction = tuple[Tensor, Tensor, float]  # SR, HR, and the factor on their loss terms


class SuperResolver(pl.LightningModule):
    """A network and how it is trained.

    Both arguments are plain dictionaries, which a checkpoint holds, so a checkpoint loads with weights_only=True and
    needs no other argument. What only training needs (the loss and its networks) is built by `prepare_training`, so
    evaluation neither builds nor loads it.

    Args:
        network: the arguments of `Network`.
        recipe: name, loss, optimizer, schedule, ema, max_steps, protocol and so on, as
            `srlab.methods.recipe.recipe_of_model` takes them from a config; None for a network that is only used.

    Attributes:
        key: the method's name in METHODS and in checkpoints.
        Network: the class of its network.
        find_unused_parameters: whether a step may leave some weights without a gradient, as DDP must know.
        has_discriminator: whether the adversarial term can be switched on.
        has_curriculum: whether some of its images can be compared with easier targets (data.curriculum).
        starts_trained: whether the method starts from trained weights, unless init_from=scratch.
        takes_weights_of: methods with the same network, whose checkpoints `weights=` takes too.
        monitor: what chooses the best checkpoint under trainer.monitor=auto.
        validated: what the last validation has measured, by image and scale, on every rank all of it.

    Raises:
        SrlabError: an argument that the network does not have.
    """

    key: ClassVar[str]
    Network: ClassVar[type[SRNetwork]]
    find_unused_parameters: ClassVar[bool] = False
    has_discriminator: ClassVar[bool] = False
    has_curriculum: ClassVar[bool] = False
    starts_trained: ClassVar[bool] = False
    takes_weights_of: ClassVar[tuple[str, ...]] = ()
    monitor: ClassVar[str] = "val/psnr"

    def __init__(self, network: Mapping[str, Any], recipe: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.save_hyperparameters({"network": dict(network), "recipe": dict(recipe) if recipe is not None else None})
        check_arguments(self.Network, network, type(self).__name__)
        self.network = self.Network(**network)
        self.averaged: SRNetwork | None = None
        self.loss: WeightedLoss | None = None
        self._averaged_step = 0
        self._scales_gradients = False  # whether Lightning scales them, as it does for 16-mixed
        self.meters: tuple[Meter, ...] = (PSNR,)  # what validation measures; PSNR is always among it
        self._qualities: dict[tuple[str, int], Quality] = {}
        self.validated: dict[tuple[str, int], Quality] = {}
        if recipe is not None and recipe["ema"]:
            self.averaged = copy.deepcopy(self.network).requires_grad_(False)
        self.finite_steps = FiniteSteps(at_once=self.averaged is not None)

    @classmethod
    def with_defaults(cls, network: Mapping[str, Any]) -> dict[str, Any]:
        """Returns all arguments of the network; those that are not given have their default values."""
        return with_defaults(cls.Network, network)

    @classmethod
    def check_patches(cls, network: SRNetwork, shape: PatchShape, scales: Sequence[int], scale_per: str) -> None:
        """Raises SrlabError for training patches that the method cannot learn from."""

    @property
    def traits(self) -> Traits:
        return self.network.traits

    @property
    def label(self) -> str:
        """The name in tables: the recipe's, or the method's; with random_NAME for a loss on untrained features."""
        recipe = self.hparams["recipe"]
        if not recipe:
            return self.key
        noise = random_backbones(recipe["loss"], recipe.get("weights") or {})
        return "_".join([recipe["name"], *(f"random_{name}" for name in noise)])

    @property
    def inference_network(self) -> SRNetwork:
        """The network that is evaluated and exported: the averaged one where the recipe averages."""
        return self.network if self.averaged is None else self.averaged

    def on_meta(self) -> SRNetwork:
        """Returns a network of the same kind and size on the meta device, in eval mode: without weights."""
        with torch.device("meta"):
            return self.Network(**self.hparams["network"]).eval()

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        """Runs the network that is evaluated: (N, C, h, w) in [0, 1] -> (N, C, scale*h, scale*w), not clamped."""
        return self.inference_network(lr, scale, condition)

    def upscale(self, lr: Tensor, scale: int, **options: Any) -> Tensor:
        """Super-resolves with the network that is evaluated; the options are those of `srlab.inference.upscale`."""
        return upscale(self.inference_network, lr, scale, label=self.label, **options)

    # Training

    def prepare_training(self) -> None:
        """Builds what only training needs, unless it is built.

        Raises:
            SrlabError: a loss that cannot be built, or that the method cannot be trained by.
        """
        recipe = self.hparams["recipe"]
        if self.loss is None and recipe is not None:
            scales = recipe["scales"]
            loss = WeightedLoss(recipe["loss"], recipe.get("weights"), scales[0] if len(scales) == 1 else None)
            if loss.adversarial is not None and not self.has_discriminator:
                raise SrlabError(f"loss.adversarial: {self.key} has no discriminator. Choose model=srgan.")
            self.loss = loss

    def setup(self, stage: str) -> None:
        if stage == "fit":
            self.prepare_training()
            self._scales_gradients = self.trainer.precision == "16-mixed"

    def prepared(self, parts: list[Batch]) -> list[Batch]:
        """Changes what a step trains on, where a method needs its images in another form; one batch for each scale."""
        return parts

    def predictions(self, batch: Batch) -> list[Prediction]:
        """Returns the images that a loss compares; one by default, and several for deep supervision.

        Args:
            batch: of one scale.

        Returns:
            (sr, target, weight): images (N, C, H, W) without the margin of the patches, and a factor on their terms.
        """
        sr = self.network(batch.lr, batch.scale, batch.condition)
        return [(batch.crop_margin(sr), batch.hr, 1.0)]

    def objective(self, batch: Batch | list[Batch]) -> tuple[Tensor, dict[str, Tensor]]:
        """Computes what a step minimises.

        Args:
            batch: of one scale, or a list with one batch for each scale.

        Returns:
            The weighted sum, and its terms by name, before weighting.
        """
        assert self.loss is not None
        given = [batch] if isinstance(batch, Batch) else batch
        parts = self.prepared([self._in_its_channels(part) for part in given])
        samples = sum(len(part.lr) for part in parts)
        terms: dict[str, Tensor] = {}
        for part in parts:
            for name, value in self.weighted_terms(self.predictions(part), part.lr_without_margin).items():
                terms[name] = terms.get(name, 0) + len(part.lr) / samples * value
        return self.loss.total(terms), terms

    def weighted_terms(self, outputs: Sequence[Prediction], lr: Tensor) -> dict[str, Tensor]:
        """Returns the loss terms by name, each summed over several predictions by their weights."""
        terms: dict[str, Tensor] = {}
        for sr, target, weight in outputs:
            for name, value in self.compare(sr, target, lr).items():
                terms[name] = terms.get(name, 0) + weight * value
        return terms

    def compare(self, sr: Tensor, target: Tensor, lr: Tensor) -> dict[str, Tensor]:
        """Returns the loss terms of one prediction, by name, before weighting; see LossTerm.forward for the shapes."""
        assert self.loss is not None
        return self.loss(sr, target, lr)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        self.finite_steps.begin(self.global_step, self.network)

    def training_step(self, batch: Batch | list[Batch], batch_idx: int) -> Tensor | None:
        total, terms = self.objective(batch)
        self.log_terms(total, terms)
        return self.finite_steps.tied(total)

    def log_terms(self, total: Tensor, terms: Mapping[str, Tensor]) -> None:
        """Logs train/loss, and every term where there are several."""
        self.log("train/loss", total.detach(), prog_bar=True)
        if len(terms) > 1:
            self.log_dict({f"train/{name}": value.detach() for name, value in terms.items()})

    def _in_its_channels(self, batch: Batch) -> Batch:
        if self.traits.channels != 1:
            return batch
        easier = None if batch.easier is None else luma(batch.easier)
        return batch._replace(lr=luma(batch.lr), hr=luma(batch.hr), easier=easier)

    def configure_optimizers(self) -> Any:
        recipe = self.hparams["recipe"]
        if not any(p.requires_grad for p in self.network.parameters()):
            raise SrlabError(f"{self.label} has no weights to train; evaluate.py uses it as it is.")
        groups = parameter_groups(self.network, recipe["optimizer"]["learning_rate"])
        learning = [] if self.loss is None else list(self.loss.parameters())  # of terms that learn too
        return self.optimizer_of([*groups, {"params": learning}] if learning else groups)

    def optimizer_of(self, groups: list[dict[str, Any]]) -> OptimizerLRSchedulerConfig:
        """Returns the recipe's optimizer and schedule for parameter groups, as Lightning wants them."""
        recipe = self.hparams["recipe"]
        # A fused optimizer would unscale gradients in its step, after they have been clipped.
        optimizer = build_optimizer(groups, recipe["optimizer"], fused=not self._scales_gradients)
        schedule = LambdaLR(optimizer, multiplier(recipe["schedule"], recipe["max_steps"]))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        # The gradient is accumulated, averaged over ranks and unscaled here, but not clipped.
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        self.finite_steps.check(NETWORK, optimizer, self.global_step, scaler)

    def configure_gradient_clipping(
        self, optimizer: Optimizer, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Clips the norm of the whole gradient. Lightning's own refuses fused optimizers in any mixed precision."""
        if gradient_clip_val:
            clip_gradient_norm(optimizer, gradient_clip_val)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        # Under gradient accumulation several batches make a step; the average moves once a step.
        if self.averaged is not None and self.global_step > self._averaged_step:
            self._averaged_step = self.global_step
            if not self.finite_steps.skipped:
                decay = decay_at(self.global_step, self.hparams["recipe"]["ema"])
                update_average(self.averaged, self.network, decay)

    # Validation

    def validation_step(self, pair: Pair, batch_idx: int) -> dict[str, Any]:
        """Returns "sr", the result as uint8, and "psnr", its PSNR in dB, for callbacks."""
        rules = protocol(self.hparams["recipe"]["protocol"])
        # Lightning has set the precision of the run around this call, and put both networks in eval mode.
        sr = rules.result(self.upscale(pair.lr, pair.scale, condition=pair.condition, precision="inherit"))
        quality = rules.measure(sr, pair.hr, pair.scale, self.meters)
        self._qualities[pair.name, pair.scale] = quality
        return {"sr": as_8_bit(sr), "psnr": quality.psnr}

    def on_validation_epoch_end(self) -> None:
        """Logs what `validation_means` returns, the same on every rank."""
        self.validated, self._qualities = merge_over_ranks(self._qualities), {}
        names = [meter.metric.name for meter in self.meters]
        for key, value in validation_means(self.validated, names).items():
            self.log(key, value, prog_bar=key.removeprefix("val/") in names)

    # Checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        mark_checkpoint(checkpoint, self.key)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._averaged_step = checkpoint.get("global_step", 0)
        if self.loss is None:  # loaded for evaluation
            checkpoint["state_dict"] = evaluated_part(checkpoint["state_dict"])


def plain_method(name: str, network: type[SRNetwork]) -> type[SuperResolver]:
    """Makes the method of a network that needs no training of its own.

    Args:
        name: its key in METHODS, which is the network's in NETWORKS.
        network: the class; the method is called as it is, without "Network".
    """
    title = network.__name__.removesuffix("Network")
    about = {"key": name, "Network": network, "__module__": __name__, "__doc__": network.__doc__}
    return type(title, (SuperResolver,), about)
