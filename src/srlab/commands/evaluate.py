"""`srlab evaluate`, which is evaluate.py."""

from collections.abc import Sequence

from omegaconf import DictConfig

from srlab.commands.hydra_program import run_program


def main(words: Sequence[str] | None = None, usage: str | None = None) -> None:
    run_program(_run, "evaluate", words, usage or str(__doc__))


def _run(cfg: DictConfig, apart: bool) -> object:
    """Imports PyTorch only now: a mistake on the command line is answered at once."""
    from srlab.commands.evaluation import evaluate_config  # noqa: PLC0415

    return evaluate_config(cfg)
