"""Measure methods on benchmark sets; print a table and write results.json, results.md and results.csv.

    python evaluate.py model=bicubic scale=4                          # a method without weights
    python evaluate.py model=vdsr weights=vdsr.pt protocol=classic    # a network and its weights
    python evaluate.py ckpt=runs/demo/checkpoints/best.ckpt           # a checkpoint needs nothing else
    python evaluate.py 'ckpt=[a.ckpt,b.ckpt]' 'sets=[set5,set14]' ensemble=true out=results save_images=true

Sets are read from data.root=DIR, or SRLAB_DATA in the environment. conf/evaluate.yaml has every option.
"""

from omegaconf import DictConfig

from srlab.program import main


def run(cfg: DictConfig, apart: bool) -> object:
    """Imports PyTorch only now: a mistake on the command line is answered at once."""
    from srlab.evaluation.run import evaluate_config  # noqa: PLC0415

    return evaluate_config(cfg)


if __name__ == "__main__":
    main(run, "evaluate")
