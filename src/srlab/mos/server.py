"""The study as a web page, one process: GET /r/TOKEN is a rater's link, POST /r/TOKEN/ratings stores a rating.

The server decides what a rater sees next, so a reload, another device or a server that was killed in between goes on
where the rater was. It serves the page, its assets, and images under the ids of the rater's own trials; study.json,
names of methods and other raters' links never leave it.
"""

import json
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from srlab.errors import SrlabError
from srlab.mos.ratings import AlreadyRated, Rating, Ratings
from srlab.mos.study import WORDS, Rater, Study, open_study

ASSETS = {"page.css": "text/css", "page.js": "text/javascript", "server.js": "text/javascript"}
LARGEST_BODY = 1024  # bytes; a rating takes 40
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",  # a rater's link is a secret
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def asset(name: str) -> str:
    return (files("srlab.mos") / "assets" / name).read_text(encoding="utf-8")


def page(assets: str, scripts: list[str]) -> str:
    """The HTML of the page. assets: the folder of page.css and the scripts, relative to the page."""
    tags = "\n".join(f'<script src="{assets}/{script}" defer></script>' for script in scripts)
    return Template(asset("page.html")).substitute(assets=assets, scripts=tags)


def session(study: Study, rater: Rater, ratings: Ratings) -> dict[str, Any]:
    """What the page has to know: how far the rater is, the trial to rate, and the one after it, to be loaded ahead.

    Whether a trial is a repeat is not said. "expected" is what to give to a calibration image; else null.
    """
    rated = ratings.of(rater.number)
    left = [trial for trial in rater.trials if trial.id not in rated]
    shown = [{"id": trial.id, "expected": study.items[trial.item].expected} for trial in left[:2]]
    return {
        "rated": len(rater.trials) - len(left),
        "total": len(rater.trials),
        "calibration": sum(trial.kind == "calibration" for trial in rater.trials),
        "trial": shown[0] if shown else None,
        "next": shown[1] if len(shown) > 1 else None,
    }


class Pages:
    """The answers to every address."""

    def __init__(self, study: Study, ratings: Ratings) -> None:
        self.study, self.ratings = study, ratings
        self.html = page("../assets", ["server.js", "page.js"])
        self.assets = {name: asset(name) for name in ASSETS}

    def routes(self) -> list[Route]:
        return [
            Route("/r/{token}", self.rating_page),
            Route("/r/{token}/session", self.session),
            Route("/r/{token}/images/{trial}", self.image),
            Route("/r/{token}/ratings", self.rate, methods=["POST"]),
            Route("/assets/{name}", self.asset),
        ]

    def rating_page(self, request: Request) -> Response:
        self._rater(request)
        return HTMLResponse(self.html, headers={"Cache-Control": "no-store"})

    def session(self, request: Request) -> Response:
        return self._session(self._rater(request))

    def asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.assets:
            raise HTTPException(404, "There is no such page.")
        return Response(self.assets[name], media_type=ASSETS[name], headers={"Cache-Control": "no-cache"})

    def image(self, request: Request) -> Response:
        """A file by the id of a trial of this rater: no part of the address reaches the file system."""
        trial = self._rater(request).by_id.get(request.path_params["trial"])
        if trial is None:
            raise HTTPException(404, "There is no such image.")
        try:
            content = self.study.image(trial.item)
        except SrlabError as error:
            print(f"error: {error}", flush=True)
            raise HTTPException(500, "This image is damaged. Please tell the person who runs the study.") from None
        return Response(content, media_type="image/png", headers={"Cache-Control": "private, max-age=86400, immutable"})

    async def rate(self, request: Request) -> Response:
        rater = self._rater(request)
        trial, rating = await _rating(request)
        return await run_in_threadpool(self._store, rater, trial, rating)

    def _store(self, rater: Rater, trial: str, rating: int) -> Response:
        """200 once the rating is on the disk. 409 with the session where it is another trial's turn."""
        if trial not in rater.by_id:
            raise HTTPException(404, "There is no such image.")
        rated = self.ratings.of(rater.number)
        if trial not in rated and trial != next(one.id for one in rater.trials if one.id not in rated):
            return self._session(rater, 409, "This image has not been shown yet.")
        try:
            self.ratings.add(Rating(rater.number, trial, rating, datetime.now(UTC).isoformat(timespec="milliseconds")))
        except AlreadyRated:
            return self._session(rater, 409, "This image has been rated; what was given first stays.")
        return self._session(rater)

    def _session(self, rater: Rater, status: int = 200, error: str | None = None) -> Response:
        content = session(self.study, rater, self.ratings)
        answer = content if error is None else {"error": error, "session": content}
        return JSONResponse(answer, status, headers={"Cache-Control": "no-store"})

    def _rater(self, request: Request) -> Rater:
        rater = self.study.by_token.get(request.path_params["token"])
        if rater is None:
            raise HTTPException(404, "This link is not valid. Please use the link that you were given.")
        return rater


