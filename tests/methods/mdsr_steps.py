"""Run by test_recipes.py, once for each rank: FOLDER PHOTOS. 20 steps of MDSR, each checked; then saves the weights."""

import copy
import sys
from pathlib import Path

import pytorch_lightning as pl
import torch

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.training.prepare import prepare
from srlab.training.process_group import this_process
from srlab.training.trainer import build_trainer

SCALES = (2, 3, 4)


def of_scale(method: pl.LightningModule, scale: int) -> list[torch.Tensor]:
    """The weights of one scale's modules and Adam's state of each."""
    state = method.optimizers(use_pl_optimizer=False).state
    parameters = [p for name, p in method.network.named_parameters() if f".x{scale}." in name]
    moments = [value for p in parameters for value in state.get(p, {}).values()]
    return [tensor.detach().clone() for tensor in (*parameters, *moments)]


class Watch(pl.Callback):
    """Fails the run where another scale than the drawn one moves, or the drawn one does not."""

    def __init__(self) -> None:
        self.drawn: set[int] = set()

    def on_train_batch_start(self, trainer, method, batch, batch_idx):
        self.before = {scale: of_scale(method, scale) for scale in SCALES}

    def on_train_batch_end(self, trainer, method, outputs, batch, batch_idx):
        self.drawn.add(batch.scale)
        for scale in SCALES:
            before, after = self.before[scale], of_scale(method, scale)
            same = len(before) == len(after) and all(map(torch.equal, before, after))
            assert same == (scale != batch.scale), f"step {trainer.global_step} of x{batch.scale}: x{scale}"


def main(folder: Path, photos: Path) -> None:
    process = this_process()
    words = [
        "model=mdsr_baseline", "model.network.features=6", "model.network.blocks=1", "optimizer.weight_decay=1e-2",
        "data=folder", f"data.train=[{photos}]", "data.patch_size=12", "data.batch_size=4", f"runs={folder}",
        "trainer.max_steps=20", "trainer.val_check_interval=20", "trainer.accelerator=cpu",
        f"trainer.devices={process.world}",
    ]  # fmt: skip
    run = prepare(parse(compose("train", words), TrainConfig))
    run.folder.mkdir(exist_ok=True)
    trainer = build_trainer(run, process)
    watch = Watch()
    trainer.callbacks.append(watch)
    trainer.fit(run.method, datamodule=run.data)
    assert trainer.global_step == 20 and watch.drawn == set(SCALES)
    torch.save(copy.deepcopy(run.method.network.state_dict()), folder / f"rank{process.rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
