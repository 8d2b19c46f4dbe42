"""The page in a real browser, from a file: sorting, the slider, methods, error maps, zoom; nothing asked, no error."""

import json

import numpy as np
import pytest
from helpers import wait_for
from mos_rehearsal import browser
from mos_study import needs_browser
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions import interaction
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from srlab.evaluation.validation_panel import error_map
from srlab.imaging.files import read_image

pytestmark = [pytest.mark.slow, needs_browser]


@pytest.fixture(scope="module")
def desktop():
    with browser("desktop") as driver:
        yield driver


@pytest.fixture(scope="module")
def address(measured):
    measured.page("viewer.html")
    return (measured.folder / "viewer.html").as_uri()


@pytest.fixture
def page(desktop, address):
    """The page as it is when it has been opened, and at the end: no error, no violation of its policy, no request."""
    opened(desktop, address)
    yield desktop
    assert desktop.get_log("browser") == []
    names = desktop.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert all(name.startswith("data:") for name in names)


def opened(driver, address):
    driver.get(address)
    wait_for(lambda: find(driver, "right-name").text)


def find(driver, name):
    return driver.find_element("id", name)


def choose(driver, name, text):
    Select(find(driver, name)).select_by_visible_text(text)


def press(driver, selector):
    element = driver.find_element("css selector", selector)
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    element.click()


def pixels(driver, side):
    """What a canvas shows, (H, W, 3)."""
    script = """const canvas = document.getElementById(arguments[0]);
        const { width, height } = canvas;
        const copy = Object.assign(document.createElement("canvas"), { width, height });
        const context = copy.getContext("2d", { willReadFrequently: true });
        context.drawImage(canvas, 0, 0);
        return [height, width, [...context.getImageData(0, 0, width, height).data]];"""
    height, width, values = driver.execute_script(script, f"{side}-image")
    return np.array(values, np.uint8).reshape(height, width, 4)[..., :3]


def column_of(driver, place, table=1):
    rows = driver.find_elements("css selector", f"[aria-labelledby=table-{table}] tbody tr")
    return [row.find_elements("css selector", "th, td")[place].text for row in rows]


def test_a_heading_sorts_by_click_and_by_key(page):
    button = page.find_element("css selector", "[aria-labelledby=table-1] th[data-column='1'] button")
    heading = button.find_element("xpath", "..")
    button.click()
    assert heading.get_attribute("aria-sort") == "descending"
    falling = list(map(float, column_of(page, 1)))
    assert falling == sorted(falling, reverse=True) and len(set(falling)) == 2
    button.send_keys(Keys.ENTER)
    assert heading.get_attribute("aria-sort") == "ascending"
    assert list(map(float, column_of(page, 1))) == falling[::-1]


def test_values_that_are_not_finite_sort_last_and_a_long_table_is_filtered(desktop, measured):
    content = json.loads((measured.folder / "results.json").read_text(encoding="utf-8"))
    first = content["rows"][0]
    values = [None, "nan", *range(20, 30)]
    content["rows"] = [{**first, "method": f"method {i}", "psnr": value} for i, value in enumerate(values)]
    (measured.folder / "many.json").write_text(json.dumps(content), encoding="utf-8")
    measured.page("many.html", "many.json")
    desktop.get((measured.folder / "many.html").as_uri())
    for order, ends in (("descending", ["29.00", "28.00"]), ("ascending", ["20.00", "21.00"])):
        heading = desktop.find_element("css selector", "th[data-column='1']")
        heading.find_element("tag name", "button").click()
        assert heading.get_attribute("aria-sort") == order
        shown = [text.strip("¹²") for text in column_of(desktop, 1)]
        assert shown[:2] == ends and {*shown[-2:]} == {"inf", "nan"}
    desktop.find_element("css selector", "input[type=search]").send_keys("METHOD 1")
    assert {text for text in column_of(desktop, 0) if text} == {"method 1", "method 10", "method 11"}
    assert desktop.find_element("tag name", "output").text == "3 of 12 methods"


def test_the_canvases_show_the_files_exactly(page, measured):
    choose(page, "place", "Set5 ×4")
    choose(page, "picture", "photo1")
    choose(page, "left", "bilinear")
    choose(page, "right", "HR")
    wait_for(lambda: find(page, "left-name").text == "bilinear" and find(page, "right-name").text == "HR")
    saved = read_image(measured.folder / "images/set5_x4/photo1_bilinear.png")
    np.testing.assert_array_equal(pixels(page, "left"), saved)
    np.testing.assert_array_equal(pixels(page, "right"), measured.hr("set5", 4, "photo1"))
    rows = json.loads((measured.folder / "results.json").read_text(encoding="utf-8"))["rows"]
    (own,) = [row for row in rows if (row["set"], row["scale"], row["method"]) == ("set5", 4, "bilinear")]
    assert f"{own['images']['photo1']['psnr']:.2f} dB" in find(page, "left-values").text
    choose(page, "left", "LR, enlarged pixels")
    wait_for(lambda: find(page, "left-name").text == "LR, enlarged pixels")
    shown = pixels(page, "left")
    np.testing.assert_array_equal(shown, shown[::4, ::4].repeat(4, axis=0).repeat(4, axis=1))


