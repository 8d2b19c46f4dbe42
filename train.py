"""Train a method; evaluate its best checkpoint; print the table.

    python train.py                                        # EDSR-baseline x2 on DIV2K, or on embedded data without it
    python train.py model=edsr scale=4 init_from=runs/edsr_x2_div2k/checkpoints/best.ckpt
    python train.py model=srresnet scale=4 data=folder 'data.train=[photos]' trainer.max_steps=20000
    python train.py model=edsr_baseline trainer.devices=4 schedule=onecycle optimizer.learning_rate=1e-3
    python train.py resume=auto                            # go on where the run stopped

A run is a folder, runs/NAME: config.yaml, checkpoints/{best,last}.ckpt, metrics.csv, results.json, images/ and
comparison.png. conf/train.yaml has every option.
"""

from srlab.commands.train import main

if __name__ == "__main__":
    main()
