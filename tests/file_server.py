"""A web server on this machine that behaves well or badly, and archives for it to serve."""

import gzip
import io
import re
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from PIL import Image


@dataclass
class Behaviour:
    """What the server does. cuts: after how many bytes each of the next answers breaks off; None: none of them."""

    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    ranges: bool = True
    etag: str | None = '"1"'
    length: bool = True
    packs: bool = False  # sends gzip to those who take it
    statuses: list[int] = field(default_factory=list)
    cuts: list[int | None] = field(default_factory=list)
    stall: threading.Event | None = None  # breaks off in silence, until it is set


class Handler(BaseHTTPRequestHandler):
    behaviour: Behaviour

    def do_GET(self) -> None:
        does, name = self.behaviour, self.path.rpartition("/")[2]
        wanted = self.headers.get("Range")
        does.requests.append((name, wanted))
        status = does.statuses.pop(0) if does.statuses else 200 if name in does.files else 404
        content = does.files.get(name, b"") if status == 200 else b"an error"
        start = 0
        if wanted and does.ranges and self.headers.get("If-Range") in (None, does.etag):
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
            status = 206 if start < len(content) else 416
        self.send_response(status)
        if does.etag is not None:
            self.send_header("ETag", does.etag)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        body = content[start:] if status != 416 else b""
        if does.packs and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        if does.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = does.cuts.pop(0) if does.cuts else None
        self.wfile.write(body[:cut])
        self.wfile.flush()
        if cut is not None and does.stall is not None:
            does.stall.wait(30)
        self.close_connection = True

    def log_message(self, *args) -> None:
        pass


@contextmanager
def serving() -> Iterator[tuple[Behaviour, str]]:
    """A server's behaviour, and its URL."""
    behaviour = Behaviour()
    handler = type("BoundHandler", (Handler,), {"behaviour": behaviour})
    running = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield behaviour, f"http://127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


def png(seed: int, size: tuple[int, int] = (40, 60)) -> bytes:
    """Noise, which does not compress: a few such images make some hundred kB."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


HR = {f"Tiny_HR/{i:04d}.png": png(i, (120, 160)) for i in range(6)}  # 57 kB each
LR = {f"Tiny_LR_unknown/X2/{i:04d}x2.png": png(i, (60, 80)) for i in range(6)}


def zipped(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()
