"""Rehearses a rating study before people come: serve, rate, kill the server, go on, report.

    python evaluate.py 'ckpt=[a.ckpt,b.ckpt]' 'sets=[set5]' +mos_export=true
    python tools/mos_rehearsal.py runs/mos
    python tools/mos_rehearsal.py runs/mos --kills 20 --browsers 2 --pictures pictures

Works on a copy, runs/mos_rehearsal: the study itself gets no rating. All raters are simulated, one of them careless: a
rating is the quality that `qualities` gives a method, plus the rater's bias, plus noise, rounded and clipped to 1..5.
Some rate in a real browser, the others over HTTP, all at once, while the server is killed (kill -9) again and again. At
the end every rating that the server had acknowledged must be there, and nothing twice.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import requests

from srlab import finite
from srlab.errors import SrlabError
from srlab.mos.ratings import FILE, Ratings
from srlab.mos.report import write_report
from srlab.mos.study import Rater, Study, open_study

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
QUIET = ("--headless=new", "--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-sync",
         "--disable-component-update", "--disable-default-apps", "--disable-dev-shm-usage", "--disable-gpu",
         "--hide-scrollbars")  # fmt: skip
SIZES = {"desktop": (1280, 800), "phone": (360, 740)}
BIAS, NOISE = 0.4, 0.6  # standard deviations over raters, and of one rating


@dataclass
class Server:
    """A process of `srlab mos serve`, always at the same port."""

    study: Study
    port: int = 0
    printed: str = ""
    process: "subprocess.Popen[str] | None" = None

    def start(self) -> None:
        """Returns when it serves. Raises RuntimeError with what it printed when it does not."""
        command = [sys.executable, "-m", "srlab", "mos", "serve", str(self.study.folder), f"port={self.port}"]
        self.process = subprocess.Popen(
            command, env=os.environ.copy(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("serving"):
                break
        self.printed = "".join(lines)
        found = re.search(r"^serving .* at http://127\.0\.0\.1:(\d+);", self.printed, re.M)
        if found is None:
            raise RuntimeError(f"the server did not start: {self.printed}")
        self.port = int(found[1])

    def kill(self) -> None:
        """kill -9"""
        assert self.process is not None and self.process.stdout is not None
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def link(self, rater: Rater) -> str:
        return f"http://127.0.0.1:{self.port}/r/{rater.token}"


@contextmanager
def running(study: Study) -> Iterator[Server]:
    server = Server(study)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def browser(size: str = "desktop", downloads: Path | None = None) -> Iterator[Any]:
    """Selenium's driver of a headless Chromium. size: of SIZES; a phone has a touch screen, two pixels a CSS pixel."""
    from selenium import webdriver  # noqa: PLC0415 - only where there is a browser
    from selenium.webdriver.chrome.service import Service  # noqa: PLC0415

    if CHROMIUM is None or DRIVER is None:
        raise SrlabError("no Chromium with its driver here. On Debian: apt install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    width, height = SIZES[size]
    for word in (*QUIET, f"--window-size={width},{height}"):
        options.add_argument(word)
    if size == "phone":
        metrics = {"width": width, "height": height, "pixelRatio": 2.0, "touch": True}
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
    if downloads is not None:
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """The rating page in a browser, used as a person uses it: by keys or by the mouse."""

    def __init__(self, driver: Any, link: str) -> None:
        self.driver = driver
        driver.get(link)

    def begin(self) -> None:
        self.wait(lambda: self.element("begin").is_displayed())
        self.element("begin").click()
        self.wait_for_picture()

    def element(self, identity: str) -> Any:
        return self.driver.find_element("id", identity)

    def text(self, identity: str) -> str:
        return str(self.element(identity).text)

    @property
    def position(self) -> int:
        """The number in "Picture 7 of 30"; one more than there are at the end."""
        numbers = [int(number) for number in re.findall(r"\d+", self.text("count"))]
        return numbers[0] if len(numbers) == 2 else numbers[0] + 1

    @property
    def ended(self) -> bool:
        return bool(self.element("end").is_displayed())

    @property
    def trial(self) -> str:
        return str(self.element("image").get_attribute("src")).rpartition("/")[2]

    def keys(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains  # noqa: PLC0415

        ActionChains(self.driver).send_keys(*keys).perform()

    def rate(self, rating: int, by: str = "keys") -> None:
        """Rates the picture and waits for the next, or the end. by: "keys" or "mouse"."""
        before = self.position
        if by == "keys":
            self.keys(str(rating), "\ue007")  # Enter
        else:
            self.driver.find_element("css selector", f"input[name=rating][value='{rating}']").click()
            self.element("next").click()
        self.wait(lambda: self.ended or self.position > before)
        if not self.ended:
            self.wait_for_picture()

    def wait_for_picture(self) -> None:
        self.wait(lambda: self.driver.execute_script("return !busy && !document.getElementById('rating').hidden"))

    def wait(self, condition: Any, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"the page stays at: {self.driver.find_element('tag name', 'body').text}")
            time.sleep(0.02)


@dataclass
class SimulatedRater:
    """bias [grades]: added to everything. careless: rates at random, whatever is shown."""

    bias: float
    generator: np.random.Generator
    careless: bool = False

    def rate(self, quality: float) -> int:
        if self.careless:
            return int(self.generator.integers(1, 6))
        return int(np.clip(np.rint(quality + self.bias + self.generator.normal(0, NOISE)), 1, 5))


@dataclass
class Rehearsal:
    """acknowledged: (rater, trial) -> rating, as soon as the server has answered 200."""

    study: Study
    raters: list[SimulatedRater]
    acknowledged: dict[tuple[int, str], int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    ready: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))  # one for each browser

    def rating(self, rater: Rater, trial: str) -> int:
        """What a rater gives. In the calibration, all but the careless do as they are told."""
        item = self.study.items[rater.by_id[trial].item]
        simulated = self.raters[rater.number - 1]
        if item.expected is not None and not simulated.careless:
            return item.expected
        return simulated.rate(qualities(self.study)[item.method])

    def acknowledge(self, rater: Rater, trial: str, rating: int) -> None:
        with self.lock:
            self.acknowledged[rater.number, trial] = rating

    def over_http(self, rater: Rater, link: str) -> None:
        """A whole session. A request without an answer is sent again; 409 says that the lost answer was a 200."""
        with requests.Session() as http:
            state = _patiently(http, "GET", f"{link}/session").json()
            while state["trial"] is not None:
                trial = state["trial"]["id"]
                image = _patiently(http, "GET", f"{link}/images/{trial}")
                assert image.content == self.study.image(rater.by_id[trial].item)
                rating = self.rating(rater, trial)
                answer = _patiently(http, "POST", f"{link}/ratings", json={"item": trial, "rating": rating})
                if answer.status_code == 200:
                    self.acknowledge(rater, trial, rating)
                state = answer.json() if answer.status_code == 200 else answer.json()["session"]

    def in_browser(self, rater: Rater, link: str, pictures: Path | None) -> None:
        """Every odd rater by keys, every even one by the mouse, at phone size."""
        by, size = ("keys", "desktop") if rater.number % 2 else ("mouse", "phone")
        with browser(size) as driver:
            page = Page(driver, link)
            _picture(driver, pictures, f"{size}-welcome")
            page.begin()
            self.ready.release()
            while not page.ended:
                trial = page.trial
                rating = self.rating(rater, trial)
                kind = rater.by_id[trial].kind
                _picture(driver, pictures, f"{size}-{kind}")
                page.rate(rating, by)
                self.acknowledge(rater, trial, rating)


def _patiently(http: requests.Session, method: str, url: str, **more: Any) -> requests.Response:
    while True:
        try:
            return http.request(method, url, timeout=20, **more)
        except requests.RequestException:
            time.sleep(0.5)


def _picture(driver: Any, folder: Path | None, name: str) -> None:
    if folder is not None and not (folder / f"{name}.png").exists():
        driver.save_screenshot(str(folder / f"{name}.png"))


def qualities(study: Study) -> dict[str, float]:
    """What simulated raters think of a method, in grades: a third of a grade for every dB of PSNR over bicubic.

    Invented, but for the ends and bicubic, which are about the SRGAN paper's.
    """
    psnr: dict[str, list[float]] = {}
    for row in study.results:
        psnr.setdefault(row["method"], []).append(finite.or_none(finite.from_json(row["psnr"])) or 60.0)
    means = {method: float(np.mean(values)) for method, values in psnr.items()}
    ours = {method: float(np.clip(2 + (mean - means["bicubic"]) / 3, 1.2, 4)) for method, mean in means.items()}
    return {**ours, "nearest": 1.3, "HR": 4.4}


def rehearse(study: Study, kills: int, browsers: int, pictures: Path | None = None, seed: int = 0) -> Rehearsal:
    """All raters at once, and the server killed between any two ratings. Raises AssertionError where one is lost."""
    streams = np.random.default_rng(seed).spawn(len(study.raters))
    raters = [SimulatedRater(stream.normal(0, BIAS), stream, False) for stream in streams]
    raters[-1].careless = True
    rehearsal = Rehearsal(study, raters)
    total = sum(len(rater.trials) for rater in study.raters)
    with running(study) as server, ThreadPoolExecutor(len(study.raters)) as pool:
        links = {rater: server.link(rater) for rater in study.raters}
        sessions = [
            pool.submit(rehearsal.in_browser, rater, links[rater], pictures) for rater in study.raters[:browsers]
        ]
        for _ in range(browsers):  # a browser takes longer to start than the others to rate
            _until(lambda: rehearsal.ready.acquire(blocking=False), sessions)
        sessions += [pool.submit(rehearsal.over_http, rater, links[rater]) for rater in study.raters[browsers:]]
        for kill in range(1, kills + 1):
            enough = kill * total // (kills + 1)
            _until(lambda enough=enough: len(rehearsal.acknowledged) >= enough, sessions)
            server.kill()
            server.start()
        for session in sessions:
            session.result()
    _check(rehearsal, total)
    return rehearsal


def _until(condition: Any, sessions: list[Any]) -> None:
    """Waits, but not for sessions that have failed."""
    while not condition():
        for session in sessions:
            if session.done():
                session.result()
        time.sleep(0.02)


def _check(rehearsal: Rehearsal, total: int) -> None:
    ratings = Ratings(rehearsal.study)
    stored = {(one.rater, one.trial): one.rating for one in ratings.all()}
    ratings.close()
    lost = {key for key, rating in rehearsal.acknowledged.items() if stored.get(key) != rating}
    assert not lost, f"acknowledged and lost: {sorted(lost)}"
    assert len(stored) == total, f"{len(stored)} ratings of {total}"


def copy_of(study: Study, folder: Path) -> Study:
    """The study without any rating, in a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(study.folder, folder, ignore=shutil.ignore_patterns(f"{FILE}*", "report", "static"))
    return open_study(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, metavar="STUDY")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--browsers", type=int, default=2, help="raters who use a real browser")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="screenshots of the page go there")
    arguments = parser.parse_args()
    start = time.monotonic()
    try:
        source = open_study(arguments.study)
        study = copy_of(source, source.folder.with_name(f"{source.folder.name}_rehearsal"))
        if arguments.pictures is not None:
            arguments.pictures.mkdir(parents=True, exist_ok=True)
        rehearsal = rehearse(study, arguments.kills, arguments.browsers, arguments.pictures)
        write_report(study.folder)
    except SrlabError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    print(
        f"{len(study.raters)} raters, {arguments.browsers} of them in a browser; "
        f"the server was killed {arguments.kills} times; all {len(rehearsal.acknowledged)} acknowledged ratings "
        f"are there; {time.monotonic() - start:.0f} s in all"
    )


if __name__ == "__main__":
    main()
