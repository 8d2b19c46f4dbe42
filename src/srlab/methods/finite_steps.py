"""A step whose loss or gradient is not finite (NaN or infinite) changes nothing."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from srlab.distributed import merge_over_ranks, rank_and_world
from srlab.methods.optimizers import gradient_norm

NETWORK, DISCRIMINATOR = "network", "discriminator"
WITH_STATISTICS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


@dataclass(frozen=True)
class Outcome:
    """What became of a network's step.

    Attributes:
        step: counted from 0.
        network: NETWORK or DISCRIMINATOR.
        reason: why it was skipped; "" where it was made.
    """

    step: int
    network: str
    reason: str


@dataclass(frozen=True, eq=False)
class _Checked:
    """A gradient that was looked at.

    Attributes:
        losses: of the batches of the step, on this rank.
        norm: of the gradient; a copy in the CPU's memory, which is there when `copied` has happened.
        copied: None where it is there already.
        late: whether it is to be read only after the next step has been queued.
    """

    step: int
    network: str
    losses: Sequence[Tensor]
    norm: Tensor
    copied: Any = None
    late: bool = False

    def outcome(self) -> Outcome:
        if self.copied is not None:
            self.copied.synchronize()
        norm = float(self.norm)
        if math.isfinite(norm):
            return Outcome(self.step, self.network, "")
        bad = [loss for loss in map(float, self.losses) if not math.isfinite(loss)]
        reason = f"the loss is {bad[0]}" if bad else f"the norm of the gradient is {norm}"
        return Outcome(self.step, self.network, reason)


class FiniteSteps:
    """Lets the optimizers of a method step only where the gradient is finite.

    The gradient alone decides, since a loss that is not finite makes it so, see `tied`. It is looked at when it has
    been averaged over ranks, so it is the same on all of them: they decide alike without a message of their own.

    The norm costs a pass over the gradient, far less than a step. On a GPU, to read it would be to wait for the device
    in every step. PyTorch's fused Adam skips by a flag that stays on the device, as it does for GradScaler; the norm is
    then read after the next step has been queued. With other optimizers, with BatchNorm's statistics or averaged
    weights, which a skipped step must leave too, it is read at once.

    Args:
        at_once: whether `skipped` must be known after every step.

    Attributes:
        skipped: whether the last step of NETWORK was skipped, where that is known at once.
    """

    def __init__(self, at_once: bool) -> None:
        self.at_once, self.skipped = at_once, False
        self._step = -1  # the one whose statistics were kept
        self._kept: dict[str, list[tuple[Tensor, Tensor]]] = {}
        self._losses: list[Tensor] = []
        self._checked: deque[_Checked] = deque(maxlen=64)  # bounded, since nobody may ask

    def begin(self, step: int, network: nn.Module) -> None:
        """Keeps what a step may change before its gradient is there. Of several batches of a step the first counts."""
        if step != self._step:
            self._step = step
            self.keep(NETWORK, network)

    def keep(self, name: str, network: nn.Module) -> None:
        """Copies the statistics of a network's BatchNorm."""
        statistics = [b for m in network.modules() if isinstance(m, WITH_STATISTICS) for b in m.buffers(recurse=False)]
        self._kept[name] = [(statistic, statistic.clone()) for statistic in statistics]

    def tied(self, loss: Tensor) -> Tensor:
        """Returns the same loss, whose gradient is NaN where the loss is not finite.

        Otherwise its gradient can be finite: that of |x| is 0 at NaN.
        """
        self._losses.append(loss.detach())
        return loss * (1 + 0 * loss.detach())  # 0 times NaN or infinity is NaN; 1 changes no bit

    def check(self, network: str, optimizer: Optimizer, step: int, scaler: Any = None) -> None:
        """Has the optimizer's next step change nothing where the gradient is not finite.

        Args:
            network: NETWORK or DISCRIMINATOR.
            optimizer: with the gradient of the whole step, averaged over ranks and unscaled.
            step: counted from 0.
            scaler: the GradScaler that has unscaled it, or None.
        """
        losses, self._losses = self._losses, []
        norm = gradient_norm(optimizer).detach()
        if scaler is None and not self.at_once and not any(self._kept.values()) and _skips_by_flag(optimizer):
            optimizer.found_inf = (~norm.isfinite()).float()  # type: ignore[attr-defined]
            self._checked.append(_Checked(step, network, losses, *_copied(norm), late=True))
            return
        bad = not math.isfinite(float(norm))
        searching = bad and scaler is not None and _is_search(scaler, losses)
        if network == NETWORK:
            self.skipped = bad and not searching
        if searching:
            return
        if bad:
            optimizer.zero_grad(set_to_none=True)  # an optimizer leaves what has no gradient as it is
            # The generator's part of a step runs the discriminator, too.
            for statistic, before in [pair for name in {network, DISCRIMINATOR} for pair in self._kept.get(name, [])]:
                statistic.copy_(before)
        self._checked.append(_Checked(step, network, losses, norm))

    def outcomes(self, wait: bool = False) -> list[Outcome]:
        """Returns what has become known since the last call.

        Args:
            wait: also of the last step, which the device may still compute.
        """
        latest = max((checked.step for checked in self._checked), default=0)
        known: list[_Checked] = []
        unknown: list[_Checked] = []
        for checked in self._checked:
            (unknown if checked.late and checked.step == latest and not wait else known).append(checked)
        self._checked = deque(unknown, self._checked.maxlen)
        return [checked.outcome() for checked in known]


def _skips_by_flag(optimizer: Optimizer) -> bool:
    """Tells whether an optimizer can skip by a flag on the GPU. Fused SGD cannot skip its first step: that would leave
    its momentum as random memory."""
    group = optimizer.param_groups[0]
    return isinstance(optimizer, Adam) and bool(group["fused"]) and group["params"][0].is_cuda


def _copied(norm: Tensor) -> tuple[Tensor, Any]:
    """Starts the copy of a number to the CPU; returns it, and the event to wait for."""
    if not norm.is_cuda:
        return norm, None
    copy = torch.empty((), dtype=norm.dtype, pin_memory=True)
    copy.copy_(norm, non_blocking=True)
    event = torch.cuda.Event()
    event.record()
    return copy, event


def _is_search(scaler: Any, losses: Sequence[Tensor]) -> bool:
    """Tells whether only the scaled gradient overflows: GradScaler skips such a step itself, and lowers its scale.

    Ranks have the same gradient and scale here, but losses of their own.
    """
    finite = all(math.isfinite(float(loss)) for loss in losses)
    return scaler.get_scale() > 1 and all(merge_over_ranks({rank_and_world()[0]: finite}).values())
