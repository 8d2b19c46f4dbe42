"""The LightningModule around a network: the plain training, which methods of their own override in parts."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from srlab.data.batch import Batch, Pair
from srlab.data.random_draws import PatchShape
from srlab.distributed import merge_over_ranks
from srlab.errors import SrlabError
from srlab.imaging.color import luma
from srlab.imaging.files import to_array
from srlab.inference.upscale import upscale
from srlab.losses.weighted import WeightedLoss, random_backbones
from srlab.methods.optimizers import build_optimizer
from srlab.methods.schedules import multiplier
from srlab.metrics.metric import PSNR, Meter, Quality
from srlab.metrics.protocol import protocol
from srlab.networks.arguments import check_arguments, with_defaults
from srlab.networks.network import SRNetwork, Traits
from srlab.weights.checkpoint import evaluated_part, mark_checkpoint

SLOWER = 10  # slow layers learn at the learning rate divided by this
Prediction = tuple[Tensor, Tensor, float]


class SuperResolver(pl.LightningModule):
    """A network and the recipe it is trained by, both plain dictionaries, so that a checkpoint loads safely and alone.

    network: the arguments of `Network`. recipe: name, loss, optimizer, schedule, ema, max_steps, protocol, as
    `srlab.methods.recipe.recipe_of_model` takes them from a config; None for a network that is only used.
    What only training needs (the loss and its networks) is built by `prepare_training`, so that evaluation neither
    builds nor loads it. Raises SrlabError for an argument that the network does not have.
    """

    key: ClassVar[str]  # in METHODS, and in checkpoints
    Network: ClassVar[type[SRNetwork]]
    find_unused_parameters: ClassVar[bool] = False  # whether a step may leave some weights without a gradient
    has_discriminator: ClassVar[bool] = False  # whether the adversarial term can be switched on
    starts_trained: ClassVar[bool] = False  # whether training from random weights must be asked for
    takes_weights_of: ClassVar[tuple[str, ...]] = ()  # other methods of the same network
    monitor: ClassVar[str] = "val/psnr"  # what its best checkpoint is best by: see trainer.monitor

    def __init__(self, network: Mapping[str, Any], recipe: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.save_hyperparameters({"network": dict(network), "recipe": dict(recipe) if recipe is not None else None})
        check_arguments(self.Network, network, type(self).__name__)
        self.network = self.Network(**network)
        self.averaged: SRNetwork | None = None
        self.loss: WeightedLoss | None = None
        self._averaged_step = 0
        self.meters: tuple[Meter, ...] = (PSNR,)  # what validation measures; PSNR is always among it
        self._qualities: dict[tuple[str, int], Quality] = {}
        if recipe is not None and recipe["ema"]:
            self.averaged = copy.deepcopy(self.network).requires_grad_(False)

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
        """The name in tables: the recipe's, or else the method's. It tells of a loss that looked through noise."""
        recipe = self.hparams["recipe"]
        if not recipe:
            return self.key
        noise = random_backbones(recipe["loss"], recipe.get("weights") or {})
        return "_".join([recipe["name"], *(f"random_{name}" for name in noise)])

    @property
    def inference_network(self) -> SRNetwork:
        """The weights that are evaluated and exported: averaged ones where the recipe averages."""
        return self.network if self.averaged is None else self.averaged

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        """(N, C, h, w) in [0, 1] -> (N, C, scale*h, scale*w), by the weights that are evaluated."""
        return self.inference_network(lr, scale, condition)

    def upscale(self, lr: Tensor, scale: int, **options: Any) -> Tensor:
        """Super-resolves by the weights that are evaluated; see `srlab.inference.upscale`, which has the options."""
        return upscale(self.inference_network, lr, scale, label=self.label, **options)

    # Training

    def prepare_training(self) -> None:
        """Builds what only training needs. Raises SrlabError for a loss that cannot be had."""
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

    def prepared(self, parts: list[Batch]) -> list[Batch]:
        """What a step trains on, one batch for each scale in it; methods that see images otherwise change it here."""
        return parts

    def predictions(self, batch: Batch) -> list[Prediction]:
        """(sr, target, weight) triples; one by default. Methods with deep supervision return several."""
        sr = self.network(batch.lr, batch.scale, batch.condition)
        return [(batch.crop_margin(sr), batch.hr, 1.0)]

    def objective(self, batch: Batch | list[Batch]) -> tuple[Tensor, dict[str, Tensor]]:
        """What a step minimises, and its terms by name, before weighting."""
        assert self.loss is not None
        given = [batch] if isinstance(batch, Batch) else batch
        parts = self.prepared([self._in_its_channels(part) for part in given])
        samples = sum(len(part.lr) for part in parts)
        terms: dict[str, Tensor] = {}
        for part in parts:
            for sr, target, weight in self.predictions(part):
                for name, value in self.compare(sr, target, part.lr_without_margin).items():
                    terms[name] = terms.get(name, 0) + weight * len(part.lr) / samples * value
        return self.loss.total(terms), terms

    def compare(self, sr: Tensor, target: Tensor, lr: Tensor) -> dict[str, Tensor]:
        """The terms of one prediction. (N, C, H, W) twice and the LR images, in [0, 1]."""
        assert self.loss is not None
        return self.loss(sr, target, lr)

    def training_step(self, batch: Batch | list[Batch], batch_idx: int) -> Tensor | None:
        total, terms = self.objective(batch)
        self.log_terms(total, terms)
        return total

    def log_terms(self, total: Tensor, terms: Mapping[str, Tensor]) -> None:
        """train/loss, and each term where there are several."""
        self.log("train/loss", total.detach(), prog_bar=True)
        if len(terms) > 1:
            self.log_dict({f"train/{name}": value.detach() for name, value in terms.items()})

    def _in_its_channels(self, batch: Batch) -> Batch:
        return batch if self.traits.channels != 1 else batch._replace(lr=luma(batch.lr), hr=luma(batch.hr))

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """Returns the trained weights as PyTorch's parameter groups: slow layers have one of their own."""
        slow = {p for path in self.traits.slow_layers for p in self.network.get_submodule(path).parameters()}
        groups: list[dict[str, Any]] = [{"params": [p for p in self.network.parameters() if p not in slow]}]
        if slow:
            own = [p for p in self.network.parameters() if p in slow]
            groups.append({"params": own, "lr": learning_rate / SLOWER})
        return groups

    def configure_optimizers(self) -> Any:
        recipe = self.hparams["recipe"]
        if not any(p.requires_grad for p in self.network.parameters()):
            raise SrlabError(f"{self.label} has no weights to train; evaluate.py uses it as it is.")
        groups = self.parameter_groups(recipe["optimizer"]["learning_rate"])
        learning = [] if self.loss is None else list(self.loss.parameters())  # of terms that learn too
        return self.optimizer_of([*groups, {"params": learning}] if learning else groups)

    def optimizer_of(self, groups: list[dict[str, Any]]) -> OptimizerLRSchedulerConfig:
        """The recipe's optimizer and schedule over parameter groups."""
        recipe = self.hparams["recipe"]
        # A fused optimizer unscales fp16 gradients itself, after they would have been clipped.
        scaled = self._trainer is not None and self.trainer.precision == "16-mixed"
        optimizer = build_optimizer(groups, recipe["optimizer"], fused=not scaled)
        schedule = LambdaLR(optimizer, multiplier(recipe["schedule"], recipe["max_steps"]))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_gradient_clipping(
        self, optimizer: Optimizer, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """By the norm of the whole gradient. Lightning's own refuses fused optimizers in any mixed precision."""
        if gradient_clip_val:
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(parameters, gradient_clip_val)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        # Under gradient accumulation several batches make a step; the average moves once a step.
        if self.averaged is not None and self.global_step > self._averaged_step:
            self._averaged_step = self.global_step
            self._update_average(self.averaged)

    @torch.no_grad()
    def _update_average(self, averaged: nn.Module) -> None:
        """Moves the averaged weights towards the trained ones; buffers (BatchNorm statistics) are copied."""
        # A young average would be dominated by the random start, hence the short memory of the first steps.
        decay = min(self.hparams["recipe"]["ema"], (1 + self.global_step) / (10 + self.global_step))
        torch._foreach_lerp_(list(averaged.parameters()), list(self.network.parameters()), 1 - decay)
        for old, new in zip(averaged.buffers(), self.network.buffers(), strict=True):
            old.copy_(new)

    # Validation

    def validation_step(self, pair: Pair, batch_idx: int) -> dict[str, Any]:
        """Returns the result as uint8 and its PSNR in dB, for callbacks that look on."""
        rules = protocol(self.hparams["recipe"]["protocol"])
        # Lightning has set the precision of the run around this call, and put both networks in eval mode.
        sr = to_array(self.upscale(pair.lr, pair.scale, condition=pair.condition, precision="inherit"))
        quality = rules.measure(sr, pair.hr, pair.scale, self.meters)
        self._qualities[pair.name, pair.scale] = quality
        return {"sr": sr, "psnr": quality.psnr}

    def on_validation_epoch_end(self) -> None:
        """Logs val/NAME of every metric, the mean over images, and over scales where there are several."""
        qualities = merge_over_ranks(self._qualities)
        self._qualities = {}
        scales = sorted({scale for _, scale in qualities})
        for name in [meter.metric.name for meter in self.meters] if qualities else []:
            means = {}
            for scale in scales:
                values = [quality[name] for (_, s), quality in qualities.items() if s == scale]
                means[scale] = sum(values) / len(values)
            if len(scales) > 1:
                self.log_dict({f"val/{name}_x{scale}": value for scale, value in means.items()})
            self.log(f"val/{name}", sum(means.values()) / len(means), prog_bar=True)

    # Checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        mark_checkpoint(checkpoint, self.key)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._averaged_step = checkpoint.get("global_step", 0)
        if self.loss is None:  # to be used, not trained
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
