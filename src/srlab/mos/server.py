"""`srlab mos serve`: one process that serves a study until Ctrl-C, and says how far its raters are."""

import socket
from pathlib import Path

import uvicorn

from srlab.limited_http import BACKLOG, HEADER_BYTES, LimitedProtocol, allow_open_files, listen
from srlab.mos.limited_log import LimitedLog, say
from srlab.mos.ratings import Ratings
from srlab.mos.study import open_study
from srlab.mos.web_application import application


def serve(folder: Path, host: str, port: int, url: str | None) -> None:
    """Serves a study until it is interrupted.

    Prints a link for each rater and, as ratings come in, how far the raters are.

    Args:
        folder: of the study.
        host: the address to listen on; 127.0.0.1 is this machine only.
        port: 0 for any free one.
        url: how raters reach the server, where that is not http://HOST:PORT.

    Raises:
        SrlabError: the study was changed after its export, or the address is taken.
    """
    study = open_study(folder)
    ratings = Ratings(study)
    listening = listen(host, port)
    name = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    base = (url or f"http://{name}:{listening.getsockname()[1]}").rstrip("/")
    lines = []
    try:
        for rater in study.raters:
            rated = len(ratings.of(rater.number))
            lines.append(f"rater {rater.number:3}  {rated:4} of {len(rater.trials)} rated  {base}/r/{rater.token}")
        lines.append(f"serving {folder} at {base}; Ctrl-C ends it, and everything that was rated stays")
        log = LimitedLog()
        app = application(study, ratings, log.line)
        allow_open_files()
        log.listen_to("uvicorn.error", "asyncio")
        config = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, lifespan="off", ws="none",
            http=LimitedProtocol, h11_max_incomplete_event_size=HEADER_BYTES, backlog=BACKLOG,
        )  # fmt: skip
        _Server(config, "\n".join(lines)).run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        ratings.close()


class _Server(uvicorn.Server):
    """Prints its greeting once it listens to signals: uvicorn could lose a Ctrl-C that comes earlier."""

    def __init__(self, config: uvicorn.Config, greeting: str) -> None:
        super().__init__(config)
        self.greeting = greeting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        say(self.greeting)
