"""The page's server over HTTP: what it computes, what it refuses, what it leaves behind."""

import asyncio
import io
import json
import os
import signal
import socket
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import requests
from fault_campaigns.half_open import half_open
from helpers import wait_for
from PIL import Image, ImageCms
from web_server import SECONDS, encoded, network_file, png, tiny_network, web_server

import srlab
from srlab.data.synthetic import synthetic_image
from srlab.errors import SrlabError
from srlab.web.application import application
from srlab.web.choices import Choices
from srlab.web.limits import Limits
from srlab.web.server import serve
from srlab.web.worker_process import WorkerProcess

pytestmark = pytest.mark.slow
SMALL = synthetic_image(1, 24)[:20]


def error_of(answer, status):
    """The one line that a person reads."""
    assert answer.status_code == status, answer.text
    text = answer.json()["error"]
    assert "\n" not in text and "Traceback" not in text and "/dev" not in text
    return text


# ---- what it computes


def test_pixels_are_those_of_the_python_interface(served, tmp_path):
    steps = served.steps(png(SMALL))
    assert steps[0] == {"state": "computing", "share": 0}
    shares = [step["share"] for step in steps[:-1]]
    assert shares == sorted(shares) and shares[-1] == 1
    done = steps[-1]
    assert (done["width"], done["height"], done["plain"], done["notes"]) == (48, 40, "bicubic", [])
    ours = srlab.load(tiny_network(tmp_path))
    assert np.array_equal(served.result(done["after"]), ours(SMALL))
    assert np.array_equal(served.result(done["before"]), srlab.load("bicubic")(SMALL, 2))


def test_a_network_that_comes_with_srlab(served):
    done = served.last(png(SMALL), "edsr_baseline", 3)
    expected = np.asarray(srlab.load("edsr_baseline", 3)(SMALL), np.int16)
    assert np.abs(served.result(done["after"]) - expected).max() <= 1  # values near a half


def test_bicubic_is_compared_with_the_pixels_of_the_photo(served):
    done = served.last(png(SMALL), "bicubic", 2)
    assert done["plain"] == "nearest"
    assert np.array_equal(served.result(done["before"]), SMALL.repeat(2, 0).repeat(2, 1))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"])
def test_kinds_of_files(served, kind):
    done = served.last(encoded(SMALL, kind), "bicubic", 2)
    assert done["state"] == "done"
    after = served.result(done["after"])
    assert after.shape == (40, 48, 3) and np.abs(after[::2, ::2].mean() - SMALL.mean()) < 8


def test_grey_alpha_16_bits_orientation_and_profile(served):
    grey = served.last(png(SMALL[..., 0]), "bicubic", 2)
    assert served.result(grey["after"]).shape == (40, 48)
    alpha = np.dstack([SMALL, np.full(SMALL.shape[:2], 128, np.uint8)])
    assert (served.result(served.last(png(alpha), "bicubic", 2)["after"])[..., 3] == 128).all()
    wide = SMALL[..., 0].astype(np.uint16) * 257
    assert served.result(served.last(png(wide), "bicubic", 2)["after"]).max() > 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    turned = served.last(encoded(SMALL, "JPEG", exif=exif), "bicubic", 2)
    assert (turned["width"], turned["height"]) == (40, 48)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    done = served.last(png(SMALL, icc_profile=profile), "bicubic", 2)
    content = requests.get(served.address + done["after"], timeout=SECONDS).content
    assert Image.open(io.BytesIO(content)).info["icc_profile"] == profile


# ---- what it refuses


