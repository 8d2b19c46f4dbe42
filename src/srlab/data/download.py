"""Downloads over HTTP that continue after an interruption and are checked against their published hash."""

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

CHUNK = 1 << 15  # bytes that are lost with a connection, at most
TIMEOUT = (15, 60)  # seconds to connect, and without a byte
LOST = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
BUSY = (429, 500, 502, 503, 504)  # status codes after which it is worth to try again


class _Interrupted(Exception):
    """The connection ended early, or the server is busy."""


@dataclass(frozen=True)
class _Facts:
    """The file of which a part was downloaded.

    Attributes:
        url: of the file.
        validator: the server's ETag or Last-Modified; if it has changed, the file has.
        total: size in bytes, if known.
    """

    url: str
    validator: str | None
    total: int | None


class Download:
    """The download of one archive to FOLDER/NAME. Until it is complete and checked it is called FOLDER/NAME.part.

    Args:
        archive: what to download.
        folder: where to.
        mirror: URL of a folder, used instead of the official one.
        attempts: number of connections in a row that may fail without a byte received.
        wait: seconds before the second attempt; the time doubles before each further one.
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
        """Number of bytes downloaded so far."""
        return self.part.stat().st_size if self.part.is_file() else 0

    def discard(self) -> None:
        """Deletes everything that was downloaded."""
        for path in (self.file, self.part, self.facts_file):
            path.unlink(missing_ok=True)

    def run(self, progress: Progress) -> Path:
        """Downloads the rest of the file and checks it.

        Returns:
            The file.

        Raises:
            SrlabError: it cannot be downloaded, and the part stays for the next time; or it is not the published file,
                and is deleted.
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
        """Makes one request. Raises _Interrupted, or an error of requests, if the connection ends before the file."""
        facts = self._facts()
        total = facts.total if facts is not None and facts.total is not None else self.archive.bytes
        start = self.received
        if total is None or start > total:
            self._restart()
            start = 0
        if start and start == total:
            return
        headers = {"Accept-Encoding": "identity"}  # not compressed: ranges count the bytes of the file itself
        if start:
            headers["Range"] = f"bytes={start}-"
            if facts is not None and facts.url == self.url and facts.validator is not None:
                headers["If-Range"] = facts.validator
        with requests.get(self.url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            self._check_answer(response)
            if not _continues(response, start, total):
                self._restart()
                if response.status_code != 200:  # a part that does not fit: ask for the whole file
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
        if start == 0:  # the facts are written only while there is no part, so they always describe it
            validator = _validator(response)
            facts = {"url": self.url, "validator": validator, "total": total}
            self.facts_file.write_text(json.dumps(facts), encoding="utf-8", newline="")
        progress.update(task, total=total or self.archive.bytes, completed=start)
        with self.part.open("ab") as file:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                progress.advance(task, len(chunk))
            file.flush()
            os.fsync(file.fileno())
        if total is not None and self.received != total:  # urllib3 below 2 does not report a short answer
            raise _Interrupted(f"{self.received:,} of {total:,} bytes")

    def _restart(self) -> None:
        self.part.unlink(missing_ok=True)
        self.facts_file.unlink(missing_ok=True)

    def _facts(self) -> _Facts | None:
        try:
            given: dict[str, Any] = json.loads(self.facts_file.read_text(encoding="utf-8"))
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
    """Tells whether a response begins at byte `start` of a file of `total` bytes (known if start > 0)."""
    if start == 0 or total is None:
        return response.status_code == 200
    rest = f"bytes {start}-{total - 1}/"
    return response.status_code == 206 and response.headers.get("Content-Range") in (f"{rest}{total}", f"{rest}*")


def _validator(response: requests.Response) -> str | None:
    """Returns what If-Range accepts: a strong ETag, else Last-Modified."""
    etag = response.headers.get("ETag")
    if etag is not None and not etag.startswith("W/"):
        return etag
    return response.headers.get("Last-Modified")


def _reason(error: Exception) -> str:
    """Returns the first line of an error's message."""
    return str(error).partition("\n")[0][:200] or type(error).__name__
