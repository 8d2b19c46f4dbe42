"""The page in a real browser: upload, slider, zoom, download, refusals; at a desk and on a phone."""

import io

import numpy as np
import pytest
import requests
from helpers import wait_for
from mos_rehearsal import browser
from mos_study import needs_browser
from PIL import Image
from web_server import SECONDS, png

from srlab.data.synthetic import synthetic_image

pytestmark = [pytest.mark.slow, needs_browser]
PHOTO = synthetic_image(3, 48)[:36]


@pytest.fixture(scope="module")
def drivers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("downloads")
    with browser("desktop", folder) as desktop, browser("phone") as phone:
        yield desktop, phone, folder


def find(driver, name):
    return driver.find_element("id", name)


def choose(driver, path, network="own 1"):
    """Opens the file in the page, as the dialogue of the browser does, and chooses a network."""
    find(driver, "file").send_keys(str(path))
    for option in find(driver, "network").find_elements("tag name", "option"):
        if option.get_attribute("value") == network:
            option.click()


def enlarge(driver, server, path):
    driver.get(server.address)
    choose(driver, path)
    wait_for(find(driver, "enlarge").is_enabled)
    find(driver, "enlarge").click()
    wait_for(find(driver, "download").is_displayed)


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "my photo.png"
    path.write_bytes(png(PHOTO))
    return path


def test_a_photo_is_enlarged_compared_and_downloaded(drivers, served, photo):
    driver, _, folder = drivers
    enlarge(driver, served, photo)
    width = find(driver, "after").size["width"]
    assert width == 2 * PHOTO.shape[1]  # at 1:1
    before = find(driver, "clip").size["width"]
    find(driver, "slider").send_keys("\ue013" * 20)  # arrow up
    wait_for(lambda: find(driver, "clip").size["width"] > before)
    find(driver, "download").click()
    wait_for(lambda: [path for path in folder.iterdir() if path.suffix == ".png"])
    (downloaded,) = folder.glob("*.png")
    expected = served.result(served.last(png(PHOTO))["after"])
    np.testing.assert_array_equal(np.asarray(Image.open(downloaded)), expected)


def test_nothing_is_asked_of_another_host(drivers, served, photo):
    driver = drivers[0]
    enlarge(driver, served, photo)
    names = driver.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert names and all(name.startswith((served.address, "blob:", "data:")) for name in names)
    policy = requests.get(served.address, timeout=SECONDS).headers["content-security-policy"]
    assert "default-src 'self'" in policy or "default-src 'none'" in policy
    assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_what_is_no_image_and_what_is_too_large_is_said(drivers, narrow, tmp_path):
    driver = drivers[0]
    (tmp_path / "text.png").write_text("no image")
    Image.fromarray(synthetic_image(0, 300)).save(tmp_path / "large.png")
    for name, words in (("text.png", "image"), ("large.png", "megapixel")):
        driver.get(narrow.address)
        choose(driver, tmp_path / name)
        if find(driver, "enlarge").is_enabled():
            find(driver, "enlarge").click()
        wait_for(lambda words=words: words in find(driver, "failure").text + find(driver, "facts").text)
        assert not find(driver, "download").is_displayed()


def test_a_phone_shows_all_of_it(drivers, served, photo):
    driver = drivers[1]
    enlarge(driver, served, photo)
    overflow = driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0
    for name in ("stage", "slider", "download"):
        box = find(driver, name).rect
        assert box["x"] >= 0 and box["x"] + box["width"] <= driver.execute_script("return window.innerWidth")


def test_the_thumbnail_and_the_examples_are_pictures(drivers, served):
    driver = drivers[0]
    driver.get(served.address)
    examples = find(driver, "examples").find_elements("tag name", "img")
    assert len(examples) >= 3
    wait_for(lambda: all(image.get_property("naturalWidth") > 0 for image in examples))
    content = requests.get(examples[0].get_attribute("src"), timeout=SECONDS).content
    assert min(Image.open(io.BytesIO(content)).size) > 32
