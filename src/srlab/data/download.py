"""Files over HTTP: resumed where they stopped, checked against their published hash, whole or not at all."""

import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from rich.progress import Progress, TaskID

from srlab.data.catalog import Archive
from srlab.errors import SrlabError

CHUNK = 1 << 15  # bytes; what a lost connection may cost
TIMEOUT = (15, 60)  # seconds to connect, and of silence
LOST = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
BUSY = (429, 500, 502, 503, 504)  # answers that may change in a while


class _Interrupted(Exception):
    """The connection ended early, or the server is busy."""


@dataclass(frozen=True)
class _Facts:
    """What the beginning of a file that is not whole yet belongs to.

    validator: the server's ETag, or its date of change: the same value, the same file. total: bytes, where known.
    """

    url: str
    validator: str | None
    total: int | None


class Download:
    """One archive on its way into a folder: FOLDER/NAME, and FOLDER/NAME.part until it is whole and checked.

    mirror: a URL in place of the official one's folder. attempts: how often in a row a connection may be lost without
    a byte received; wait: seconds before the second, and twice as long before each further one.
    """

    def __init__(
        self, archive: Archive, folder: Path, mirror: str | None = None, attempts: int = 5, wait: float = 1.0
    ) -> None:
        self.archive, self.attempts, self.wait = archive, attempts, wait
        self.url = archive.url if mirror is None else f"{mirror.rstrip('/')}/{archive.name}"
        self.file = folder / archive.name
        self.part = folder / f"{archive.name}.part"
        self.facts_file = folder / f"{archive.name}.part.json"

    @property
    def received(self) -> int:
        """Bytes that are here already."""
        return self.part.stat().st_size if self.part.is_file() else 0

    def discard(self) -> None:
        """Forgets everything that was received."""
        for path in (self.file, self.part, self.facts_file):
            path.unlink(missing_ok=True)

    def run(self, progress: Progress) -> Path:
        """The checked file, received as far as it is not here yet. Raises SrlabError, with what to do, if it fails.

        What was received stays for the next time, unless it turns out to be wrong.
        """
        if self.file.is_file():
            self._check(self.file, progress)
            return self.file
        self.part.parent.mkdir(parents=True, exist_ok=True)
        task = progress.add_task(self.archive.name, total=self.archive.bytes, completed=self.received)
        self._receive_all(progress, task)
        try:
            self._check(self.part, progress)
        except SrlabError:
            self.discard()
            raise
        self.part.replace(self.file)
        self.facts_file.unlink(missing_ok=True)
        return self.file

    def _receive_all(self, progress: Progress, task: TaskID) -> None:
        failures = 0
        while True:
            before = self.received
            try:
                self._receive(progress, task)
                return
            except (_Interrupted, *LOST) as error:
                failures = failures + 1 if self.received <= before else 1
                if failures >= self.attempts:
                    raise SrlabError(
                        f"{self.url}: no connection, or lost again, {failures} times in a row ({_reason(error)}). "
                        f"{self.received:,} bytes are here; run the same command again to go on from there."
                    ) from None
                time.sleep(self.wait * 2 ** (failures - 1))
            except requests.RequestException as error:
                raise SrlabError(f"{self.url}: {_reason(error)}") from None

    def _receive(self, progress: Progress, task: TaskID) -> None:
        """One request. Raises _Interrupted, or what requests raises, where the connection ends before the file."""
        facts = self._facts()
        total = facts.total if facts is not None and facts.total is not None else self.archive.bytes
        start = self.received
        if total is None or start > total:
            self._restart()
            start = 0
        if start and start == total:
            return
        headers = {"Accept-Encoding": "identity"}  # the bytes of the file itself, never a packed form of them
        if start:
            headers["Range"] = f"bytes={start}-"
            if facts is not None and facts.url == self.url and facts.validator is not None:
                headers["If-Range"] = facts.validator
        with requests.get(self.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            self._check_answer(response)
            if not _continues(response, start, total):
                self._restart()
                if response.status_code != 200:  # a part that is of no use: ask again for the whole
                    raise _Interrupted("the server's file is not the one that was begun")
                start = 0
            self._write(response, start, progress, task)

    def _write(self, response: requests.Response, start: int, progress: Progress, task: TaskID) -> None:
        length = response.headers.get("Content-Length")
        total = start + int(length) if length is not None else None
        if self.archive.bytes is not None and total is not None and total != self.archive.bytes:
            raise SrlabError(
                f"{self.url}: the server's file has {total:,} bytes, but the published one has {self.archive.bytes:,}: "
                f"it is another file. Try mirror=URL."
            )
        if start == 0:  # nothing is here: old bytes never stand under new facts
            validator = _validator(response)
            self.facts_file.write_text(json.dumps({"url": self.url, "validator": validator, "total": total}))
        progress.update(task, total=total or self.archive.bytes, completed=start)
        with self.part.open("ab") as file:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                progress.advance(task, len(chunk))
            file.flush()
            os.fsync(file.fileno())
        if total is not None and self.received != total:  # urllib3 before 2 takes a short answer for a whole one
            raise _Interrupted(f"{self.received:,} of {total:,} bytes")

    def _restart(self) -> None:
        self.part.unlink(missing_ok=True)
        self.facts_file.unlink(missing_ok=True)

    def _facts(self) -> _Facts | None:
        try:
            given: dict[str, Any] = json.loads(self.facts_file.read_text())
            return _Facts(given["url"], given["validator"], given["total"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _check_answer(self, response: requests.Response) -> None:
        if response.status_code in BUSY:
            raise _Interrupted(f"the server answers {response.status_code} {response.reason}")
        if response.status_code not in (200, 206, 416):
            raise SrlabError(
                f"{self.url}: the server answers {response.status_code} {response.reason}. Try mirror=URL, or get "
                f"the file another way and put it at {self.file}, where the same command finds it."
            )

    def _check(self, path: Path, progress: Progress) -> None:
        """Raises SrlabError unless the file has the published hash."""
        algorithm = "sha256" if self.archive.sha256 is not None else "md5"
        expected = self.archive.sha256 if self.archive.sha256 is not None else self.archive.md5
        task = progress.add_task(f"checking {self.archive.name}", total=None)
        with path.open("rb") as file:
            found = hashlib.file_digest(file, algorithm).hexdigest()
        progress.remove_task(task)
        if found == expected:
            return
        remedy = "It was removed; fetch it again, or try mirror=URL."
        if path == self.file:
            remedy = "Remove it, or fetch it anew with force=true."
        raise SrlabError(f"{path}: its {algorithm} is {found}, but the published file has {expected}. {remedy}")


def _continues(response: requests.Response, start: int, total: int | None) -> bool:
    """Whether the answer goes on at byte `start` of a file of `total` bytes, which is known where start > 0."""
    if start == 0 or total is None:
        return response.status_code == 200
    rest = f"bytes {start}-{total - 1}/"
    return response.status_code == 206 and response.headers.get("Content-Range") in (f"{rest}{total}", f"{rest}*")


def _validator(response: requests.Response) -> str | None:
    """What If-Range takes: a strong ETag, else the date of change."""
    etag = response.headers.get("ETag")
    if etag is not None and not etag.startswith("W/"):
        return etag
    return response.headers.get("Last-Modified")


def _reason(error: Exception) -> str:
    """One line of an error that may quote others."""
    return str(error).partition("\n")[0][:200] or type(error).__name__
