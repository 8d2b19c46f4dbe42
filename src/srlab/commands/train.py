"""Train a method; evaluate its best checkpoint; print the table.

    srlab train                                            # EDSR-baseline x2 on DIV2K, else on embedded data
    srlab train model=edsr scale=4 init_from=runs/edsr_x2_div2k
    srlab train model=srresnet scale=4 data=folder 'data.train=[photos]' trainer.max_steps=20000
    srlab train model=edsr_baseline trainer.devices=4 schedule=onecycle optimizer.learning_rate=1e-3
    srlab train resume=runs/demo                           # go on where that run stopped
    srlab train -m loss=l1,l2 seed=0,1,2                   # six runs, and a report on them

A run is a folder, runs/NAME: config.yaml, checkpoints/{best,last}.ckpt, metrics.csv, results.json, images/ and
comparison.png.
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
    run_program(_run, "train", words, usage or str(__doc__))


def _run(cfg: DictConfig, apart: bool) -> object:
    """Imports PyTorch only now: a mistake on the command line is answered at once."""
    from srlab.training.run import train_config  # noqa: PLC0415

    return train_config(cfg, apart)
