"""The catalog says what is true, and what it names is found."""

import re
from dataclasses import replace

import pytest
from helpers import ROOT, SHARED, needs_shared, write_image

from srlab.data.catalog import (
    BENCHMARKS,
    CATALOG,
    DEGRADATIONS,
    find_set,
    folder_of,
    hr_files,
    known_set,
    lr_file,
    parts_of,
    sets_with,
)
from srlab.data.duplicates import duplicates, look
from srlab.data.overlaps import overlap_warnings, shared_images
from srlab.errors import SrlabError

ASKED_FOR = {
    *("div2k_train", "div2k_valid", "flickr2k", "df2k", "set5", "set14", "b100", "urban100", "manga109", "t91"),
    *("bsds200", "bsds300", "bsds500", "general100", "l20", "outdoorscene", "pirm_valid", "pirm_test"),
}


def test_every_set_is_there():
    assert set(CATALOG) >= ASKED_FOR and BENCHMARKS == ("set5", "set14", "b100", "urban100", "manga109")


@pytest.mark.parametrize("entry", CATALOG.values(), ids=lambda entry: entry.name)
def test_an_entry_says_everything(entry):
    assert entry.title and entry.what.endswith(".") and entry.count > 0 and entry.licence
    assert entry.role in ("train", "valid", "test", "benchmark")
    # Fetched from a file with a checksum, or got in a way that is described, or made of such sets.
    assert [bool(entry.archives), bool(entry.how), bool(entry.parts)].count(True) == 1
    assert bool(entry.folders) != bool(entry.parts) and all(part in CATALOG for part in entry.parts)
    assert all(other in CATALOG for other in entry.overlaps) and set(entry.tracks) <= set(DEGRADATIONS)
    assert not entry.how or entry.folders[0] in entry.how, "where to put it"
    assert sum(part.count for part in parts_of(entry)) == entry.count
    for track in entry.tracks.values():
        for path in track.paths.values():
            assert "{stem}" in path and ("{version}" in path) == (track.versions > 1)


@pytest.mark.parametrize("archive", [a for e in CATALOG.values() for a in e.archives], ids=lambda archive: archive.name)
def test_an_archive_has_a_checksum(archive):
    assert archive.url.startswith("https://") and archive.name.endswith((".zip", ".tar", ".tgz"))
    assert archive.hr or archive.lr
    hashes = [(archive.sha256, 64), (archive.md5, 32)]
    assert any(value is not None for value, _ in hashes)
    for value, length in hashes:
        assert value is None or re.fullmatch(rf"[0-9a-f]{{{length}}}", value)


def test_every_lr_track_of_div2k_is_in_an_archive():
    for name in ("div2k_train", "div2k_valid"):
        entry = CATALOG[name]
        held = {
            (degradation, scale) for a in entry.archives for degradation, scales in a.lr.items() for scale in scales
        }
        assert held == {(degradation, scale) for degradation, track in entry.tracks.items() for scale in track.paths}
        assert set(entry.tracks) == set(DEGRADATIONS) and len(entry.archives) == 11


def test_names_and_aliases():
    assert find_set("BSD200") is CATALOG["bsds200"] and find_set("bsd100") is CATALOG["b100"]
    assert known_set("photos/set5") is None
    names = [name for entry in CATALOG.values() for name in (entry.name, *entry.aliases)]
    assert len(names) == len(set(names))
    with pytest.raises(SrlabError, match=r"'bsds20' is not a set .*Did you mean 'bsds200'"):
        find_set("bsds20")


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("bsds500", "b100", "validation images are B100"),
        ("b100", "bsds500", "validation images are B100"),
        ("bsds300", "bsds200", "training images are BSDS200"),
        ("df2k", "div2k_train", "part of both"),
        ("set5", "set5", "the same set"),
        ("bsds200", "b100", None),
        ("df2k", "div2k_valid", None),
    ],
)
def test_what_sets_share(first, second, shared):
    found = shared_images(CATALOG[first], CATALOG[second])
    assert (found is None) == (shared is None) and (shared is None or shared in found)


def test_a_warning_names_both_sets_and_why():
    trained, measured = [CATALOG["t91"], CATALOG["bsds500"]], [CATALOG["set14"], CATALOG["b100"]]
    (line,) = overlap_warnings(trained, measured)
    assert "bsds500 is trained on and b100 is measured" in line and "validation images are B100" in line


@pytest.mark.parametrize("name", ["train/BSDS200", "train/BSD200"])
def test_either_folder_is_taken(tmp_path, name):
    (tmp_path / name).mkdir(parents=True)
    assert folder_of(CATALOG["bsds200"], tmp_path) == tmp_path / name


