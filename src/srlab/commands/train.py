"""`srlab train`, which is train.py."""

from collections.abc import Sequence

from omegaconf import DictConfig

from srlab.commands.hydra_program import run_program


def main(words: Sequence[str] | None = None, usage: str | None = None) -> None:
    run_program(_run, "train", words, usage or str(__doc__))


def _run(cfg: DictConfig, apart: bool) -> object:
    """Imports PyTorch only now: a mistake on the command line is answered at once."""
    from srlab.training.run import train_config  # noqa: PLC0415

    return train_config(cfg, apart)
