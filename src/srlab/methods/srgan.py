"""SRGAN (Ledig et al. 2017, arXiv:1609.04802): SRResNet, trained against a discriminator."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from srlab.data.batch import Batch
from srlab.data.random_draws import PatchShape
from srlab.distributed import average_gradients, rank_and_world
from srlab.errors import SrlabError
from srlab.methods.finite_steps import DISCRIMINATOR
from srlab.methods.optimizers import gradient_norm
from srlab.methods.super_resolver import Prediction, SuperResolver
from srlab.networks.discriminator import Discriminator
from srlab.networks.network import SRNetwork
from srlab.networks.srresnet import SRResNetNetwork


class SRGAN(SuperResolver):
    """One update of the discriminator, then one of the generator, in every step (section 2.2, k = 1).

    A step is one update of the generator: it is what max_steps, schedules, averaged weights and logs count. Real and
    generated images pass the discriminator separately, so its BatchNorm never mixes their statistics. Under manual
    optimization Lightning leaves the averaging of gradients over ranks, their clipping and their accumulation to the
    method, so they are done here.
    Where `predictions` returns several images, both networks learn from each of them by its weight. All must have the
    size of the HR patches, which the discriminator is built for.
    """

    key = "srgan"
    Network = SRResNetNetwork
    has_discriminator = True
    starts_trained = True
    takes_weights_of = ("srresnet",)
    monitor = "step"  # PSNR falls while it learns

    def __init__(self, network: dict[str, Any], recipe: dict[str, Any] | None = None) -> None:
        super().__init__(network, recipe)
        self.automatic_optimization = False
        self.discriminator: Discriminator | None = None
        self._reached = False

    @classmethod
    def check_patches(cls, network: SRNetwork, shape: PatchShape, scales: Sequence[int], scale_per: str) -> None:
        if scale_per != "batch":
            raise SrlabError(f"data.scale_per={scale_per}: SRGAN takes one scale a batch. Say data.scale_per=batch")

    def prepare_training(self) -> None:
        super().prepare_training()
        recipe = self.hparams["recipe"]
        if self.discriminator is not None or recipe is None:
            return
        assert self.loss is not None
        if self.loss.adversarial is None:
            raise SrlabError("loss.adversarial.weight=0: SRGAN without it is SRResNet. Choose model=srresnet.")
        options = recipe["discriminator"]
        if recipe["loss"]["adversarial"]["kind"] == "wgan_gp" and options["norm"] != "none":
            raise SrlabError(
                "loss.adversarial.kind=wgan_gp: its penalty is for single images (Gulrajani et al. 2017, section 4), "
                "which BatchNorm mixes. Say model.discriminator.norm=none"
            )
        channels = self.traits.channels or 3
        self.discriminator = Discriminator(recipe["hr_patch_size"], channels, **options)

    def configure_optimizers(self) -> Any:
        assert self.discriminator is not None
        return super().configure_optimizers(), self.optimizer_of([{"params": list(self.discriminator.parameters())}])

    def compare(self, sr: Tensor, target: Tensor, lr: Tensor) -> dict[str, Tensor]:
        assert self.loss is not None and self.loss.adversarial is not None and self.discriminator is not None
        adversarial = self.loss.adversarial
        fake = self.discriminator(sr)
        real = self.discriminator(target) if adversarial.needs_real else fake
        return {**super().compare(sr, target, lr), "adversarial": adversarial.generator(real, fake)}

    def training_step(self, batch: Batch | list[Batch], batch_idx: int) -> None:
        """Updates both networks.

        Args:
            batch: one batch, or a list with those whose gradients are accumulated.
            batch_idx: not used.
        """
        batches = [self._in_its_channels(part) for part in ([batch] if isinstance(batch, Batch) else batch)]
        # Of several batches, all graphs would stay in memory until the discriminator's update is done; so the
        # generator computes its images again.
        alone = len(batches) == 1
        with torch.set_grad_enabled(alone):
            predicted = [self.predictions(batch) for batch in batches]
        self._teach_discriminator(predicted)
        torch.clear_autocast_cache()  # its weights have changed, or were cast without a gradient
        self._teach_generator(batches, predicted if alone else None)
        for schedule in self.lr_schedulers():  # type: ignore[union-attr]
            schedule.step()

    def _teach_discriminator(self, predicted: list[list[Prediction]]) -> None:
        """Updates the discriminator once, from the predictions for each batch."""
        assert self.discriminator is not None and self.loss is not None and self.loss.adversarial is not None
        adversarial, critic = self.loss.adversarial, self.discriminator
        optimizer = self.optimizers()[1].optimizer  # type: ignore[index]  # Lightning would count its step
        critic.requires_grad_(True)
        self.finite_steps.keep(DISCRIMINATOR, critic)
        optimizer.zero_grad()
        # The seed depends on the step alone, so a resumed run draws the same points.
        rank, world = rank_and_world()
        draws = torch.Generator(self.device).manual_seed(self.global_step * world + rank)
        totals: list[Tensor] = []
        logits: list[Tensor] = []
        for outputs in predicted:
            for prediction, hr, weight in outputs:
                sr = prediction.detach()
                real, fake = critic(hr), critic(sr)
                loss = adversarial.discriminator(real, fake)
                penalty = adversarial.penalty(critic, hr, sr, draws)
                total = weight * (loss if penalty is None else loss + penalty)
                (self.finite_steps.tied(total) / len(predicted)).backward()
                totals.append(total.detach())
                logits.append(torch.stack([real.mean(), fake.mean()]).detach())
        average_gradients(critic.parameters())
        real, fake = torch.stack(logits).mean(dim=0)
        total = torch.stack(totals).sum() / len(predicted)
        self.log_dict({"train/discriminator": total, "train/d_real": real, "train/d_fake": fake})
        self.log("train/gradient_norm_discriminator", gradient_norm(optimizer))
        self.finite_steps.check(DISCRIMINATOR, optimizer, self.global_step)
        self.configure_gradient_clipping(optimizer, self.hparams["recipe"]["gradient_clip_val"])
        optimizer.step()

    def _teach_generator(self, batches: list[Batch], predicted: list[list[Prediction]] | None) -> None:
        """Updates the generator once. predicted: the predictions for each batch, or None to compute them here."""
        assert self.discriminator is not None and self.loss is not None
        optimizer = self.optimizers()[0]  # type: ignore[index]
        self.discriminator.requires_grad_(False)  # gradients pass through it to the generator
        self.finite_steps.keep(DISCRIMINATOR, self.discriminator)  # as its own update has left it
        optimizer.zero_grad()
        sums: dict[str, Tensor] = {}
        for i, batch in enumerate(batches):
            outputs = predicted[i] if predicted else self.predictions(batch)
            terms = self.weighted_terms(outputs, batch.lr_without_margin)
            self._check_reach(terms["adversarial"])
            (self.finite_steps.tied(self.loss.total(terms)) / len(batches)).backward()
            for name, value in terms.items():
                sums[name] = sums.get(name, 0) + value.detach() / len(batches)
        average_gradients(p for group in optimizer.param_groups for p in group["params"])
        self.log_terms(self.loss.total(sums), sums)
        optimizer.step()

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        # Lightning runs callbacks first, so they log the norm before clipping. It does not call this for the
        # discriminator, whose inner optimizer steps.
        super().on_before_optimizer_step(optimizer)
        self.configure_gradient_clipping(optimizer, self.hparams["recipe"]["gradient_clip_val"])

    def _check_reach(self, adversarial: Tensor) -> None:
        """Checks at the first step that the adversarial term has a gradient; without it this would be SRResNet."""
        if not self._reached:
            weights = list(self.network.parameters())
            parts = torch.autograd.grad(adversarial, weights, retain_graph=True, allow_unused=True)
            assert any(part is not None and part.any() for part in parts), "the adversarial loss has no gradient"
            self._reached = True
