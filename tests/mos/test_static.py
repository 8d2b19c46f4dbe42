"""The study as a folder of plain HTML: in a browser from file://, and its ratings back in the study."""

import os
import re
import threading
import time

import pytest
from mos_rehearsal import Page, browser
from mos_study import METHODS, needs_browser

from srlab.commands.mos import main
from srlab.errors import SrlabError
from srlab.mos.ratings import Rating, Ratings
from srlab.mos.static import COLUMNS, export_static, import_ratings


@pytest.fixture
def folder(study, tmp_path):
    export_static(study, tmp_path / "static")
    return tmp_path / "static"


@needs_browser
def test_a_session_from_files(study, folder, tmp_path):
    """Rated in two sittings, downloaded by the button, imported."""
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    with browser(downloads=downloads) as driver:
        page = Page(driver, f"{(folder / 'index.html').as_uri()}#2")
        assert page.element("rater").get_attribute("value") == "2"
        page.begin()
        trials = study.raters[1].trials
        for place in range(len(trials)):
            page.rate(1 + place % 5, "mouse" if place % 2 else "keys")
            if place == 12:
                driver.refresh()
                page.begin()
                assert page.position == 14
        assert page.ended and "download your ratings" in page.text("farewell")
        page.element("download").click()
        file = downloads / "ratings-02.csv"
        page.wait(file.is_file)
        time.sleep(0.2)
    ratings = Ratings(study)
    assert import_ratings(study, ratings, file) == len(trials)
    assert import_ratings(study, ratings, file) == 0
    assert ratings.of(2) == {trial.id: 1 + place % 5 for place, trial in enumerate(trials)}
    assert ratings.of(1) == {}


@needs_browser
@pytest.mark.parametrize("number", ["", "0", "4", "1.5"])
def test_a_number_that_nobody_has(folder, number):
    with browser() as driver:
        page = Page(driver, f"{(folder / 'index.html').as_uri()}")
        driver.execute_script("document.getElementById('rater').value = arguments[0]", number)
        page.element("begin").click()
        page.wait(lambda: page.text("reason"))
        assert "from 1 to 3" in page.text("reason")


def test_the_folder_is_whole_and_says_nothing(study, folder):
    page = (folder / "index.html").read_text()
    for name in re.findall(r'(?:src|href)="\./([^"]+)"', page):
        assert (folder / name).is_file()
    text = "".join(path.read_text() for path in folder.glob("*.*"))
    secrets = [*METHODS, "photo0", *(rater.token for rater in study.raters)]
    assert [secret for secret in secrets if re.search(rf"\b{re.escape(secret)}\b", text)] == []
    assert {path.stem for path in (folder / "images").iterdir()} == set(study.items)
    with pytest.raises(SrlabError, match="there is something already"):
        export_static(study, folder)


def line(study, rater=1, trial=0, rating="3", owner=None, time="2026-01-01T00:00:00Z"):
    item = study.raters[rater - 1].trials[trial].id
    return ",".join([owner or study.facts["id"], str(rater), item, rating, time])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda s: line(s, rating="6"), "line 3: the rating is 6; expected 1 to 5"),
        (lambda s: line(s, rating="3.0"), "line 3: the rating is 3.0"),
        (lambda s: line(s, owner="other"), "line 3: of the study other"),
        (lambda s: line(s).replace(",1,", ",9,"), "line 3: there is no rater 9"),
        (lambda s: line(s).replace(",1,", ",2,"), "line 3: rater 2 has no image"),
        (lambda s: line(s, rating="5"), "line 3: .* has the rating 3 of"),
        (lambda s: "a,b", "line 3: 2 values; expected 5"),
    ],
)
def test_a_file_with_a_mistake_adds_nothing(study, tmp_path, bad, message):
    file = tmp_path / "ratings.csv"
    file.write_text("\n".join([",".join(COLUMNS), line(study), bad(study)]) + "\n")
    ratings = Ratings(study)
    with pytest.raises(SrlabError, match=message):
        import_ratings(study, ratings, file)
    assert ratings.all() == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_rating_that_comes_from_elsewhere_meanwhile(study, tmp_path):
    """The file is a pipe, which is read after the ratings: what is stored before its first line comes in between."""
    file, rated = tmp_path / "ratings.csv", study.raters[0].trials[0].id
    os.mkfifo(file)

    def rate_and_send():
        with file.open("w", encoding="utf-8") as pipe:
            other = Ratings(study)
            other.add(Rating(1, rated, 5, "now"))
            other.close()
            pipe.write("\n".join([",".join(COLUMNS), line(study, trial=1), line(study)]) + "\n")

    sender, ratings = threading.Thread(target=rate_and_send, daemon=True), Ratings(study)
    sender.start()
    with pytest.raises(SrlabError, match=f"{rated} was rated at this moment elsewhere. Import the file again"):
        import_ratings(study, ratings, file)
    sender.join(20)
    assert [(one.trial, one.rating) for one in ratings.all()] == [(rated, 5)]
    ratings.close()


def test_a_file_that_is_something_else(study, tmp_path):
    file = tmp_path / "ratings.csv"
    for content in (b"", b"\xff\xfe", b"a,b\n1,2\n"):
        file.write_bytes(content)
        with pytest.raises(SrlabError, match=r"ratings\.csv: "):
            import_ratings(study, Ratings(study), file)


def test_the_commands(study, tmp_path, capsys):
    main(["export", str(study.folder)])
    assert (study.folder / "static/index.html").is_file() and "1 to 3" in capsys.readouterr().out
    file = tmp_path / "ratings.csv"
    file.write_text("\n".join([",".join(COLUMNS), line(study), line(study, trial=1)]) + "\n")
    main(["import", str(study.folder), str(file)])
    assert "2 new ratings" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["export", str(study.folder), "--static"])
    assert "choose another folder: out=OTHER" in capsys.readouterr().err
    main(["export", str(study.folder), "--static", f"out={tmp_path / 'other'}"])
    assert (tmp_path / "other/index.html").is_file()
    with pytest.raises(SystemExit):
        main(["export", str(study.folder), "static=false"])
    assert "the only kind" in capsys.readouterr().err
