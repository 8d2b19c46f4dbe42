"""The server over HTTP: what it accepts, what it refuses, what it never says."""

import json
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
from mos_rehearsal import copy_of, running
from mos_study import METHODS
from programs import environment

from srlab.errors import SrlabError
from srlab.mos.live_progress import LiveProgress
from srlab.mos.ratings import AlreadyRated, Rating, Ratings
from srlab.mos.server import serve
from srlab.mos.study import open_study


@pytest.fixture(scope="module")
def served(exported, tmp_path_factory):
    """One server for the tests that store nothing."""
    with running(copy_of(exported, tmp_path_factory.mktemp("served") / "study")) as server:
        yield server


@pytest.fixture
def server(study):
    with running(study) as server:
        yield server


def link(server, rater=1):
    return server.link(server.study.raters[rater - 1])


def rate(server, item, rating=3, rater=1):
    return requests.post(f"{link(server, rater)}/ratings", json={"item": item, "rating": rating}, timeout=20)


def stored(study):
    ratings = Ratings(study)
    content = [(one.rater, one.trial, one.rating) for one in ratings.all()]
    ratings.close()
    return content


def test_it_needs_nothing_that_computes():
    """PyTorch would take ten seconds and 800 MB."""
    code = "import srlab.mos.server, sys; print(sorted({'torch', 'numpy', 'torchmetrics', 'PIL'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_session_goes_through_the_plan(server):
    rater = server.study.raters[0]
    state = requests.get(f"{link(server)}/session", timeout=20).json()
    for place, trial in enumerate(rater.trials):
        assert state["trial"] == {"id": trial.id, "expected": server.study.items[trial.item].expected}
        assert state["rated"] == place and state["total"] == len(rater.trials)
        image = requests.get(f"{link(server)}/images/{trial.id}", timeout=20)
        assert image.content == server.study.image(trial.item) and image.headers["content-type"] == "image/png"
        answer = rate(server, trial.id, 1 + place % 5)
        assert answer.status_code == 200
        state = answer.json()
    assert state["trial"] is None and state["next"] is None
    assert stored(server.study) == [(1, trial.id, 1 + place % 5) for place, trial in enumerate(rater.trials)]


@pytest.mark.parametrize("rating", [0, 6, -1, 3.5, 3.0, "3", None, True, [3], 10**30])
def test_ratings_outside_1_to_5(served, rating):
    answer = rate(served, served.study.raters[0].trials[0].id, rating)
    assert answer.status_code == 422 and "1 to 5" in answer.json()["error"]


def test_what_is_not_a_rating(served):
    trial, address = served.study.raters[0].trials[0].id, f"{link(served)}/ratings"
    for body, status in [("{", 400), ("[]", 422), (json.dumps({"item": trial}), 422), ("[" * 900, 400), ("\xff", 400),
                         (json.dumps({"item": [trial], "rating": 3}), 422), ("NaN", 422),
                         (json.dumps({"item": trial, "rating": 3, "more": "x" * 5000}), 413)]:  # fmt: skip
        headers = {"Content-Type": "application/json"}
        assert requests.post(address, data=body.encode("latin-1"), headers=headers, timeout=20).status_code == status
    assert requests.post(address, data={"item": trial, "rating": 3}, timeout=20).status_code == 415


def test_uploads(served):
    trial = served.study.raters[0].trials[0].id
    upload = {"file": ("a.png", b"x" * 100_000)}
    assert requests.post(f"{link(served)}/ratings", files=upload, timeout=20).status_code == 415
    assert requests.post(f"{link(served)}/images/{trial}", files=upload, timeout=20).status_code == 405
    for method in ("PUT", "DELETE", "PATCH"):
        for path in (f"/images/{trial}", "/ratings", "/session", ""):
            assert requests.request(method, link(served) + path, data=b"x", timeout=20).status_code == 405
    assert sorted(path.name for path in served.study.folder.iterdir() if "sqlite3" not in path.name) == [
        "images",
        "study.json",
    ]


def test_unknown_items(served):
    others = served.study.raters[1].trials[0].id
    for item in ("0" * 12, "", others, served.study.raters[0].trials[0].item, "../study.json"):
        assert rate(served, item).status_code == 404


def test_repeated_and_early_items(server):
    first, second, third = (trial.id for trial in server.study.raters[0].trials[:3])
    assert rate(server, first, 2).status_code == 200
    for again in (2, 5):
        answer = rate(server, first, again)
        assert answer.status_code == 409 and answer.json()["session"]["trial"]["id"] == second
    early = rate(server, third)
    assert early.status_code == 409 and "not been shown" in early.json()["error"]
    assert stored(server.study) == [(1, first, 2)]


