"""The server's side of the process that computes: starts it, gives it jobs, and kills it where a job must end."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import srlab
from srlab.errors import SrlabError
from srlab.web.limits import Limits
from srlab.web.messages import send

MODULE = "srlab.web.worker"
SURE_AFTER = 20  # seconds after which progress tells how long a job takes,
SURELY = 1.3  # and by which factor it must exceed the limit to be ended early
LOST = "The computation ended by itself, most likely for lack of memory. Try a smaller photo, or a smaller scale."


class WorkerProcess:
    """One process of `srlab.web.worker`, and another one after each that was killed.

    Args:
        limits: of the page.
        names: see `srlab.web.choices.Choices`.
        checkpoints: see `srlab.web.choices.Choices`.
    """

    def __init__(self, limits: Limits, names: list[str], checkpoints: list[str]) -> None:
        self.limits = limits
        self._options = {"names": names, "checkpoints": checkpoints}
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._lines: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._starting: asyncio.Task[list[dict[str, Any]]] | None = None

    async def start(self) -> list[dict[str, Any]]:
        """Starts the process and returns the choices that it offers, once it is ready for a job.

        Raises:
            SrlabError: what the process says against its options; or it does not start.
        """
        own, other = socket.socketpair()
        with other:
            words = [json.dumps(self.limits.plain()), json.dumps(self._options)]
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULE, str(other.fileno()), *words],
                pass_fds=[other.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": _with_this_srlab()},
                start_new_session=True,  # Ctrl-C is for the server, which ends this process
            )
        self._channel = own
        self._lines, self._writer = await asyncio.open_connection(sock=own)
        said = await self._next()
        if said is None or "error" in said:
            self._kill()
            raise SrlabError(said["error"] if said else "the process that computes did not start.")
        return list(said["choices"])

    async def run(
        self, job: dict[str, Any], files: list[BinaryIO], on_share: Callable[[float], None]
    ) -> dict[str, Any]:
        """Computes a job; where this is cancelled, or takes too long, the process is killed.

        Args:
            job: "network" and "scale".
            files: the upload, and where the two results are to be written: before and after.
            on_share: called with the share of the work that is done.

        Returns:
            What the process says of its result.

        Raises:
            SrlabError: the job cannot be done.
        """
        try:
            await self._started()
            assert self._channel is not None
            async with asyncio.timeout(self.limits.seconds):
                send(self._channel, job, [file.fileno() for file in files])
                begun = time.monotonic()
                while (said := await self._next()) is not None:
                    if "share" in said:
                        on_share(said["share"])
                        self._check_time(time.monotonic() - begun, said["share"])
                    elif "error" in said:
                        raise SrlabError(said["error"])
                    else:
                        return dict(said["done"])
        except TimeoutError:
            self._restart()
            raise SrlabError(
                f"This takes longer than the {self.limits.seconds / 60:g} minutes that the page allows. "
                f"Try a smaller part of the photo, a smaller scale, or another network."
            ) from None
        except (asyncio.CancelledError, OSError):
            self._restart()
            raise
        self._restart()
        raise SrlabError(LOST)

    def _check_time(self, passed: float, share: float) -> None:
        """Raises TimeoutError where a job will clearly take too long, so that nobody waits for nothing."""
        if passed > SURE_AFTER and passed / share > SURELY * self.limits.seconds:
            raise TimeoutError

    async def _started(self) -> None:
        """Waits for the process that was started anew."""
        if self._starting is not None:
            await asyncio.shield(self._starting)  # who leaves while he waits for it does not end it
            self._starting = None

    def _restart(self) -> None:
        """Kills the process and starts another one, which is ready by the time that the next job comes."""
        if self._starting is None:
            self._kill()
            self._starting = asyncio.create_task(self.start())

    async def _next(self) -> dict[str, Any] | None:
        """The next line of the process; None: it has ended."""
        assert self._lines is not None
        try:
            line = await self._lines.readline()
        except ConnectionError:
            return None
        return json.loads(line) if line.endswith(b"\n") else None

    def stop(self) -> None:
        """Ends the process for good."""
        if self._starting is not None:
            self._starting.cancel()
        self._kill()

    def _kill(self) -> None:
        process, self._process, self._channel = self._process, None, None
        if self._writer is not None:
            self._writer.close()
        if process is not None:
            process.kill()
            process.wait()  # a killed process takes milliseconds to end


def _with_this_srlab() -> str:
    """The search path on which the process finds the same srlab, wherever this one was found."""
    folder = str(Path(srlab.__file__).parents[1])
    return os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
