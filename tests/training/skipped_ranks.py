"""Run by test_skipped_steps.py as two ranks: FOLDER OPTION... Rank 1 alone meets NaN; both save what became of them."""

import sys
from pathlib import Path

import pytest
import torch
from poison import poison

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.errors import SrlabError
from srlab.training.prepare import prepare
from srlab.training.process_group import this_process
from srlab.training.skipped_steps import SkippedSteps
from srlab.training.trainer import build_trainer


def main(folder: Path, words: list[str]) -> None:
    process = this_process()
    run = prepare(parse(compose("train", words), TrainConfig))
    run.folder.mkdir(parents=True, exist_ok=True)
    trainer = build_trainer(run, process)
    with pytest.MonkeyPatch.context() as patches:
        poison(patches, {2, 5, 6} if process.rank == 1 else {})
        with pytest.raises(SrlabError) as error:
            trainer.fit(run.method, datamodule=run.data)
    counts = next(found for found in trainer.callbacks if isinstance(found, SkippedSteps))
    facts = {"state": run.method.state_dict(), "step": trainer.global_step, "total": counts.total["network"]}
    torch.save({**facts, "error": str(error.value)}, folder / f"rank{process.rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
