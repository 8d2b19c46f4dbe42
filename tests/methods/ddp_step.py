"""Run by test_conformance.py as two processes: RANK FILE. One DDP step of every method; exits with 0 if all is well."""

import importlib.util
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

spec = importlib.util.spec_from_file_location("conformance", Path(__file__).with_name("test_conformance.py"))
conformance = importlib.util.module_from_spec(spec)
spec.loader.exec_module(conformance)


def main(rank: int, meeting: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    for model in conformance.MODELS:
        method = conformance.build(model)
        if not conformance.has_weights(method):
            continue
        method.eval()  # BatchNorm by its statistics: each process sees other samples
        batch = conformance.random_batch(method, 2)
        method.training_step(batch, 0).backward()
        alone = [p.grad.clone() for p in method.network.parameters()]
        method.zero_grad()
        wrapped = DistributedDataParallel(Forward(method))
        wrapped(batch.lr[rank : rank + 1], batch.hr[rank : rank + 1]).backward()
        for expected, p in zip(alone, method.network.parameters(), strict=True):
            torch.testing.assert_close(p.grad, expected, rtol=1e-3, atol=1e-5 * float(expected.abs().max()) + 1e-9)
    dist.barrier()
    dist.destroy_process_group()


class Forward(torch.nn.Module):
    """DDP works on forward; Lightning redirects training_step in the same way."""

    def __init__(self, method):
        super().__init__()
        self.method = method

    def forward(self, lr, hr):
        return self.method.training_step(conformance.Batch(lr, hr, 2), 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
