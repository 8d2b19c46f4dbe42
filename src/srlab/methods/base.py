"""What all methods share: the LightningModule around a network."""

import copy
import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args, get_origin

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from srlab import __version__
from srlab.color import luma
from srlab.data.batch import Batch, Pair
from srlab.data.images import to_array
from srlab.data.patches import PatchShape
from srlab.errors import SrlabError, nearest
from srlab.inference.upscale import upscale
from srlab.losses.weighted import WeightedLoss, random_backbones
from srlab.methods.network import SRNetwork, Traits
from srlab.metrics.protocol import protocol
from srlab.training.distributed import merge_over_ranks
from srlab.training.schedule import multiplier

Prediction = tuple[Tensor, Tensor, float]
EVALUATED = ("network.", "averaged.")  # what starts the keys of a checkpoint that evaluation needs


class SuperResolver(pl.LightningModule):
    """A network and the recipe it is trained by, both plain dictionaries, so that a checkpoint loads safely and alone.

    network: the arguments of `Network`. recipe: name, loss, optimizer, schedule, ema, max_steps, protocol, as
    `srlab.config.recipe_of_model` takes them from a config; None for a network that is only used.
    What only training needs (the loss and its networks) is built by `prepare_training`, so that evaluation neither
    builds nor loads it. Raises SrlabError for an argument that the network does not have.
    """

    key: ClassVar[str]  # in the list of methods, in checkpoints
    Network: ClassVar[type[SRNetwork]]
    leaves_weights_unused: ClassVar[bool] = False  # whether a step may leave some weights without a gradient
    has_discriminator: ClassVar[bool] = False  # whether the adversarial term can be switched on
    starts_trained: ClassVar[bool] = False  # whether training from random weights must be asked for
    takes_weights_of: ClassVar[tuple[str, ...]] = ()  # other methods of the same network
    best_by: ClassVar[str] = "psnr"  # what its best checkpoint is: see trainer.best_by

    def __init__(self, network: Mapping[str, Any], recipe: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.save_hyperparameters({"network": dict(network), "recipe": dict(recipe) if recipe is not None else None})
        self.check_arguments(network)
        self.network = self.Network(**network)
        self.averaged: nn.Module | None = None
        self.loss: WeightedLoss | None = None
        self._averaged_step = 0
        self._qualities: dict[tuple[str, int], float] = {}
        if recipe is not None and recipe["ema"]:
            self.averaged = copy.deepcopy(self.network).requires_grad_(False)

    @classmethod
    def check_arguments(cls, network: Mapping[str, Any]) -> None:
        """Raises SrlabError, with the nearest name, for an argument that the network lacks, or that it needs."""
        parameters = inspect.signature(cls.Network.__init__).parameters
        known = [name for name in parameters if name != "self"]
        for key, value in network.items():
            if key not in known:
                raise SrlabError(f"model.network.{key}: {cls.__name__} has {', '.join(known)}.{nearest(key, known)}")
            needed = parameters[key].default is inspect.Parameter.empty
            if not (needed and value is None):  # what has no value is found below
                check_argument(key, value, parameters[key].annotation)
        for name in known:
            if parameters[name].default is inspect.Parameter.empty and network.get(name) is None:
                raise SrlabError(f"model.network.{name}: {cls.__name__} needs a value; on the command line: {name}=...")

    @classmethod
    def with_defaults(cls, network: Mapping[str, Any]) -> dict[str, Any]:
        """All arguments of the network, those that are not given by their default values."""
        parameters = inspect.signature(cls.Network.__init__).parameters.values()
        given = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
        merged = {**given, **network}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in merged.items()}

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
    def inference_network(self) -> nn.Module:
        """The weights that are evaluated and exported: averaged ones where the recipe averages."""
        return self.network if self.averaged is None else self.averaged

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        """(N, C, h, w) in [0, 1] -> (N, C, scale*h, scale*w), by the weights that are evaluated."""
        return self.inference_network(lr, scale, condition)

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
        first, (height, width) = batch.margin * batch.scale, batch.hr.shape[2:]
        return [(sr[..., first : first + height, first : first + width], batch.hr, 1.0)]

    def objective(self, batch: Batch | list[Batch]) -> tuple[Tensor, dict[str, Tensor]]:
        """What a step minimises, and its terms by name, before weighting."""
        assert self.loss is not None
        given = [batch] if isinstance(batch, Batch) else batch
        parts = self.prepared([self._in_its_channels(part) for part in given])
        samples = sum(len(part.lr) for part in parts)
        terms: dict[str, Tensor] = {}
        for part in parts:
            for sr, target, weight in self.predictions(part):
                for name, value in self.compare(sr, target, without_margin(part)).items():
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
        """The trained weights as PyTorch's parameter groups; more than one where layers learn at different rates."""
        return [{"params": list(self.network.parameters())}]

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
        """The result as uint8 and its PSNR in dB, for callbacks that look on."""
        rules = protocol(self.hparams["recipe"]["protocol"])
        # Lightning has set the precision of the run around this call, and put both networks in eval mode.
        sr = to_array(upscale(self, pair.lr, pair.scale, precision="inherit"))
        psnr = rules.psnr(sr, pair.hr, pair.scale)
        self._qualities[pair.name, pair.scale] = psnr
        return {"sr": sr, "psnr": psnr}

    def on_validation_epoch_end(self) -> None:
        """Logs val/psnr, the mean over images of PSNR, and over scales where there are several."""
        qualities = merge_over_ranks(self._qualities)
        self._qualities = {}
        scales = sorted({scale for _, scale in qualities})
        means = {}
        for scale in scales:
            values = [value for (_, s), value in qualities.items() if s == scale]
            means[scale] = sum(values) / len(values)
        if len(scales) > 1:
            self.log_dict({f"val/psnr_x{scale}": value for scale, value in means.items()})
        if means:
            self.log("val/psnr", sum(means.values()) / len(means), prog_bar=True)

    # Checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["srlab"] = {"method": self.key, "version": __version__}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._averaged_step = checkpoint.get("global_step", 0)
        if self.loss is None:  # to be used, not trained
            checkpoint["state_dict"] = evaluated_part(checkpoint["state_dict"])


