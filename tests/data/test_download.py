"""Downloads from a real server on this machine: resumed, never glued together, checked."""

import hashlib
import signal
import threading
import time
from dataclasses import replace

import pytest
from tiny_set import assert_whole, get, start, tree

from srlab.data.catalog import present
from srlab.errors import SrlabError


def test_a_mirror_takes_the_place_of_the_official_url(tiny, server, tmp_path):
    away = replace(tiny, archives=(replace(tiny.archives[0], url="https://nowhere.invalid/a/Tiny_HR.zip"),))
    get(away, tmp_path, mirror=f"{server[1]}/mirrored/")
    assert_whole(tmp_path)


def test_goes_on_after_every_cut(tiny, server, tmp_path):
    behaviour = server[0]
    behaviour.cuts = [100_000, 100_000, 70_000]
    get(tiny, tmp_path)
    assert_whole(tmp_path)
    starts = [int(wanted[6:-1]) if wanted else 0 for _, wanted in behaviour.requests]
    assert len(starts) == 4 and starts == sorted(set(starts)) and starts[1] > 0


def test_a_bad_connection_that_brings_a_little_each_time_is_enough(tiny, server, tmp_path):
    server[0].cuts = [40_000] * 7
    get(tiny, tmp_path)
    assert_whole(tmp_path)
    assert len(server[0].requests) == 8


def test_bytes_are_those_of_the_file_and_never_packed(tiny, server, tmp_path):
    server[0].packs = True
    get(tiny, tmp_path)
    assert_whole(tmp_path)


def test_a_lost_connection_leaves_a_part_that_the_next_fetch_goes_on_with(tiny, server, tmp_path):
    behaviour = server[0]
    behaviour.cuts = [150_000] + [0] * 10
    with pytest.raises(SrlabError, match=r"lost again, 5 times in a row .* bytes are here; run the same"):
        get(tiny, tmp_path)
    assert not present(tiny, tmp_path) and "downloads/Tiny_HR.zip.part" in tree(tmp_path)
    received = (tmp_path / "downloads/Tiny_HR.zip.part").stat().st_size
    behaviour.cuts, behaviour.requests[:] = [], []
    get(tiny, tmp_path)
    assert behaviour.requests == [("Tiny_HR.zip", f"bytes={received}-")] and received > 0
    assert_whole(tmp_path)


def test_a_server_without_ranges_starts_anew(tiny, server, tmp_path):
    behaviour = server[0]
    behaviour.ranges, behaviour.cuts = False, [100_000]
    get(tiny, tmp_path)
    assert_whole(tmp_path)
    assert len(behaviour.requests) == 2 and behaviour.requests[1][1] is not None


def test_a_server_that_does_not_say_the_length(tiny, server, tmp_path):
    server[0].length = False
    get(replace(tiny, archives=(replace(tiny.archives[0], bytes=None),)), tmp_path)
    assert_whole(tmp_path)


def begin(entry, server, tmp_path) -> None:
    """A download that stops in the middle."""
    server[0].cuts = [150_000] + [0] * 10
    with pytest.raises(SrlabError, match="no connection"):
        get(entry, tmp_path)
    server[0].cuts = []


def other_bytes(content: bytes) -> bytes:
    return bytes(byte ^ 255 for byte in content)


def test_a_file_that_changed_is_not_glued_together(tiny, server, tmp_path):
    """The server had another file of the same length before: its ETag tells."""
    behaviour = server[0]
    right = behaviour.files["Tiny_HR.zip"]
    behaviour.files["Tiny_HR.zip"], behaviour.etag = other_bytes(right), '"old"'
    begin(tiny, server, tmp_path)
    behaviour.files["Tiny_HR.zip"], behaviour.etag = right, '"new"'
    get(tiny, tmp_path)
    assert_whole(tmp_path)


def test_a_file_that_changed_in_length_is_not_glued_together(tiny, server, tmp_path):
    behaviour = server[0]
    right, unknown = behaviour.files["Tiny_HR.zip"], replace(tiny, archives=(replace(tiny.archives[0], bytes=None),))
    behaviour.files["Tiny_HR.zip"], behaviour.etag = other_bytes(right) + b"more", None
    begin(unknown, server, tmp_path)
    behaviour.files["Tiny_HR.zip"] = right
    get(unknown, tmp_path)
    assert_whole(tmp_path)