def test_lr_paths(tmp_path):
    train, valid = CATALOG["div2k_train"], CATALOG["div2k_valid"]
    lr = tmp_path / "DIV2K"
    assert lr_file(train, tmp_path, "bicubic", 3, "0001") == lr / "DIV2K_train_LR_bicubic/X3/0001x3.png"
    assert lr_file(train, tmp_path, "bicubic", 8, "0001") == lr / "DIV2K_train_LR_x8/0001x8.png"
    assert lr_file(CATALOG["t91"], tmp_path, "bicubic", 3, "t1") is None
    for name in ("DIV2K_train_LR_wild/0001x4w3.png", "DIV2K_valid_LR_wild/0801x4w2.png"):
        (lr / name).parent.mkdir(parents=True)
        (lr / name).touch()
    assert lr_file(train, tmp_path, "wild", 4, "0001", 3) == lr / "DIV2K_train_LR_wild/0001x4w3.png"
    assert lr_file(valid, tmp_path, "wild", 4, "0801") == lr / "DIV2K_valid_LR_wild/0801x4w2.png"


@pytest.mark.parametrize(
    ("name", "degradation", "scale", "message"),
    [
        ("div2k_valid", "mild", 2, "data.degradation=mild has LR images of x4, not of x2"),
        ("div2k_train", "unknown", 8, "has LR images of x2 and x3 and x4, not of x8"),
        (
            "set5",
            "unknown",
            2,
            "set5: it has no LR images .* Those that have: div2k_train, .*, df2k",
        ),
        ("set5", "unkown", 2, "data.degradation=unkown: expected one of .* Did you mean 'unknown'"),
        (
            "div2k_valid",
            "unknown",
            4,
            "0801x4.png: no such LR file.*fetch div2k_valid data.degradation=unknown scale=4",
        ),
    ],
)
def test_lr_that_a_set_does_not_have(tmp_path, name, degradation, scale, message):
    with pytest.raises(SrlabError, match=message):
        lr_file(CATALOG[name], tmp_path, degradation, scale, "0801")


def test_sets_with_a_track():
    assert sets_with("wild") == ["div2k_train", "div2k_valid"] and "t91" not in sets_with("bicubic")


def test_a_set_that_is_not_whole(tmp_path, monkeypatch):
    monkeypatch.setitem(CATALOG, "set5", replace(CATALOG["set5"], count=2))
    write_image(tmp_path / "benchmark/Set5/HR/a.png", catalog_image())
    with pytest.raises(SrlabError, match=r"has 1 images, but Set5 has 2.*fetch set5 data\.root=.* force=true"):
        hr_files(CATALOG["set5"], tmp_path)


def catalog_image():
    from srlab.data.synthetic import synthetic_image

    return synthetic_image(0, 32)


@pytest.mark.parametrize(
    ("name", "word"), [("manga109", "ask for it at http"), ("t91", "put the 91 images into train/T91")]
)
def test_a_set_that_cannot_be_fetched_says_how_to_get_it(tmp_path, name, word):
    with pytest.raises(SrlabError, match=word):
        hr_files(CATALOG[name], tmp_path)


def test_docs_list_every_set():
    """The table of docs/data.md is the catalog's."""
    lines = (ROOT / "docs" / "data.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    table = {row[0].strip("`"): row[1:] for row in rows if row[0].strip("`") in CATALOG}
    assert list(table) == list(CATALOG)
    for name, (images, where, licence, others) in table.items():
        entry = CATALOG[name]
        assert images == str(entry.count) and licence == entry.licence
        sharing = [other.name for other in CATALOG.values() if other != entry and shared_images(entry, other)]
        assert others == (", ".join(sharing) or "-")
        assert where == ("`fetch`" if all(part.archives for part in parts_of(entry)) else "by yourself")


@needs_shared
@pytest.mark.parametrize("name", ["set5", "set14", "b100", "t91", "bsds200", "general100"])
def test_real_sets_are_found_and_whole(name):
    assert len(hr_files(CATALOG[name], SHARED / "data")) == CATALOG[name].count


@needs_shared
def test_overlaps_of_real_sets_are_those_of_the_catalog():
    names = ("set5", "set14", "b100", "t91", "bsds200", "general100")
    looks = {name: [look(path) for path in hr_files(CATALOG[name], SHARED / "data")] for name in names}
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    found = {(a, b): [(d.first.stem, d.second.stem) for d in duplicates(looks[a], looks[b])] for a, b in pairs}
    assert {pair: shared for pair, shared in found.items() if shared} == {
        ("set5", "set14"): [("head", "face")],
        ("set5", "bsds200"): [("woman", "302003")],
    }
    assert [pair for pair in pairs if shared_images(CATALOG[pair[0]], CATALOG[pair[1]])] == [
        pair for pair, shared in found.items() if shared
    ]
    assert [(d.first.stem, d.second.stem, d.exact) for d in duplicates(looks["t91"])] == [("t36", "t65", True)]
