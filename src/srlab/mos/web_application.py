"""The study as a web application: GET /r/TOKEN is a rater's link, POST /r/TOKEN/ratings stores a rating.

The server decides what a rater sees next. So a reload, another device or a server that was killed in between continues
where the rater was. It serves the page, its assets, and images under the ids of the rater's own trials. It never sends
study.json, the names of methods, or the links of other raters.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from srlab.errors import SrlabError
from srlab.mos.limited_log import say
from srlab.mos.live_progress import LiveProgress
from srlab.mos.page import asset, rating_page, refusal_page
from srlab.mos.ratings import AlreadyRated, Rating, Ratings
from srlab.mos.study import WORDS, Rater, Study

ASSETS = {"page.css": "text/css", "page.js": "text/javascript", "server.js": "text/javascript"}
FOR_SCRIPTS = re.compile(r"/(r/[^/]*|assets)/.")  # addresses that the page's script asks, and no person opens
LARGEST_BODY = 1024  # bytes; a rating takes 40
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",  # a rater's link is a secret
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def session(study: Study, rater: Rater, ratings: Ratings) -> dict[str, Any]:
    """Returns what the page has to know, as plain values for JSON.

    "rated" and "total" count the rater's trials. "trial" is the one to rate, and "next" the one after it, which the
    page loads ahead; both are null where there is none. "expected" is the rating that a calibration image is to get,
    else null. Whether a trial is a repeat is not said.
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


class StudyPages:
    """The answers to every address."""

    def __init__(self, study: Study, ratings: Ratings, tell: Callable[[str], None]) -> None:
        self.study, self.ratings, self.tell = study, ratings, tell
        planned = {rater.number: len(rater.trials) for rater in study.raters}
        self.progress = LiveProgress(planned, {number: len(ratings.of(number)) for number in planned})
        self.html = rating_page("../assets", ["server.js", "page.js"])
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
            self.tell(f"error: {error}")
            raise HTTPException(500, "This image is damaged. Please tell the person who runs the study.") from None
        return Response(content, media_type="image/png", headers={"Cache-Control": "private, max-age=86400, immutable"})

    async def rate(self, request: Request) -> Response:
        rater = self._rater(request)
        try:
            trial, rating = await _rating(request)
        except ClientDisconnect:  # nobody is left to answer; the page sends the rating again
            return Response(status_code=400)
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
        self.progress.add(rater.number)
        return self._session(rater)

    def _session(self, rater: Rater, status: int = 200, error: str | None = None) -> Response:
        content = session(self.study, rater, self.ratings)
        answer = content if error is None else {"error": error, "session": content}
        return JSONResponse(answer, status, headers={"Cache-Control": "no-store"})

    def _rater(self, request: Request) -> Rater:
        rater = self.study.by_token.get(request.path_params["token"])
        if rater is None:
            raise HTTPException(404, "This link is not valid.")
        return rater


async def _rating(request: Request) -> tuple[str, int]:
    """Reads (trial, rating) from a body {"item": trial, "rating": 1 to 5}. Raises HTTPException for anything else."""
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


def application(study: Study, ratings: Ratings, tell: Callable[[str], None] = say) -> Starlette:
    """Returns the ASGI application of a study; `tell` prints a line for the person who runs it."""
    return Starlette(
        routes=StudyPages(study, ratings, tell).routes(),
        middleware=[Middleware(_WithHeaders)],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )


class _WithHeaders:
    """Adds HEADERS to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, headed)


def _refused(request: Request, error: Exception) -> Response:
    """JSON for the page's script; a page that says what to do for a person who opened the address."""
    assert isinstance(error, HTTPException)
    reason = "There is no such page." if error.detail == "Not Found" else error.detail
    path = request.url.path
    if FOR_SCRIPTS.match(path) or error.status_code != 404:
        return JSONResponse({"error": reason}, error.status_code, error.headers)
    return HTMLResponse(refusal_page(path, reason), error.status_code, {"Cache-Control": "no-store"})


def _failed(request: Request, error: Exception) -> Response:
    """Answers 503 to any other error, such as a full disk: the page keeps the rating and sends it again."""
    return JSONResponse({"error": "The rating could not be stored. It will be sent again."}, 503)
