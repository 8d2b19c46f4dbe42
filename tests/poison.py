"""Poisons single steps of a training: their HR images become NaN."""

from collections.abc import Collection

import pytest

from srlab.data.batch import Batch
from srlab.methods.super_resolver import SuperResolver


def poison(monkeypatch: pytest.MonkeyPatch, steps: Collection[int]) -> None:
    """The first batch of each of these steps. The L1 loss is NaN then, and its gradient would be 0."""
    plain, last = SuperResolver._in_its_channels, [-1]

    def poisoned(method: SuperResolver, batch: Batch) -> Batch:
        batch = plain(method, batch)
        step, first = method.global_step, method.global_step != last[0]
        last[0] = step
        return batch._replace(hr=batch.hr * float("nan")) if first and step in steps else batch

    monkeypatch.setattr(SuperResolver, "_in_its_channels", poisoned)