def test_a_change_that_nothing_tells_is_found_by_the_checksum(tiny, server, tmp_path):
    behaviour = server[0]
    right, behaviour.etag = behaviour.files["Tiny_HR.zip"], None
    behaviour.files["Tiny_HR.zip"] = other_bytes(right)
    begin(tiny, server, tmp_path)
    behaviour.files["Tiny_HR.zip"] = right
    with pytest.raises(SrlabError, match="sha256"):
        get(tiny, tmp_path)
    assert tree(tmp_path) == []
    get(tiny, tmp_path)
    assert_whole(tmp_path)


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_wrong_checksum(tiny, server, tmp_path, algorithm):
    content = server[0].files["Tiny_HR.zip"]
    found, expected = hashlib.new(algorithm, content).hexdigest(), hashlib.new(algorithm, b"").hexdigest()
    wrong = replace(tiny.archives[0], **{"sha256": None, "md5": None, algorithm: expected})
    message = f"its {algorithm} is {found}, but the published file has {expected}. It was removed"
    with pytest.raises(SrlabError, match=message):
        get(replace(tiny, archives=(wrong,)), tmp_path)
    assert tree(tmp_path) == []


def test_a_file_of_ones_own_is_checked_and_never_removed(tiny, server, tmp_path):
    own = tmp_path / "downloads/Tiny_HR.zip"
    own.parent.mkdir()
    own.write_bytes(b"something else")
    with pytest.raises(SrlabError, match="Remove it, or fetch it anew with force=true"):
        get(tiny, tmp_path)
    assert own.read_bytes() == b"something else" and not server[0].requests
    get(tiny, tmp_path, force=True)
    assert_whole(tmp_path)


def test_another_length_than_the_published_one(tiny, server, tmp_path):
    server[0].files["Tiny_HR.zip"] = b"<html>moved</html>"
    with pytest.raises(SrlabError, match=r"the server's file has 18 bytes, but the published one has [\d,]+.*mirror="):
        get(tiny, tmp_path)
    assert not present(tiny, tmp_path)


def test_a_server_that_is_busy_for_a_while(tiny, server, tmp_path):
    server[0].statuses = [503, 503]
    get(tiny, tmp_path)
    assert_whole(tmp_path)


def test_a_file_that_the_server_does_not_have(tiny, server, tmp_path):
    server[0].files = {}
    with pytest.raises(SrlabError, match=r"answers 404 .*Try mirror=URL, or get the file another way and put it at"):
        get(tiny, tmp_path)
    assert len(server[0].requests) == 1


@pytest.mark.parametrize(
    ("mirror", "message"),
    [
        ("nowhere/", "nowhere/Tiny_HR.zip: Invalid URL 'nowhere/Tiny_HR.zip': No scheme supplied"),
        ("ftp://localhost/", "ftp://localhost/Tiny_HR.zip: No connection adapters were found"),
    ],
)
def test_a_mirror_that_is_no_address_is_not_tried_again(tiny, tmp_path, mirror, message):
    with pytest.raises(SrlabError) as error:
        get(tiny, tmp_path, mirror=mirror)
    assert str(error.value).startswith(message) and not present(tiny, tmp_path)


def test_killed_while_it_downloads(tiny, server, tmp_path):
    behaviour = server[0]
    behaviour.cuts, behaviour.stall = [200_000], threading.Event()
    process = start(tiny, tmp_path)
    part = tmp_path / "downloads/Tiny_HR.zip.part"
    deadline = time.monotonic() + 60
    while not (part.is_file() and part.stat().st_size > 100_000):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    behaviour.stall.set()
    received = part.stat().st_size
    assert not present(tiny, tmp_path) and received > 0
    behaviour.requests.clear()
    get(tiny, tmp_path)
    assert behaviour.requests == [("Tiny_HR.zip", f"bytes={received}-")]
    assert_whole(tmp_path)
