"""Measure methods on benchmark sets; print a table and write results.json, .md, .csv and .tex.

    srlab evaluate model=bicubic scale=4                          # a method without weights
    srlab evaluate model=vdsr weights=vdsr.pt protocol=classic    # a network and its weights
    srlab evaluate ckpt=runs/demo                                 # a run's best checkpoint needs nothing else
    srlab evaluate ckpt=pretrained:edsr_baseline_x2               # one that comes with srlab
    srlab evaluate 'ckpt=[a.ckpt,b.ckpt]' 'sets=[set5,set14]' ensemble=true out=results save_images=true

Sets are read from data.root=DIR, or SRLAB_DATA in the environment.
"""

from collections.abc import Sequence

from omegaconf import DictConfig

from srlab.commands.hydra_program import run_program


def main(words: Sequence[str] | None = None, usage: str | None = None) -> None:
    """Runs the command.

    Args:
        words: of the command line; None for this process's own.
        usage: what --help begins with, if not this module's text.
    """
    run_program(_run, "evaluate", words, usage or str(__doc__))


def _run(cfg: DictConfig, apart: bool) -> object:
    """Imports PyTorch only now: a mistake on the command line is answered at once."""
    from srlab.commands.evaluation import evaluate_config  # noqa: PLC0415

    return evaluate_config(cfg)
