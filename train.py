"""Train a method; evaluate its best checkpoint; print the table.

    python train.py                                            # EDSR-baseline x2 on DIV2K, else on embedded data
    python train.py model=edsr scale=4 init_from=runs/edsr_x2_div2k
    python train.py model=srresnet scale=4 data=folder 'data.train=[photos]' trainer.max_steps=20000
    python train.py model=edsr_baseline trainer.devices=4 schedule=onecycle optimizer.learning_rate=1e-3
    python train.py resume=runs/demo                           # go on where that run stopped
    python train.py -m loss=l1,l2 seed=0,1,2                   # six runs, and a report on them

A run is a folder, runs/NAME: config.yaml, checkpoints/{best,last}.ckpt, metrics.csv, results.json, images/ and
comparison.png. conf/train.yaml and docs/options.md have every option.
"""

# Hydra's tab completion looks for the word @hydra.main in the file: eval "$(python train.py -sc install=bash)"

from srlab.commands.train import main

if __name__ == "__main__":
    main(usage=__doc__)
