"""A server among clients that only take places: real sockets against a real process, and short limits in this one."""

import asyncio
import contextlib
import logging
import socket
import threading

import pytest
import requests
import uvicorn
from fault_campaigns.half_open import closed, dripped, half_open
from mos_rehearsal import running

from srlab.limited_http import LimitedProtocol
from srlab.mos import limited_log
from srlab.mos.limited_log import LimitedLog
from srlab.mos.ratings import Ratings
from srlab.mos.web_application import application


@contextlib.contextmanager
def served_here(study, monkeypatch, **limits):
    """A server in a thread of this process, with other limits; yields its port and what it would have printed."""
    for name, value in limits.items():
        monkeypatch.setattr(LimitedProtocol, name, value)
    told, ratings = [], Ratings(study)
    monkeypatch.setattr(limited_log, "say", told.append)
    log = LimitedLog()
    log.listen_to("uvicorn.error", "asyncio")
    app = application(study, ratings, log.line)
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off", ws="none",
                            http=LimitedProtocol, timeout_keep_alive=1)  # fmt: skip
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=asyncio.run, args=(server.serve([listening]),))
    thread.start()
    try:
        yield listening.getsockname()[1], told
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        ratings.close()
        for name in ("uvicorn.error", "asyncio"):
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = [], True


def test_200_half_open_connections_keep_nobody_out(study):
    with running(study) as server, half_open(server.port, 200):
        link = server.link(study.raters[0])
        assert requests.get(link, timeout=20).status_code == 200
        rated = requests.post(f"{link}/ratings", json={"item": study.raters[0].trials[0].id, "rating": 3}, timeout=20)
        assert rated.status_code == 200


def test_where_all_places_are_taken_the_longest_silent_client_goes(study, monkeypatch):
    with served_here(study, monkeypatch, places=10) as (port, told), half_open(port, 40) as waiting:
        for _ in range(3):
            assert requests.get(f"http://127.0.0.1:{port}/r/{study.raters[0].token}", timeout=20).status_code == 200
        assert all(closed(connection, 20) for connection in waiting[:29])
        assert told == []


UNFINISHED = (
    b"",
    b"GET / HTTP/1.1\r\nX: ",
    b"POST /r/x/ratings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
    b"GET /assets/page.css HTTP/1.1\r\nHost: x\r\n\r\nGET /assets/page.css HT",
)


@pytest.mark.parametrize("sent", UNFINISHED)
@pytest.mark.parametrize("drips", [False, True])
def test_a_request_must_end(study, monkeypatch, sent, drips):
    """Also one that sends a byte now and then, and the second one on a connection."""
    limits = {"request_seconds": 0.5}
    with served_here(study, monkeypatch, **limits) as (port, told):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(sent)
            if drips:
                assert dripped(connection, 60) < 60
            assert closed(connection, 60)
        assert told == []


def test_an_answer_that_nobody_reads_ends(study, monkeypatch):
    trial, ended, close = study.raters[0].trials[0], threading.Event(), LimitedProtocol._close

    def noted(self):
        close(self)
        ended.set()

    monkeypatch.setattr(LimitedProtocol, "_close", noted)
    with served_here(study, monkeypatch, answer_seconds=0.5) as (port, _):
        monkeypatch.setattr(type(study), "image", lambda *_: bytes(1 << 26))
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            path = f"/r/{study.raters[0].token}/images/{trial.id}"
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert ended.wait(60)  # this client reads nothing of it


def test_clients_that_leave_print_nothing(study, monkeypatch):
    with served_here(study, monkeypatch) as (port, told):
        for rater in study.raters:
            head = f"POST /r/{rater.token}/ratings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            for rest in ("", "Content-Length: 40\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\nzz\r\n"):
                with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                    connection.sendall((head + rest).encode())
        for broken in (b"\0\0\0\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", b"X" * 100_000, b"GET / HTTP/9.9\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection, contextlib.suppress(OSError):
                connection.sendall(broken)
        assert requests.get(f"http://127.0.0.1:{port}/r/{study.raters[0].token}", timeout=20).status_code == 200
        assert told == []


def test_a_failure_is_a_line_and_many_are_few(study, monkeypatch):
    """Such as a disk that is full: the page sends the rating again and again."""

    def fail(*_):
        raise OSError(28, "No space left on device\nsecond line")

    with served_here(study, monkeypatch) as (port, told):
        monkeypatch.setattr(Ratings, "add", fail)
        link = f"http://127.0.0.1:{port}/r/{study.raters[0].token}/ratings"
        body = {"item": study.raters[0].trials[0].id, "rating": 3}
        assert {requests.post(link, json=body, timeout=20).status_code for _ in range(50)} == {503}
    assert len(told) == limited_log.LINES
    assert all("No space left" in line and "\n" not in line and "Traceback" not in line for line in told)


def test_an_image_that_is_damaged_while_it_is_served(study, monkeypatch):
    """The rater and the person who runs the study each hear what they can do."""
    trial = study.raters[0].trials[0]
    with served_here(study, monkeypatch) as (port, told):
        (study.folder / "images" / f"{trial.item}.png").write_bytes(b"x")
        answer = requests.get(f"http://127.0.0.1:{port}/r/{study.raters[0].token}/images/{trial.id}", timeout=20)
    assert answer.status_code == 500
    assert answer.json() == {"error": "This image is damaged. Please tell the person who runs the study."}
    assert len(told) == 1 and f"{trial.item}.png: changed after" in told[0]


def test_messages_that_were_left_out_are_counted(monkeypatch):
    told, seconds = [], [0.0]
    monkeypatch.setattr(limited_log, "say", told.append)
    log = LimitedLog(lambda: seconds[0])
    for number in range(100):
        log.line(f"{number}\x1b[2J")
    seconds[0] = limited_log.SECONDS
    log.line("later")
    assert told[:2] == ["0\\x1b[2J", "1\\x1b[2J"] and told[-2:] == ["80 more messages were left out", "later"]
    assert len(told) == limited_log.LINES + 2