def test_error_maps_are_those_of_the_validation_panel(page, measured):
    press(page, "#right-error")
    wait_for(lambda: find(page, "legend").is_displayed())
    method = find(page, "right-name").text
    assert method == "bilinear", "bicubic, which is the best one here, stands on the left already"
    sr = read_image(measured.folder / f"images/mine_x2/photo0_{method}.png")
    expected = error_map(sr, measured.hr("mine", 2, "photo0"))
    # Python computes in single precision: a neighbouring colour, where an error is at the edge of two.
    differs = np.abs(pixels(page, "right").astype(int) - expected).max(axis=2)
    assert differs.max() <= 4 and (differs > 0).mean() < 0.01 and expected.max() > 100
    np.testing.assert_array_equal(
        pixels(page, "left"), read_image(measured.folder / "images/mine_x2/photo0_bicubic.png")
    )
    press(page, "#right-error")
    wait_for(lambda: not find(page, "legend").is_displayed())
    np.testing.assert_array_equal(pixels(page, "right"), sr)


def width_of(driver, name):
    return find(driver, name).size["width"]


def test_the_divider_follows_keys_and_the_pointer(page):
    slider, stage = find(page, "slider"), find(page, "stage")
    start = width_of(page, "left-pane")
    slider.send_keys(Keys.ARROW_RIGHT * 20)
    assert slider.get_attribute("value") == "70"
    wait_for(lambda: width_of(page, "left-pane") > start)
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", stage)
    ActionChains(page).click_and_hold(find(page, "divider")).move_by_offset(-90, 0).release().perform()
    wait_for(lambda: int(slider.get_attribute("value")) < 70)


def test_zoom_shows_pixels_and_the_image_moves_in_its_frame(page):
    press(page, "input[name=zoom][value='4']")
    assert (
        width_of(page, "left-image") == 4 * 64
        and find(page, "left-image").value_of_css_property("image-rendering") == "pixelated"
    )
    page.execute_script("document.getElementById('stage').style.height = '100px'")
    wait_for(lambda: "pan" in find(page, "stage").get_attribute("class"))
    before = find(page, "right-image").rect["y"]
    find(page, "stage").send_keys(Keys.ARROW_DOWN)
    assert find(page, "right-image").rect["y"] == before - 60 == find(page, "left-image").rect["y"]


def test_side_by_side_shows_both_whole(page):
    press(page, "input[name=layout][value=beside]")
    left, right = (find(page, f"{side}-image").rect for side in ("left", "right"))
    assert left["x"] + left["width"] < right["x"] and left["y"] == right["y"]
    assert not find(page, "slider").is_displayed()


def test_a_choice_stays_when_the_image_changes(page):
    choose(page, "right", "bilinear")
    choose(page, "place", "mine ×4")
    choose(page, "picture", "photo2")
    wait_for(lambda: find(page, "right-image").get_attribute("aria-label") == "bilinear, photo2")
    assert Select(find(page, "left")).first_selected_option.text == "bicubic"


def test_a_phone_shows_all_of_it(address):
    with browser("phone") as driver:
        opened(driver, address)
        assert driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth") <= 0
        for name in ("stage", "slider", "left", "right", "right-error"):
            box = find(driver, name).rect
            assert box["x"] >= 0 and box["x"] + box["width"] <= driver.execute_script("return window.innerWidth")
        drag_by_finger(driver, find(driver, "divider"), 60)
        wait_for(lambda: int(find(driver, "slider").get_attribute("value")) > 55)
        assert driver.get_log("browser") == []


def drag_by_finger(driver, element, distance):
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    finger = ActionBuilder(driver, mouse=PointerInput(interaction.POINTER_TOUCH, "finger"))
    finger.pointer_action.move_to(element).pointer_down().move_to(element, distance, 0).pointer_up()
    finger.perform()


def test_the_policy_stops_foreign_scripts(page):
    """Were a text of strangers to become an element after all, it would not run, and markup is no way to make one."""
    script = """window.ran = false;
        const script = document.createElement("script");
        try { script.textContent = "window.ran = true"; document.body.append(script); } catch { }
        try { document.body.innerHTML = "<p>gone</p>"; } catch { }
        return [window.ran, Boolean(document.getElementById("viewer"))];"""
    assert page.execute_script(script) == [False, True]
    assert all("Content Security Policy" in entry["message"] or "TrustedHTML" in entry["message"] or "TrustedScript" in
               entry["message"] for entry in page.get_log("browser"))  # fmt: skip
