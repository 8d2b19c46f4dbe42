"""Run by test_conformance.py as two processes: RANK FILE. One DDP step of every method; exits with 0 if all is well."""

import sys

import torch
import torch.distributed as dist
from helpers import MODELS, build, gradients, learns_by_steps, random_batch, scales_of
from torch.nn.parallel import DistributedDataParallel

from srlab.data.batch import Batch


def main(rank: int, meeting: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    for model in MODELS:
        if not scales_of(model):
            continue  # test_new_model.py says why
        scale = scales_of(model)[0]
        method = build(model, scale=scale)
        if not learns_by_steps(method):
            continue
        method.eval()  # BatchNorm by its statistics: each process sees other samples
        batch = random_batch(method, scale)
        method.objective(batch)[0].backward()
        alone = gradients(method)
        method.zero_grad()
        wrapped = DistributedDataParallel(Forward(method, scale), find_unused_parameters=method.find_unused_parameters)
        condition = None if batch.condition is None else batch.condition[rank : rank + 1]
        wrapped(batch.lr[rank : rank + 1], batch.hr[rank : rank + 1], condition).backward()
        together = gradients(method)
        assert together.keys() == alone.keys()
        for name, expected in alone.items():
            close = {"rtol": 1e-3, "atol": 1e-5 * float(expected.abs().max()) + 1e-9}
            torch.testing.assert_close(together[name], expected, **close)
    dist.barrier()
    dist.destroy_process_group()


class Forward(torch.nn.Module):
    """DDP works on forward; Lightning redirects training_step in the same way."""

    def __init__(self, method, scale):
        super().__init__()
        self.method, self.scale = method, scale

    def forward(self, lr, hr, condition):
        return self.method.objective(Batch(lr, hr, self.scale, condition))[0]


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
