"""The page in a real browser: whole sessions by keys and by mouse, interruptions, two raters, what it shows."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from mos_rehearsal import Page, Server, browser, running
from mos_study import needs_browser

from srlab.mos.ratings import Ratings
from srlab.mos.study import Study

pytestmark = needs_browser
ENTER = "\ue007"


@pytest.fixture(scope="module")
def drivers():
    """A window of a computer and one of a phone: starting a browser takes longer than most tests."""
    with browser("desktop") as desktop, browser("phone") as phone:
        yield desktop, phone


@pytest.fixture
def server(study):
    with running(study) as server:
        yield server


def open_page(driver, server: Server, rater: int = 1) -> Page:
    return Page(driver, server.link(server.study.raters[rater - 1]))


def stored(study: Study, rater: int) -> list[int]:
    """Ratings in the order of the plan."""
    ratings = Ratings(study)
    rated = ratings.of(rater)
    ratings.close()
    return [rated[trial.id] for trial in study.raters[rater - 1].trials if trial.id in rated]


def test_a_session_by_keys_with_a_reload_and_one_by_mouse_at_once(drivers, server):
    """Rater 1 at a desk by keys, reloading in the middle; rater 2 on a phone by touch and buttons."""
    given = {1: [], 2: []}

    def go(rater, driver, by):
        page = open_page(driver, server, rater)
        page.begin()
        while not page.ended:
            rating = 1 + (len(given[rater]) * rater) % 5
            page.rate(rating, by)
            given[rater].append(rating)
            if rater == 1 and len(given[1]) == 13:
                driver.refresh()
                page.wait(lambda: page.text("welcome") == "Welcome back")
                assert page.text("count") == "Picture 14 of 23"
                page.begin()

    with ThreadPoolExecutor(2) as pool:
        for session in [pool.submit(go, 1, drivers[0], "keys"), pool.submit(go, 2, drivers[1], "mouse")]:
            session.result()
    for rater in (1, 2):
        assert given[rater] == stored(server.study, rater) and len(given[rater]) == 23
    drivers[0].refresh()
    page = open_page(drivers[0], server)
    page.wait(lambda: page.ended)
    assert page.text("thanks") == "Thank you!" and page.text("count") == "All 23 rated"


def test_a_killed_server(drivers, server):
    """The rating that was on its way is sent again when the server is back; the page needs no reload."""
    page = open_page(drivers[0], server)
    page.begin()
    page.rate(2)
    server.kill()
    back = threading.Timer(1.5, server.start)
    back.start()
    page.keys("4", ENTER)
    page.wait(lambda: "does not answer" in page.text("status"))
    page.wait(lambda: page.position == 3)
    back.join()
    page.wait_for_picture()
    page.rate(5)
    assert stored(server.study, 1) == [2, 4, 5]


def test_two_windows_of_one_rater(drivers, server):
    """What the first window has rated, the second does not rate again: it goes on where the first is."""
    first, second = open_page(drivers[0], server), open_page(drivers[1], server)
    first.begin()
    second.begin()
    first.rate(1)
    first.rate(2)
    second.rate(5)
    assert second.position == 3 and stored(server.study, 1) == [1, 2]


def test_calibration_says_what_to_give_and_the_study_does_not(drivers, server):
    page, rater = open_page(drivers[0], server), server.study.raters[0]
    page.begin()
    for trial in rater.trials[:12]:
        expected = server.study.items[trial.item].expected
        hint = "" if expected is None else f"Please give it {expected}."
        assert page.trial == trial.id and page.text("calibration").endswith(hint)
        assert page.element("calibration").is_displayed() == (trial.kind == "calibration")
        page.rate(3)


def test_nothing_is_sent_without_a_choice(drivers, server):
    page = open_page(drivers[0], server)
    page.begin()
    assert not page.element("next").is_enabled()
    page.keys(ENTER)
    page.wait(lambda: "Choose a rating" in page.text("status"))
    page.keys("6", "0", "x", ENTER)
    page.keys("2", "4")  # a second thought
    assert page.element("next").is_enabled() and stored(server.study, 1) == []
    page.keys(ENTER)
    page.wait(lambda: page.position == 2)
    assert stored(server.study, 1) == [4]


def test_sizes_are_in_pixels_of_the_screen(drivers, server):
    """At 1:1 a phone of two pixels a CSS pixel shows the image at half its CSS size."""
    for driver, ratio in zip(drivers, (1, 2), strict=True):
        page = open_page(driver, server)
        page.begin()
        image = page.element("image")
        natural = driver.execute_script("return arguments[0].naturalWidth", image)
        for size in (1, 2, 3):
            driver.find_element("css selector", f"input[name=zoom][value='{size}']").click()
            assert image.size["width"] == pytest.approx(natural * size / ratio, abs=1)
            assert image.value_of_css_property("image-rendering") == "pixelated"
        page.keys("z")
        assert driver.find_element("css selector", "input[name=zoom]:checked").get_attribute("value") == "fit"
        stage = page.element("stage").size
        assert image.size["width"] <= stage["width"] and image.size["height"] <= stage["height"]


def test_the_next_image_is_there_before_it_is_shown(drivers, server):
    page = open_page(drivers[0], server)
    page.begin()
    following = server.study.raters[0].trials[1].id
    page.wait(lambda: page.driver.execute_script("return ahead.complete && ahead.naturalWidth > 0"))
    assert page.driver.execute_script("return ahead.src").endswith(following)


def test_a_screen_reader_has_what_it_needs(drivers, server):
    """Names of the choices, a live region, one tab stop for each group, and nothing that only a mouse reaches."""
    driver = drivers[0]
    page = open_page(driver, server)
    page.begin()
    choices = driver.find_elements("css selector", "input[name=rating]")
    assert [choice.accessible_name for choice in choices] == ["1 Bad", "2 Poor", "3 Fair", "4 Good", "5 Excellent"]
    assert {choice.aria_role for choice in choices} == {"radio"}
    assert page.element("scale").accessible_name == "How good is the quality of this picture?"
    assert page.element("image").accessible_name == "Picture 1 of 23"
    assert page.element("progress").accessible_name == "Progress of your session"
    assert page.element("status").get_attribute("aria-live") == "polite"
    page.rate(4)
    assert driver.switch_to.active_element.get_attribute("id") == "scale"  # on no choice, but beside them
    assert page.text("status") == "Rated 4. Picture 2 of 23."
    page.keys("2", "\t")
    assert driver.switch_to.active_element.get_attribute("id") == "next"
    assert driver.switch_to.active_element.value_of_css_property("outline-style") == "solid"
    assert driver.find_element("tag name", "html").get_attribute("lang") == "en"


def test_a_phone_needs_no_sideways_scrolling(drivers, server):
    driver = drivers[1]
    page = open_page(driver, server)
    page.begin()
    width = driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1] == 360
    for name in ("image", "next"):
        box = page.element(name).rect
        assert box["x"] >= 0 and box["x"] + box["width"] <= 360 and box["y"] + box["height"] <= 740
    for choice in driver.find_elements("css selector", ".scale label"):
        assert choice.rect["height"] >= 44 and choice.rect["width"] >= 44


def test_a_forged_link_is_explained(drivers, server):
    drivers[0].get(f"http://127.0.0.1:{server.port}/r/forged")
    assert "Use the link that you were given" in drivers[0].find_element("tag name", "body").text


def test_the_page_has_no_errors(drivers, server):
    driver = drivers[0]
    driver.get_log("browser")
    page = open_page(driver, server)
    page.begin()
    page.rate(1)
    assert driver.get_log("browser") == []
