"""train.py as a user starts it, with a network and images that are trained in seconds."""

import json
import os
import subprocess
import sys
from pathlib import Path

from helpers import ROOT

TINY = ["model=edsr_baseline", "data=sample", "model.network.features=4", "model.network.blocks=1", "sets=[sample]",
        "data.sample_images=4", "data.sample_size=64", "data.patch_size=8", "data.batch_size=4",
        "trainer.max_steps=4", "trainer.val_check_interval=2", "trainer.accelerator=cpu"]  # fmt: skip


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", **more}


def train(folder: Path, *words: str, program: tuple[str, ...] = (), **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *program, str(ROOT / "train.py"), *words]
    return subprocess.run(command, cwd=folder, env=environment(**more), capture_output=True, text=True, timeout=300)


def jobs_in(sweep: Path) -> list[str]:
    return sorted(path.parent.name for path in sweep.glob("*/config.yaml"))


def psnr(run: Path) -> float:
    rows = json.loads((run / "results.json").read_text())["rows"]
    return next(row["psnr"] for row in rows if row["method"] == "edsr_baseline")