async def _rating(request: Request) -> tuple[str, int]:
    """(trial, rating) of a body {"item": trial, "rating": 1 to 5}; else an HTTPException says what is wrong."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "Expected application/json.")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise HTTPException(413, "Too large for a rating.", {"Connection": "close"})
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "Expected JSON.") from None
    if not isinstance(content, dict) or set(content) != {"item", "rating"} or not isinstance(content["item"], str):
        raise HTTPException(422, 'Expected {"item": ..., "rating": 1 to 5}.')
    rating = content["rating"]
    if type(rating) is not int or rating not in WORDS:
        raise HTTPException(422, "Expected a rating from 1 to 5.")
    return content["item"], rating


def application(study: Study, ratings: Ratings) -> Starlette:
    """The ASGI application."""
    return Starlette(
        routes=Pages(study, ratings).routes(),
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=_with_headers)],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )


async def _with_headers(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await answer(request)
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


def _refused(request: Request, error: Exception) -> Response:
    """In words for people who open an address, and as JSON for the page's script."""
    assert isinstance(error, HTTPException)
    text = (
        {404: "There is no such page. Please use the link that you were given."} if error.detail == "Not Found" else {}
    )
    return JSONResponse({"error": text.get(error.status_code, error.detail)}, error.status_code, error.headers)


def _failed(request: Request, error: Exception) -> Response:
    """A disk that is full, for one: the page keeps the rating and sends it again."""
    return JSONResponse({"error": "The rating could not be stored. It will be sent again."}, 503)


def serve(folder: Path, host: str, port: int, url: str | None) -> None:
    """Serves a study until it is interrupted. Raises SrlabError for a changed study or an address that is taken.

    url: how raters reach the server, where that is not http://HOST:PORT.
    """
    study = open_study(folder)
    ratings = Ratings(study)
    listening = _listen(host, port)
    name = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    base = (url or f"http://{name}:{listening.getsockname()[1]}").rstrip("/")
    lines = []
    try:
        for rater in study.raters:
            rated = len(ratings.of(rater.number))
            lines.append(f"rater {rater.number:3}  {rated:4} of {len(rater.trials)} rated  {base}/r/{rater.token}")
        lines.append(f"serving {folder} at {base}; Ctrl-C ends it, and everything that was rated stays")
        app = application(study, ratings)
        config = uvicorn.Config(app, log_level="error", access_log=False, server_header=False, lifespan="off")
        _Server(config, "\n".join(lines)).run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        ratings.close()


class _Server(uvicorn.Server):
    """Says that it serves when it does: a Ctrl-C that comes earlier can be lost in what uvicorn imports."""

    def __init__(self, config: uvicorn.Config, greeting: str) -> None:
        super().__init__(config)
        self.greeting = greeting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self.greeting, flush=True)


def _listen(host: str, port: int) -> socket.socket:
    """Bound at once, for its errors. With its protocol said, asyncio turns off Nagle's delay of 40 ms an answer."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server that was killed starts again at once
        listening.bind((host, port))
        listening.listen()  # what comes before the event loop runs waits instead of failing
    except (OSError, OverflowError) as error:
        listening.close()
        raise SrlabError(f"--host {host} --port {port}: {error}. Choose another, or 0 for any free port.") from None
    return listening