def evaluated_part(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A checkpoint's state dict without what only training needs, such as a discriminator."""
    return {key: value for key, value in state.items() if key.startswith(EVALUATED)}


def without_margin(batch: Batch) -> Tensor:
    """The LR pixels under the HR patch, which is what a network of the same size as its input enlarges."""
    first, (height, width) = batch.margin, (side // batch.scale for side in batch.hr.shape[2:])
    return batch.lr[..., first : first + height, first : first + width]


def check_argument(key: str, value: Any, kind: Any) -> None:
    """Raises SrlabError unless a value of a network's argument is of its annotated kind."""
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        expected, right = " or ".join(map(str, choices)) + f".{nearest(str(value), choices)}", value in choices
    elif kind is int:
        expected, right = "one integer of at least 1.", _positive(value)
    elif kind == Sequence[int]:
        expected = "a list of integers of at least 1, such as [2,3,4]."
        right = isinstance(value, (list, tuple)) and bool(value) and all(map(_positive, value))
    elif kind is float:
        expected, right = "a number.", isinstance(value, (int, float)) and not isinstance(value, bool)
    else:
        return
    if key == "channels":
        expected, right = "1 (luma) or 3 (RGB).", value in (1, 3)
    if not right:
        raise SrlabError(f"model.network.{key}={value}: expected {expected}")


def _positive(value: Any) -> bool:
    return type(value) is int and value >= 1


def build_optimizer(groups: Iterable[dict[str, Any]], optimizer: Mapping[str, Any], fused: bool) -> Optimizer:
    """adam, adamw or sgd over parameter groups, from plain values. Raises SrlabError for another name."""
    name = optimizer["name"]
    common = {"lr": optimizer["learning_rate"], "weight_decay": optimizer["weight_decay"], "fused": fused}
    if len(optimizer["betas"]) != 2:
        raise SrlabError(f"optimizer.betas={list(optimizer['betas'])}: expected two numbers, such as [0.9,0.999].")
    if name in ("adam", "adamw"):
        kind = torch.optim.Adam if name == "adam" else torch.optim.AdamW
        return kind(groups, betas=tuple(optimizer["betas"]), eps=optimizer["epsilon"], **common)
    if name == "sgd":
        return torch.optim.SGD(groups, momentum=optimizer["momentum"], **common)
    raise SrlabError(f"optimizer.name={name}: expected adam, adamw or sgd.{nearest(name, ('adam', 'adamw', 'sgd'))}")
