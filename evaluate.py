"""Measure methods on benchmark sets; print a table and write results.json, .md, .csv and .tex.

    python evaluate.py model=bicubic scale=4                          # a method without weights
    python evaluate.py model=vdsr weights=vdsr.pt protocol=classic    # a network and its weights
    python evaluate.py ckpt=runs/demo                                 # a run's best checkpoint needs nothing else
    python evaluate.py ckpt=pretrained:edsr_baseline_x2               # one that comes with srlab
    python evaluate.py 'ckpt=[a.ckpt,b.ckpt]' 'sets=[set5,set14]' ensemble=true out=results save_images=true

Sets are read from data.root=DIR, or SRLAB_DATA in the environment. conf/evaluate.yaml and docs/options.md have every
option.
"""

# Hydra's tab completion looks for the word @hydra.main in the file: eval "$(python evaluate.py -sc install=bash)"

from srlab.commands.evaluate import main

if __name__ == "__main__":
    main(usage=__doc__)
