"""Run by test_srgan.py under torchrun: FOLDER OPTION... Trains SRGAN in one go and in two; ranks save both ends."""

import sys
from pathlib import Path

import torch

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.training.prepare import prepare
from srlab.training.process_group import this_process
from srlab.training.trainer import build_trainer


def trained(words: list[str]) -> dict[str, torch.Tensor]:
    process = this_process()
    run = prepare(parse(compose("train", words), TrainConfig))
    run.folder.mkdir(parents=True, exist_ok=True)
    trainer = build_trainer(run, process)
    trainer.fit(run.method, datamodule=run.data, ckpt_path=run.resumed, weights_only=True)
    return run.method.state_dict()


def main(folder: Path, words: list[str]) -> None:
    whole = trained([*words, "name=whole"])
    trained([*words, "name=parts", "trainer.stop_after=4"])
    parts = trained([*words, "name=parts", "resume=auto"])
    torch.save({"whole": whole, "parts": parts}, folder / f"rank{this_process().rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
