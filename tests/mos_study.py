"""A small study: five images of 48 x 40 by five methods, its server, raters over HTTP and a browser."""

import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import requests
from helpers import ROOT

from srlab.data.pairs import ImageSet, Picture
from srlab.data.synthetic import synthetic_image
from srlab.evaluation.benchmark import Row, Settings, evaluate
from srlab.methods import find_method
from srlab.metrics.protocol import protocol
from srlab.mos.export import add_anchors, export
from srlab.mos.study import Study
from srlab.schema import MosConfig

METHODS = ("nearest", "bicubic", "bilinear", "lanczos", "HR")
SECRETS = (*METHODS, "interpolation", "study.json", "sha256", "srlab")  # what a rater must never see
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(
    CHROMIUM is None or shutil.which("chromedriver") is None,
    reason="no Chromium with its driver here (Debian: apt install chromium chromium-driver)",
)


def image_set(count: int = 5, name: str = "five") -> ImageSet:
    pictures = (Picture(f"photo{i}", partial(lambda i: synthetic_image(i, 48)[:40], i)) for i in range(count))
    return ImageSet(name, tuple(pictures))


def measured(folder: Path, sets: list[ImageSet], scales: list[int]) -> tuple[list[Row], Settings]:
    settings = Settings(protocol("luma"), save_images=folder / "images")
    methods = [(name, find_method("interpolation")({"kernel": name})) for name in ("bilinear", "lanczos")]
    rows = list(evaluate(methods, sets, scales, settings))
    return add_anchors(rows, sets, scales, settings), settings


def make_study(folder: Path, name: str = "study", images: int = 5, **options: int) -> Study:
    sets = [image_set(images)]
    rows, settings = measured(folder, sets, [4])
    mos = MosConfig(**{"out": str(folder / name), "raters": 3, "repeats": 4, "seed": 0, **options})
    return export(rows, sets, settings, mos, {})


@dataclass
class Server:
    """A process of `python -m srlab.mos serve`."""

    study: Study
    port: int = 0
    process: subprocess.Popen[str] | None = None
    printed: str = ""

    def start(self) -> None:
        command = [sys.executable, "-m", "srlab.mos", "serve", str(self.study.folder), "--port", str(self.port)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("serving"):
                break
        self.printed = "".join(lines)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.printed)
        assert found, self.printed
        self.port = int(found[1])

    def kill(self) -> None:
        """kill -9"""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def link(self, rater: int) -> str:
        return f"{self.url}/r/{self.study.raters[rater - 1].token}"


@contextmanager
def running(study: Study) -> Iterator[Server]:
    server = Server(study)
    server.start()
    try:
        yield server
    finally:
        server.kill()
