"""`srlab web`: serves the page until Ctrl-C."""

import asyncio
import socket
import webbrowser

import uvicorn

from srlab.limited_http import BACKLOG, HEADER_BYTES, LimitedProtocol, allow_open_files, listen
from srlab.web.application import application
from srlab.web.limits import Limits
from srlab.web.origin import LOOPBACK
from srlab.web.worker_process import WorkerProcess

SPARE_SECONDS = 60.0  # beyond what uploads and jobs may take, for the network


def serve(
    host: str, port: int, open_page: bool, networks: list[str], checkpoints: list[str], hosts: list[str],
    framed_by: str | None, limits: Limits,
) -> None:  # fmt: skip
    """Serves the page until it is interrupted.

    Args:
        host: the address to listen on; 127.0.0.1 is this machine only.
        port: 0 for any free one.
        open_page: whether to open it in the browser of this machine.
        networks: see `srlab.web.choices.Choices`.
        checkpoints: see `srlab.web.choices.Choices`.
        hosts: names under which the page is reached; empty: its own where it serves this machine only, else any.
        framed_by: a site that may show the page in a frame.
        limits: of the page.

    Raises:
        SrlabError: the address is taken, or there is no such network.
    """
    listening = listen(host, port)
    name = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    address = f"http://{name}:{listening.getsockname()[1]}"
    allowed = tuple(hosts) or (LOOPBACK if host in LOOPBACK else ())

    allow_open_files()

    async def run() -> None:
        worker = WorkerProcess(limits, networks, checkpoints)
        try:
            app = application(limits, worker, await worker.start(), allowed, framed_by)
            config = uvicorn.Config(
                app, log_level="error", access_log=False, server_header=False, lifespan="off",
                timeout_graceful_shutdown=1, http=_protocol(limits), h11_max_incomplete_event_size=HEADER_BYTES,
                backlog=BACKLOG,
            )  # fmt: skip
            await _Server(config, address, open_page).serve(sockets=[listening])
        finally:
            worker.stop()

    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        pass
    finally:
        listening.close()


def _protocol(limits: Limits) -> type[LimitedProtocol]:
    """Connections that last as long as an upload, and an answer as long as the whole line before it computes."""

    class Protocol(LimitedProtocol):
        request_seconds = limits.upload_seconds + SPARE_SECONDS
        answer_seconds = limits.seconds * limits.line + SPARE_SECONDS

    return Protocol


class _Server(uvicorn.Server):
    """Says where the page is once it is there."""

    def __init__(self, config: uvicorn.Config, address: str, open_page: bool) -> None:
        super().__init__(config)
        self.address, self.open_page = address, open_page

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(f"serving at {self.address}; Ctrl-C ends it", flush=True)
        if self.open_page:
            webbrowser.open(self.address)