@pytest.mark.parametrize("body", [b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>", b"GIF89a"])
def test_what_is_not_an_image(served, body):
    text = error_of(served.post(body), 415)
    assert "not an image" in text or "damaged" in text


def test_nothing_at_all(served):
    assert "empty" in error_of(served.post(b""), 415)


def test_half_an_image(served):
    """Its header is whole, so the process that decodes it finds out."""
    content = png(synthetic_image(0, 64))
    failed = served.last(content[: len(content) // 2])
    assert failed["state"] == "failed" and "cannot be decoded" in failed["error"] and "/dev" not in failed["error"]


def test_too_many_pixels(narrow):
    text = error_of(narrow.post(png(np.zeros((250, 210, 3), np.uint8))), 413)
    assert "210 × 250" in text and "0.05 megapixels" in text


def test_200_half_open_connections_keep_nobody_out(served):
    with half_open(served.port, 200):
        assert served.last(png(SMALL), "bicubic", 2)["state"] == "done"


def test_a_decompression_bomb_is_refused_by_its_header(served):
    """40000 x 40000 pixels in some bytes: were it decoded, 4.8 GB would be needed."""
    header = struct.pack(">IIBBBBB", 40000, 40000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    assert "pixels" in error_of(served.post(bomb), 413)


def test_too_many_bytes(served):
    """By what the request says, and by what comes where it says nothing."""
    assert "20 MB" in error_of(served.post(bytes(20_000_001)), 413)
    with socket.create_connection(("127.0.0.1", served.port), timeout=SECONDS) as connection:
        words = f"POST /jobs?network=bicubic&scale=2 HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
        connection.sendall(f"{words}Transfer-Encoding: chunked\r\n\r\n".encode())
        part = b"100000\r\n" + bytes(2**20) + b"\r\n"
        try:
            for _ in range(30):
                connection.sendall(part)
        except OSError:
            pass  # the server has closed the connection
        else:
            assert connection.recv(100).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(("network", "scale"), [("nothing", 2), ("own 1", 4), ("bicubic", 100), ("/etc/passwd", 2)])
def test_networks_and_scales_that_are_not_offered(served, network, scale):
    assert "no such network" in error_of(served.post(png(SMALL), network, scale), 422)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "attacker.example"},
        {"Host": "attacker.example:7860"},
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_requests_of_other_sites(served, headers):
    error_of(served.post(png(SMALL), headers=headers), 403)
    if "Host" in headers:
        assert requests.get(served.address, headers=headers, timeout=SECONDS).status_code == 403


def test_own_requests_and_names_of_this_machine(served):
    for name in ("localhost", "127.0.0.1", f"127.0.0.1:{served.port}", "[::1]:80"):
        assert requests.get(served.address, headers={"Host": name}, timeout=SECONDS).status_code == 200
    own = {"Sec-Fetch-Site": "same-origin", "Origin": served.address.rstrip("/")}
    assert served.post(png(SMALL), headers=own).status_code == 200


def test_headers_keep_the_page_to_itself(served):
    for path in ("", "about", "assets/page.js", "examples/cat", "nothing"):
        headers = requests.get(served.address + path, timeout=SECONDS).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy and "img-src 'self' blob: data:" in policy
        assert "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert not any(name.lower().startswith("access-control") for name in headers)
    assert "access-control-allow-origin" not in served.post(b"x", headers={"Origin": "null"}).headers


def test_addresses_that_there_are_not(served):
    for path in ("nothing", "assets/../page.html", "assets/%2e%2e/limits.py", "examples/nothing", "results/nothing"):
        assert requests.get(served.address + path, timeout=SECONDS).status_code == 404
    assert requests.get(f"{served.address}jobs", timeout=SECONDS).status_code == 405


def test_assets_name_no_other_site():
    """No address of another host but the namespace of SVG, which is a name."""
    package = Path(srlab.__file__).parent
    for file in [*package.glob("web/assets/*"), *package.glob("before_after/assets/*")]:
        assert "//" not in file.read_text().replace("http://www.w3.org/2000/svg", "").replace("// ", "")


# ---- the line, cancelling, and time


def test_a_line_of_jobs(served):
    """The second waits while the first computes, hears how many are ahead, and comes when the first visitor leaves."""
    with served.long_job() as first:
        assert next(first)["state"] == "computing"
        with served.long_job() as second:
            assert next(second) == {"state": "waiting", "ahead": 1}
            with served.long_job() as third:
                assert next(third) == {"state": "waiting", "ahead": 2}
            # the third has left again
        # and so has the second, before its turn
    assert served.last(png(SMALL))["state"] == "done"


def test_who_leaves_ends_the_computation(served):
    before = served.worker()
    with served.long_job() as steps:
        assert next(steps)["state"] == "computing"
        time.sleep(0.5)
    wait_for(lambda: not Path(f"/proc/{before}").exists())
    assert served.last(png(SMALL))["state"] == "done" and served.worker() != before


def test_a_full_line(narrow):
    with narrow.long_job() as steps:
        assert next(steps)["state"] == "computing"
        assert "waiting already" in error_of(narrow.post(png(SMALL)), 503)
    wait_for(lambda: narrow.post(png(SMALL)).status_code == 200)


def test_a_job_that_takes_too_long(narrow):
    with narrow.long_job() as steps:
        last = list(steps)[-1]
    assert last["state"] == "failed" and "0.05 minutes" in last["error"]
    assert narrow.last(png(SMALL))["state"] == "done"


def test_a_job_that_will_take_too_long_is_ended_early():
    """After 20 seconds progress tells; before, and where it would only just be late, the limit itself decides."""
    worker = WorkerProcess(Limits(seconds=100), [], [])
    for passed, share in ((19, 0.01), (21, 0.2), (90, 0.7)):
        worker._check_time(passed, share)
    with pytest.raises(TimeoutError):
        worker._check_time(21, 0.1)


def test_an_upload_that_takes_too_long():
    """Its first bytes come, and then nothing, while the server's limit is short."""
    limits = Limits(upload_seconds=0.01)
    app = application(limits, WorkerProcess(limits, [], []), [{"name": "bicubic", "scales": [2]}], (), None)
    scope = {"type": "http", "method": "POST", "path": "/jobs", "query_string": b"network=bicubic&scale=2",
             "headers": [(b"host", b"localhost")]}  # fmt: skip
    parts, sent = [{"type": "http.request", "body": b"\x89PNG", "more_body": True}], []

    async def receive():
        return parts.pop() if parts else await asyncio.Future()

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 408 and (b"connection", b"close") in sent[0]["headers"]
    assert json.loads(sent[1]["body"]) == {"error": "The upload took too long."}


def test_a_process_that_is_killed_for_its_memory(served):
    """As the kernel does it. The job fails with one line, and the next one is done."""
    with served.long_job() as steps:
        next(steps)
        os.kill(served.worker(), signal.SIGKILL)
        last = list(steps)[-1]
    assert last["state"] == "failed" and "memory" in last["error"]
    assert served.last(png(SMALL))["state"] == "done"


# ---- what it leaves behind


def test_a_result_is_given_once_and_no_file_has_a_name(served):
    done = served.last(png(SMALL))
    assert list(served.temporary.iterdir()) == []
    assert requests.head(served.address + done["after"], timeout=SECONDS).status_code == 404
    assert requests.get(served.address + done["after"], timeout=SECONDS).status_code == 200
    # The server drops it once it has seen the last byte go, which a quick client can be ahead of.
    wait_for(lambda: requests.get(served.address + done["after"], timeout=SECONDS).status_code != 200)
    assert "not here any more" in error_of(requests.get(served.address + done["after"], timeout=SECONDS), 404)


def open_files(process):
    """Deleted files that a process still has, by the names that Linux shows: each once, however often it is open."""
    links = (str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir() if link.is_symlink())
    return {link for link in links if link.endswith("(deleted)")}


def test_files_are_closed_when_a_visitor_leaves(served):
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("looks into Linux's /proc")
    before = open_files(served.process.pid)  # results of other tests, some of which are just being closed
    with served.long_job() as steps:
        next(steps)
        own = open_files(served.process.pid) - before
        assert len(own) == 3
    wait_for(lambda: not own & open_files(served.process.pid))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_server_ends(tmp_path, how):
    """In the middle of a job, and with a result that nobody fetched."""
    with web_server(tmp_path, "networks=[vdsr]") as server:
        server.last(png(SMALL))
        worker = server.worker()
        with server.long_job() as steps:
            next(steps)
            os.kill(server.process.pid, how)
            server.process.wait(30)
        wait_for(lambda: not Path(f"/proc/{worker}").exists())
        assert list(server.temporary.iterdir()) == []


# ---- the command


def test_an_address_that_is_taken_and_networks_that_there_are_not(served, tmp_path):
    with pytest.raises(SrlabError, match=f"host=127.0.0.1 port={served.port}: .*Choose another"):
        serve("127.0.0.1", served.port, False, [], [], [], None, Limits())
    with pytest.raises(SrlabError, match=r"networks=edsr_basline: .*Did you mean 'edsr_baseline'"):
        serve("127.0.0.1", 0, False, ["edsr_basline"], [], [], None, Limits())
    with pytest.raises(SrlabError, match=r"missing\.ckpt: no such file"):
        serve("127.0.0.1", 0, False, [], [str(tmp_path / "missing.ckpt")], [], None, Limits())


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("srmd", {"scale": 2, "features": 4, "convolutions": 3}, "must be told how the photo was degraded"),
        ("edsr", {"scale": 8, "features": 4, "blocks": 1}, "enlarges by none of the scales from 2 to 4"),
    ],
)
def test_networks_that_the_page_cannot_offer(tmp_path, kind, arguments, message):
    path = network_file(tmp_path, kind, arguments)
    with pytest.raises(SrlabError, match=rf"^ckpt=\S*\.ckpt: {message}"):
        Choices(["bicubic"], [str(path)])
