"""The page as a web application.

GET / is the page. POST /jobs?network=...&scale=... has a photo as its body; the answer is a line of JSON for every
step: how many jobs are ahead, the share that is done, and at the end where the two results are. The job belongs to this
request: it ends where the visitor leaves or cancels. GET /results/TOKEN gives a result, once.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator
from importlib.resources import files
from typing import Any, BinaryIO

from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from srlab import before_after
from srlab.errors import SrlabError
from srlab.web.examples import EXAMPLES, example
from srlab.web.limits import MEGA, Limits
from srlab.web.line import Line, LineIsFull, Place
from srlab.web.origin import OwnPagesOnly
from srlab.web.photo_header import SHOWN, TooManyPixels, check_photo
from srlab.web.results import Results, nameless_file, parts
from srlab.web.worker_process import LOST, WorkerProcess

ASSETS = {"page.css": "text/css", "page.js": "text/javascript"}
SHARED = {before_after.STYLE: "text/css", before_after.SCRIPT: "text/javascript"}  # with the page of results
NEVER_STORED = {"Cache-Control": "no-store"}
PULSE = 5  # seconds after which a step is said again: proxies cut connections on which nothing moves


class PhotoPages:
    """The answers to every address.

    Args:
        limits: of the page.
        worker: that computes.
        choices: what it offers, as plain values.
    """

    def __init__(self, limits: Limits, worker: WorkerProcess, choices: list[dict[str, Any]]) -> None:
        self.limits, self.worker, self.choices = limits, worker, choices
        self.line = Line(limits.line)
        self.results = Results(limits.keep_seconds)
        folder = files("srlab.web") / "assets"
        self.html = (folder / "page.html").read_bytes()
        self.assets = {name: (folder / name).read_bytes() for name in ASSETS}
        self.assets |= {name: before_after.asset(name).encode() for name in SHARED}

    def routes(self) -> list[Route]:
        return [
            Route("/", self.page),
            Route("/about", self.about),
            Route("/assets/{name}", self.asset),
            Route("/examples/{name}", self.example),
            Route("/health", self.health),
            Route("/jobs", self.job, methods=["POST"]),
            Route("/results/{token}", self.result),
        ]

    async def page(self, request: Request) -> Response:
        return Response(self.html, media_type="text/html", headers={"Cache-Control": "no-cache"})

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=NEVER_STORED)

    async def about(self, request: Request) -> Response:
        """What the page's script has to know: networks, limits, examples."""
        examples = [{"name": name, "title": title} for name, (_, title, _) in EXAMPLES.items()]
        content = {"networks": self.choices, "limits": self.limits.plain(), "formats": SHOWN, "examples": examples}
        return JSONResponse(content, headers=NEVER_STORED)

    async def asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.assets:
            raise HTTPException(404, "There is no such page.")
        return Response(self.assets[name], media_type=(ASSETS | SHARED)[name], headers={"Cache-Control": "no-cache"})

    async def example(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in EXAMPLES:
            raise HTTPException(404, "There is no such example.")
        content = await run_in_threadpool(example, name)
        return Response(content, media_type="image/png", headers={"Cache-Control": "max-age=3600"})

    async def result(self, request: Request) -> Response:
        """A file, which is gone once all of it was sent."""
        token = request.path_params["token"]
        file = self.results.reader(token) if request.method == "GET" else None
        if file is None:
            raise HTTPException(404, "This result is not here any more. Enlarge the photo again.")
        length = {"Content-Length": str(os.fstat(file.fileno()).st_size)}

        async def sent() -> AsyncIterator[bytes]:
            async for part in iterate_in_threadpool(parts(file)):
                yield part
            self.results.drop(token)

        return StreamingResponse(sent(), media_type="image/png", headers=NEVER_STORED | length)

    async def job(self, request: Request) -> Response:
        network, scale = self._asked(request)
        try:
            place = self.line.place()
        except LineIsFull:
            raise HTTPException(
                503, f"{self.limits.line} people are waiting already. Try again in a few minutes."
            ) from None
        with contextlib.ExitStack() as held:
            held.enter_context(place)
            upload = held.enter_context(nameless_file())
            await self._receive(request, upload)
            try:
                await run_in_threadpool(check_photo, upload, self.limits.pixels)
            except SrlabError as error:
                raise HTTPException(413 if isinstance(error, TooManyPixels) else 415, str(error)) from None
            steps = self._steps(place, upload, {"network": network, "scale": scale})
            return JobResponse(steps, held.pop_all())
        raise AssertionError  # for mypy: an ExitStack may swallow errors, and these do not

    def _asked(self, request: Request) -> tuple[str, int]:
        network, scale = (request.query_params.get(name, "") for name in ("network", "scale"))
        choice = next((choice for choice in self.choices if choice["name"] == network), None)
        if choice is None or scale not in map(str, choice["scales"]):
            raise HTTPException(422, "There is no such network, or not at this scale. Load the page again.")
        return network, int(scale)

    async def _receive(self, request: Request, upload: BinaryIO) -> None:
        """Writes a body into a file, as far as the limits allow. Raises HTTPException beyond them."""
        too_large = HTTPException(
            413,
            f"This file is larger than the {self.limits.bytes / MEGA:g} MB that the page takes.",
            {"Connection": "close"},
        )
        said = request.headers.get("content-length", "")
        if said.isdecimal() and int(said) > self.limits.bytes:
            raise too_large
        size = 0
        try:
            async with asyncio.timeout(self.limits.upload_seconds):
                async for part in request.stream():
                    size += len(part)
                    if size > self.limits.bytes:
                        raise too_large
                    upload.write(part)
        except TimeoutError:
            raise HTTPException(408, "The upload took too long.", {"Connection": "close"}) from None
        if size == 0:
            raise HTTPException(415, "This file is empty.")
        upload.flush()

    async def _steps(self, place: Place, upload: BinaryIO, job: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """What happens to a job, step by step, as plain values."""
        place.queue()
        while ahead := place.ahead:
            yield {"state": "waiting", "ahead": ahead}
            await place.moves(PULSE)
        yield {"state": "computing", "share": 0}
        shares: asyncio.Queue[float] = asyncio.Queue()
        with contextlib.ExitStack() as held:
            before, after = (held.enter_context(nameless_file()) for _ in range(2))
            task = asyncio.create_task(self.worker.run(job, [upload, before, after], shares.put_nowait))
            try:
                share = 0.0
                while not task.done():
                    share = await _latest(shares, task, share)
                    yield {"state": "computing", "share": share}
                done = task.result()
            except SrlabError as error:
                yield {"state": "failed", "error": str(error)}
                return
            except OSError:
                yield {"state": "failed", "error": LOST}
                return
            finally:
                if not task.done():  # the visitor has left
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task
            tokens = {name: self.results.add(file) for name, file in (("before", before), ("after", after))}
            held.pop_all()
        yield {"state": "done", **done, **{name: f"results/{token}" for name, token in tokens.items()}}


async def _latest(shares: "asyncio.Queue[float]", task: "asyncio.Task[dict[str, Any]]", before: float) -> float:
    """Waits for progress, the end of the task, or a pulse; returns the latest share."""
    news = asyncio.create_task(shares.get())
    await asyncio.wait({news, task}, timeout=PULSE, return_when=asyncio.FIRST_COMPLETED)
    if not news.done():
        news.cancel()
        return before
    share = news.result()
    while not shares.empty():
        share = shares.get_nowait()
    return share


class JobResponse(Response):
    """Lines of JSON, as steps come. Where the visitor leaves, the steps are cancelled at once.

    Args:
        steps: plain values.
        held: what is given back at the end: the place in the line, the upload.
    """

    def __init__(self, steps: AsyncGenerator[dict[str, Any]], held: contextlib.ExitStack) -> None:
        super().__init__(media_type="application/x-ndjson", headers={**NEVER_STORED, "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self.steps, self.held = steps, held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.held:
            sending = asyncio.create_task(self._send(send))
            leaving = asyncio.create_task(_left(receive))
            try:
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (sending, leaving):
                    task.cancel()
                await asyncio.wait({sending, leaving})
            if not sending.cancelled() and (error := sending.exception()) is not None:
                raise error

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async with contextlib.aclosing(self.steps) as steps:
            async for step in steps:
                await send({"type": "http.response.body", "body": json.dumps(step).encode() + b"\n", "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def application(
    limits: Limits, worker: WorkerProcess, choices: list[dict[str, Any]], hosts: tuple[str, ...], framed_by: str | None
) -> Starlette:
    """Returns the ASGI application.

    Args:
        limits: of the page.
        worker: that computes, started.
        choices: what it offers.
        hosts: see `OwnPagesOnly`.
        framed_by: see `OwnPagesOnly`.
    """
    pages = PhotoPages(limits, worker, choices)
    return Starlette(
        routes=pages.routes(),
        middleware=[Middleware(OwnPagesOnly, hosts=hosts, framed_by=framed_by)],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    reason = "There is no such page." if error.detail == "Not Found" else error.detail
    return JSONResponse({"error": reason}, error.status_code, error.headers)


def _failed(request: Request, error: Exception) -> Response:
    """Any other error, such as a full disk."""
    return JSONResponse({"error": "The server could not take this photo. Try again later."}, 500)
