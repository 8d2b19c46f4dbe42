"""study.json and ratings of somebody else: names that lead elsewhere, values of other kinds, files that are none."""

import json
import sqlite3

import pytest

from srlab.commands.mos import TOOLS
from srlab.errors import SrlabError
from srlab.mos.observations import observations
from srlab.mos.ratings import FILE, Rating, Ratings
from srlab.mos.server import serve
from srlab.mos.study import digest, open_study
from srlab.mos.web_application import application


def rewritten(study, change):
    """study.json with a change, and the digest that it should have then."""
    path = study.folder / "study.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    content["digest"] = digest(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def renamed(new):
    def change(content):
        old = next(iter(content["items"]))
        content["items"] = {new if name == old else name: item for name, item in content["items"].items()}
        for rater in content["raters"]:
            for trial in rater["trials"]:
                trial["item"] = new if trial["item"] == old else trial["item"]

    return change


@pytest.mark.parametrize(
    "name", ["../../secret", "/etc/passwd", "..", "", "a/b", "a\\b", "a\0b", "x" * 300, "a.b", "é"]
)
def test_item_names_lead_nowhere(study, name, tmp_path):
    (tmp_path / "secret.png").write_bytes(b"secret")
    rewritten(study, renamed(name))
    for refuse in (
        lambda: serve(study.folder, "127.0.0.1", 0, None),
        lambda: TOOLS["export"].main([str(study.folder), f"out={tmp_path / 'static'}"]),
    ):
        with pytest.raises(SrlabError, match=r"study\.json: items\.a key is .*letters, digits"):
            refuse()
    assert not (tmp_path / "static").exists()


def same_id_twice(content):
    first, second = content["raters"][0]["trials"][:2]
    second["id"] = first["id"]


def put(*keys, value):
    def change(content):
        inner = content
        for key in keys[:-1]:
            inner = inner[next(iter(inner)) if key == "first" else key]
        inner[next(iter(inner)) if keys[-1] == "first" else keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("raters", 0, "token", value="../x"), r"raters\.0\.token is '\.\./x'"),
        (put("raters", 0, "trials", 0, "id", value="a/b"), r"raters\.0\.trials\.0\.id"),
        (
            put("raters", 0, "trials", 0, "item", value="other"),
            r"raters\.0\.trials is 'other'; expected the name of one",
        ),
        (put("raters", 0, "trials", 0, "kind", value="free"), "expected calibration, test or repeat"),
        (same_id_twice, r"raters\.0\.trials is 'the same id twice'; expected a different id for each"),
        (put("raters", 0, "number", value=7), r"raters\.0\.number is 7"),
        (put("raters", value=[]), "raters is a list of 0"),
        (put("items", "first", "expected", value=9), r"expected is 9; expected an integer of at least 1, at most 5"),
        (put("items", "first", "sha256", value=None), "sha256 is None; expected a SHA-256"),
        (put("items", "first", "more", value=1), "a key is 'more'; expected one of set"),
        (put("results", 0, "psnr", value="high"), r"results\.0\.psnr is 'high'; expected a finite number"),
        (put("methods", value=["x"]), "expected one of methods"),
        (put("id", value="<script>"), "id is '<script>'; expected at most 64 letters"),
        (put("versions", value=[]), "versions is a list of 0"),
        (put("format", value=2), "of format 2; this version of srlab reads 1"),
        (put("format", value=None), "format is None"),
    ],
)
def test_every_key_is_checked(study, change, message):
    rewritten(study, change)
    with pytest.raises(SrlabError, match=rf"study\.json: .*{message}") as error:
        open_study(study.folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff", b"NaN", b"[" * 100_000, b'{"format": ' + b"9" * 5000 + b"}"]
)
def test_what_is_no_study_is_one_line(study, content):
    (study.folder / "study.json").write_bytes(content)
    with pytest.raises(SrlabError, match=r"study\.json: ") as error:
        open_study(study.folder)
    assert "\n" not in str(error.value)


def test_a_study_of_ours_is_none_of_it(study):
    assert open_study(study.folder).items == study.items
    Ratings(study).close()
    ratings = Ratings(study)
    ratings.add(Rating(1, study.raters[0].trials[0].id, 5, "2026-01-01T00:00:00.000+00:00"))
    ratings.close()
    again = Ratings(study)
    assert len(again.all()) == 1
    application(study, again)
    again.close()


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE ratings (x)",
        "CREATE VIEW ratings AS SELECT 1 AS rater",
        "CREATE TABLE other (x)",
        "CREATE TABLE study (digest TEXT NOT NULL) STRICT; "
        "CREATE TRIGGER t AFTER INSERT ON study BEGIN DELETE FROM study; END",
        "CREATE TABLE study (digest TEXT NOT NULL) STRICT; "
        "CREATE TABLE ratings (rater INTEGER NOT NULL, trial TEXT NOT NULL, rating INTEGER NOT NULL, "
        "time TEXT NOT NULL, "
        "PRIMARY KEY (rater, trial)) STRICT; "
        "INSERT INTO ratings VALUES (1, 'x', 99, 'now')",
    ],
)
def test_ratings_of_another_make_are_refused(study, script):
    connection = sqlite3.connect(study.folder / FILE)
    connection.executescript(script)
    connection.close()
    with pytest.raises(SrlabError, match=r"ratings\.sqlite3: cannot be used") as error:
        Ratings(study)
    assert "\n" not in str(error.value)


def test_a_rating_that_the_program_would_not_store(study):
    """In a file whose tables are right."""
    Ratings(study).close()
    connection = sqlite3.connect(study.folder / FILE)
    connection.execute("INSERT INTO ratings VALUES (0, 'x', 3, 'now')")
    connection.commit()
    connection.close()
    with pytest.raises(SrlabError, match=r"ratings\.sqlite3: cannot be used \(rater 0 has the rating 3 of x\)"):
        Ratings(study)


def test_ratings_outside_1_to_5_are_not_stored(study):
    ratings = Ratings(study)
    with pytest.raises(ValueError, match="expected a rating from 1 to 5, not 6"):
        ratings.add(
            Rating(1, study.raters[0].trials[0].id, 3, "now"), Rating(1, study.raters[0].trials[1].id, 6, "now")
        )
    assert ratings.all() == []
    ratings.close()


@pytest.mark.parametrize(("rater", "trial"), [(1, "other"), (99, None)])
def test_ratings_that_the_plan_does_not_have(study, rater, trial):
    trial = trial or study.raters[0].trials[0].id
    with pytest.raises(SrlabError, match=f"the rating of {trial} by rater {rater} is not in the plan"):
        observations(study, [Rating(rater, trial, 3, "now")])
