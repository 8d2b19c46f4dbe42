"""A run goes on where its training images lie elsewhere now, and is refused where they are others."""

import shutil

import numpy as np
import pytest
import torch
from helpers import write_image

from srlab.config.compose import compose
from srlab.errors import SrlabError
from srlab.imaging.crop import crop_to_multiple
from srlab.imaging.files import read_image
from srlab.training.run import train_config


def run(tmp_path, photos, *more):
    words = ["model.network.features=6", "model.network.blocks=1", "data=folder", f"data.train=[{photos}]", "name=a"]
    words += ["data.patch_size=16", "data.batch_size=2", "data.valid_images=1", "trainer.max_steps=4", "sets=sample"]
    words += [f"runs={tmp_path / 'runs'}", f"data.cache={tmp_path / 'cache'}", "trainer.accelerator=cpu", *more]
    return train_config(compose("train", words))


def test_moved_and_touched_images_resume_and_changed_ones_do_not(tmp_path, photos_folder):
    run(tmp_path, photos_folder, "trainer.stop_after=2")
    moved = photos_folder.rename(tmp_path / "elsewhere")
    for path in moved.iterdir():
        path.touch()
    run(tmp_path, moved, "resume=auto", "trainer.stop_after=3")
    last = tmp_path / "runs" / "a" / "checkpoints" / "last.ckpt"
    assert torch.load(last, weights_only=True)["global_step"] == 3
    write_image(moved / "07.png", np.zeros((96, 96, 3), np.uint8))
    with pytest.raises(SrlabError, match=r"by another run: images was 11 images, .* and is 11 images"):
        run(tmp_path, moved, "resume=auto")


def test_other_lr_files_do_not_resume(tmp_path, photos_folder):
    """HR images are the same ones; a training pair is not."""
    lr = photos_folder / "LR_bicubic" / "X2"
    for path in sorted(photos_folder.glob("*.png")):
        write_image(lr / f"{path.stem}x2.png", crop_to_multiple(read_image(path), 2)[::2, ::2])
    run(tmp_path, photos_folder, "trainer.stop_after=2")
    moved = photos_folder.rename(tmp_path / "elsewhere")
    run(tmp_path, moved, "resume=auto", "trainer.stop_after=3")
    write_image(moved / "LR_bicubic" / "X2" / "07x2.png", np.zeros((48, 48, 3), np.uint8))
    with pytest.raises(SrlabError, match=r"by another run: lr_images was \[\[2, '\w+'\]\] and is \[\[2, '\w+'\]\]"):
        run(tmp_path, moved, "resume=auto")
    shutil.rmtree(moved / "LR_bicubic")
    with pytest.raises(SrlabError, match=r"lr_images was \[\[2, '\w+'\]\] and is \[\]"):
        run(tmp_path, moved, "resume=auto")
