"""Processes of `srlab web`, and what tests send them."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import requests
import torch
from PIL import Image
from programs import environment

from srlab.data.synthetic import synthetic_image
from srlab.networks import NETWORKS
from srlab.weights.checkpoint import write_checkpoint

SECONDS = 120  # for anything that a server is asked


@dataclass
class WebServer:
    """A process of `srlab web`.

    Attributes:
        process: of the server.
        address: of the page, with a slash at its end.
        temporary: the folder that it has for temporary files.
    """

    process: "subprocess.Popen[str]"
    address: str
    temporary: Path

    @property
    def port(self) -> int:
        return int(self.address.rstrip("/").rpartition(":")[2])

    def worker(self) -> int:
        """The process that computes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[-1])

    def post(self, body: bytes, network: str = "own 1", scale: int = 2, **more: Any) -> requests.Response:
        return requests.post(
            f"{self.address}jobs", params={"network": network, "scale": scale}, data=body, timeout=SECONDS, **more
        )

    def steps(self, body: bytes, network: str = "own 1", scale: int = 2) -> list[dict[str, Any]]:
        answer = self.post(body, network, scale)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    def last(self, body: bytes, network: str = "own 1", scale: int = 2) -> dict[str, Any]:
        return self.steps(body, network, scale)[-1]

    def result(self, path: str) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(requests.get(self.address + path, timeout=SECONDS).content)))

    @contextmanager
    def long_job(self) -> Iterator[Iterator[dict[str, Any]]]:
        """A job that computes until the connection is closed; yields its steps."""
        answer = self.post(png(synthetic_image(0, 200)), "vdsr", 4, stream=True)
        assert answer.status_code == 200, answer.text
        lines = (json.loads(line) for line in answer.iter_lines(1))
        try:
            yield lines
        finally:
            answer.close()


@contextmanager
def web_server(folder: Path, *words: str) -> Iterator[WebServer]:
    """Starts `srlab web` at a free port, with a tiny network of its own as "own 1"."""
    temporary = folder / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "srlab", "web", "port=0", f"ckpt=[{tiny_network(folder)}]", *words],
        env=environment(TMPDIR=str(temporary)), stdout=subprocess.PIPE, text=True, cwd=folder,
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.match(r"serving at (http://127\.0\.0\.1:\d+);", line)
    if found is None:
        process.kill()
        raise RuntimeError(f"the server did not start: {line}")
    try:
        yield WebServer(process, f"{found[1]}/", temporary)
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGINT)
        process.wait(30)
        process.stdout.close()


def tiny_network(folder: Path) -> Path:
    """A checkpoint of an EDSR x2 that computes something in no time."""
    return network_file(folder, "edsr", {"scale": 2, "features": 4, "blocks": 1})


def network_file(folder: Path, kind: str, arguments: dict[str, Any]) -> Path:
    """A checkpoint of a network with random weights."""
    path = folder / "tiny.ckpt"
    torch.manual_seed(0)
    state = {f"network.{key}": value for key, value in NETWORKS[kind](**arguments).state_dict().items()}
    write_checkpoint(path, kind, {"network": arguments, "recipe": None}, state)
    return path


def png(image: np.ndarray, **more: Any) -> bytes:
    return encoded(image, "PNG", **more)


def encoded(image: np.ndarray, kind: str, **more: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, **more)
    return file.getvalue()