def test_forged_links(served):
    token = served.study.raters[0].token
    for forged in ("0", token[:-1], token + "x", token.swapcase(), "..", "%2e%2e", "'", served.study.facts["id"]):
        address = f"http://127.0.0.1:{served.port}/r/{forged}"
        for path in ("", "/session", f"/images/{served.study.raters[0].trials[0].id}"):
            assert requests.get(address + path, timeout=20).status_code == 404
        body = {"item": served.study.raters[0].trials[0].id, "rating": 3}
        assert requests.post(f"{address}/ratings", json=body, timeout=20).status_code == 404


def test_a_wrong_link_is_a_page_for_people(served):
    base = f"http://127.0.0.1:{served.port}"
    for path in ("/r/forged", "/r/forged?x=1", "/", "/study.json", "/a/b/<c>"):
        answer = requests.get(base + path, timeout=20)
        assert answer.status_code == 404 and answer.headers["content-type"].startswith("text/html")
        assert "Use the link that you were given" in answer.text and "<c>" not in answer.text
        style = re.search(r'href="([^"]+page\.css)"', answer.text)[1]
        assert requests.get(urljoin(base + path, style), timeout=20).status_code == 200
    assert "This link is not valid." in requests.get(f"{base}/r/forged", timeout=20).text


def test_what_a_script_asks_is_refused_as_json(served):
    base = f"http://127.0.0.1:{served.port}"
    for path in ("/r/forged/session", f"{link(served)[len(base) :]}/images/other", "/assets/other.js"):
        answer = requests.get(base + path, timeout=20)
        assert answer.status_code == 404 and set(answer.json()) == {"error"}


@pytest.mark.parametrize("path", ["../../../study.json", "..%2f..%2f..%2fstudy.json", "%2e%2e/study.json", "....//x",
                                  "/etc/passwd", "%2fetc%2fpasswd", "..\\study.json", "%00", "x" * 5000])  # fmt: skip
