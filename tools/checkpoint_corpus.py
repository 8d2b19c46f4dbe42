"""Writes small stopped trainings of this version of srlab, which every later version must read and go on with.

    python tools/checkpoint_corpus.py tests/corpus/0.2.0          # before a release
    python tools/checkpoint_corpus.py tests/corpus/0.2.0 mdsr     # one kind

For each kind of method there are last.ckpt and config.yaml of a run that stopped after 3 of 6 steps, and end.json: what
the weights were after all 6, as the norm of each tensor. tests/training/test_corpus.py goes on with them.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf

from srlab.atomic_write import write_text
from srlab.run_files import RunFiles

ROOT = Path(__file__).parents[1]
SMALL = ["model.network.features=4", "model.network.blocks=1"]
KINDS = {
    "edsr": ["model=edsr_baseline", *SMALL, "model.ema=0.9"],
    "mdsr": ["model=mdsr_baseline", *SMALL],
    "srresnet": ["model=srresnet", "scale=2", *SMALL],
    "srgan": ["model=srgan", "loss=srgan_mse", "scale=2", "init_from=scratch", *SMALL,
              "model.discriminator.features=4", "model.discriminator.dense=8"],
    "vdsr": ["model=vdsr", "model.network.features=4", "model.network.depth=3"],
    "wdsr": ["model=wdsr_b", *SMALL],
}  # fmt: skip
TRAINING = ["data=sample", "sets=[sample]", "data.sample_images=4", "data.sample_size=64", "data.patch_size=8",
            "data.batch_size=4", "data.valid_images=1", "seed=1", "trainer.max_steps=6", "trainer.val_check_interval=3",
            "trainer.accelerator=cpu", "trainer.progress_bar=false"]  # fmt: skip
RUNS = "runs"  # what config.yaml says of the folder that the run was in


def main() -> None:
    out, *kinds = sys.argv[1:] or [""]
    if not out or not set(kinds) <= set(KINDS):
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds or KINDS:
            stopped, whole = (RunFiles(Path(folder) / name / kind) for name in ("stopped", "whole"))
            _train(kind, stopped, "trainer.stop_after=3")
            _train(kind, whole)
            keep(stopped, whole, Path(out) / kind)
            print(f"{kind}: written", flush=True)


def _train(kind: str, files: RunFiles, *more: str) -> None:
    place = [f"name={kind}", f"runs={files.folder.parent}"]
    words = [sys.executable, str(ROOT / "train.py"), *KINDS[kind], *TRAINING, *place, *more]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def keep(stopped: RunFiles, whole: RunFiles, out: Path) -> None:
    """Writes what the corpus keeps of a run that stopped and of the same run that did not.

    Args:
        stopped: the run that stopped.
        whole: the run that went to its end.
        out: the folder to write.
    """
    out.mkdir(parents=True)
    content = torch.load(stopped.last, weights_only=True)
    torch.save(_elsewhere(content, f"{stopped.folder.parent}/", f"{RUNS}/"), out / "last.ckpt")
    cfg = OmegaConf.load(stopped.config)
    cfg.runs = RUNS
    OmegaConf.save(cfg, out / "config.yaml")
    write_text(out / "end.json", json.dumps(norms(whole.last), indent=1) + "\n")


def _elsewhere(content: Any, place: str, other: str) -> Any:
    """Puts another place into the paths that a checkpoint of Lightning holds."""
    if isinstance(content, str):
        return content.replace(place, other)
    if isinstance(content, dict):
        return type(content)(
            (_elsewhere(key, place, other), _elsewhere(value, place, other)) for key, value in content.items()
        )
    return content


def norms(checkpoint: Path) -> dict[str, float]:
    """Returns the Euclidean norm of every tensor of a checkpoint's weights, by key."""
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    return {key: float(torch.linalg.vector_norm(value.double())) for key, value in state.items()}


if __name__ == "__main__":
    main()