def test_path_traversal(served, path):
    """Sent as it is: clients would tidy the path."""
    for prefix in (f"/r/{served.study.raters[0].token}/images/", "/assets/", "/"):
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
            connection.sendall(f"GET {prefix}{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.split()[1] == b"404" and b"digest" not in answer and b"root:" not in answer


def test_nothing_names_a_method(served):
    """Of everything that a browser gets: addresses, headers and bodies."""
    rater = served.study.raters[0]
    addresses = [link(served), f"{link(served)}/session", f"{link(served)}/images/{rater.trials[0].id}"]
    page = requests.get(link(served), timeout=20)
    found = re.findall(r'(?:src|href)="\.\./(assets/[^"]+)"', page.text)
    assert sorted(found) == ["assets/page.css", "assets/page.js", "assets/server.js"]
    addresses += [f"http://127.0.0.1:{served.port}/{path}" for path in found]
    secrets = [*METHODS, "interpolation", "five", "photo0", served.study.raters[1].token]
    for address in addresses:
        answer = requests.get(address, timeout=20)
        assert answer.status_code == 200
        body = "" if answer.headers["content-type"] == "image/png" else answer.text  # test_export looks into the files
        said = f"{address} {dict(answer.headers)} {body}"
        assert [secret for secret in secrets if re.search(rf"\b{re.escape(secret)}\b", said)] == []
        assert {"last-modified", "etag", "server"}.isdisjoint(key.lower() for key in answer.headers)
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_many_raters_at_once(server):
    """Each gets their own; the same rater twice stores every trial once."""

    def go(rater):
        statuses = []
        for trial in server.study.raters[rater - 1].trials[:12]:
            statuses.append(rate(server, trial.id, 1 + rater, rater).status_code)
        return statuses

    with ThreadPoolExecutor(4) as pool:
        *_, twice, again = pool.map(go, [1, 2, 3, 3])
    assert len(stored(server.study)) == 36 == len(set(stored(server.study)))
    assert set(twice) | set(again) <= {200, 409} and (twice + again).count(200) == 12


def test_a_disk_that_is_full(study):
    """The page is told to try again, and nothing is half stored."""
    ratings = Ratings(study)
    ratings._connection.execute("PRAGMA max_page_count = 1")
    trials = study.raters[0].trials
    with pytest.raises(Exception, match="full"):
        ratings.add(*[Rating(1, trial.id, 3, "x" * 400) for trial in trials])
    ratings._connection.execute("PRAGMA max_page_count = 1000000")
    assert ratings.all() == []
    ratings.add(Rating(1, trials[0].id, 3, "now"))
    with pytest.raises(AlreadyRated):
        ratings.add(Rating(1, trials[1].id, 3, "now"), Rating(1, trials[0].id, 4, "now"))
    assert [one.trial for one in ratings.all()] == [trials[0].id]


def changed(study, change):
    change(study.folder)
    with pytest.raises(SrlabError) as refused:
        serve(study.folder, "127.0.0.1", 0, None)
    return str(refused.value)


def test_a_changed_study_is_refused(study, exported, tmp_path):
    name = sorted(study.items)[3]
    image = f"images/{name}.png"
    assert f"{name}.png: changed after" in changed(study, lambda folder: (folder / image).write_bytes(b"x"))
    study = copy_of(exported, tmp_path / "b")
    assert f"{name}.png: No such file" in changed(study, lambda folder: (folder / image).unlink())
    study = copy_of(exported, tmp_path / "c")
    assert "other is not in study.json" in changed(
        study, lambda folder: (folder / "images/other.png").write_bytes(b"x")
    )
    study = copy_of(exported, tmp_path / "d")
    text = (study.folder / "study.json").read_text()
    edited = text.replace('"rating"', '"x"').replace('"lanczos"', '"nicest"')
    assert "study.json: changed after" in changed(study, lambda folder: (folder / "study.json").write_text(edited))
    assert "no such file. Export a study" in changed(study, lambda folder: (folder / "study.json").unlink())


def test_ratings_of_another_study(study, exported, tmp_path):
    Ratings(study).close()
    other = copy_of(exported, tmp_path / "other")
    content = json.loads((other.folder / "study.json").read_text())
    content["id"] = "other"
    from srlab.mos.study import digest

    content["digest"] = digest(content)
    (other.folder / "study.json").write_text(json.dumps(content))
    (other.folder / "ratings.sqlite3").write_bytes((study.folder / "ratings.sqlite3").read_bytes())
    with pytest.raises(SrlabError, match="ratings of another study"):
        Ratings(open_study(other.folder))
    (other.folder / "ratings.sqlite3").write_bytes(b"not a database, but long enough to look like one" * 50)
    with pytest.raises(SrlabError, match="cannot be used"):
        Ratings(open_study(other.folder))


def test_only_this_machine_is_served(served):
    lines = served.printed.splitlines()
    assert lines[0].startswith("rater   1     0 of 23 rated  http://127.0.0.1:")
    with Path("/proc/net/tcp").open() as table:
        local = {line.split()[1] for line in table if line.split()[3] == "0A"}
    assert f"0100007F:{served.port:04X}" in local and f"00000000:{served.port:04X}" not in local


def test_a_port_that_is_taken(served):
    with pytest.raises(SrlabError, match="Choose another"):
        serve(served.study.folder, "127.0.0.1", served.port, None)
    with pytest.raises(SrlabError, match="Choose another"):
        serve(served.study.folder, "127.0.0.1", 70000, None)


def test_it_says_how_far_the_raters_are(server):
    """The first rating of a rater is a milestone; one that is refused counts for nothing."""
    first = [rater.trials[0].id for rater in server.study.raters[:2]]
    assert [rate(server, first[0]).status_code for _ in range(2)] == [200, 409]
    assert rate(server, first[1], rater=2).status_code == 200
    lines = [server.process.stdout.readline() for _ in range(2)]
    assert lines == ["rater 1: 1 of 23; all: 1 of 69\n", "rater 2: 1 of 23; all: 2 of 69\n"]


def test_progress_is_printed_at_milestones_and_every_30_seconds(capsys):
    seconds = [0.0]
    progress = LiveProgress({1: 10, 2: 30}, {2: 29}, lambda: seconds[0])
    printed = []
    for time, rater in [(1, 1), (2, 1), (3, 1), (29, 1), (31, 1), (32, 1), (60.9, 1), (61, 1), (62, 2), (63, 1)]:
        seconds[0] = time
        progress.add(rater)
        printed.append((time, capsys.readouterr().out))
    assert [line for line in printed if line[1]] == [
        (1, "rater 1: 1 of 10; all: 30 of 40\n"),  # the first of a rater
        (31, "rater 1: 5 of 10; all: 34 of 40\n"),  # 30 s after the last line
        (61, "rater 1: 8 of 10; all: 37 of 40\n"),
        (62, "rater 2: 30 of 30; all: 38 of 40\n"),  # the last of a rater
    ]
    progress.add(1)
    assert capsys.readouterr().out == "rater 1: 10 of 10; all: 40 of 40\n"


def test_quarters_of_the_study_are_milestones(capsys):
    progress = LiveProgress({1: 8}, {}, lambda: 0.0)
    for _ in range(8):
        progress.add(1)
    own = [int(line.split()[2]) for line in capsys.readouterr().out.splitlines()]
    assert own == [1, 2, 4, 6, 8]


def test_it_ends_by_ctrl_c(server):
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    caught = int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16)
    assert caught >> (signal.SIGTERM - 1) & 1  # uvicorn listens to signals by the time it says that it serves
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(20) == 0
    server.start()


def test_help_and_mistakes_are_short(tmp_path):
    command = [sys.executable, "-m", "srlab", "mos", "serve", str(tmp_path)]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 1 and finished.stderr.startswith("error: ") and finished.stderr.count("\n") == 1
