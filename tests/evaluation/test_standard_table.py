"""`srlab standard-table`: the literature's numbers, and ours beside them from a folder of weights."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import SHARED, build, needs_shared, write_image

from srlab.commands import literature_table as command
from srlab.commands.evaluation import evaluate_config
from srlab.commands.standard_table import TABLES, TOOL
from srlab.config.compose import compose
from srlab.data.catalog import CATALOG
from srlab.errors import SrlabError
from srlab.evaluation.literature import Entry, LiteratureTable, find_table, table_names
from srlab.evaluation.standard_table import TableLine, comma_separated, literature_table
from srlab.evaluation.text_tables import SUPERSCRIPTS
from srlab.evaluation.weights_folder import weight_files
from srlab.methods import find_method
from srlab.weights.checkpoint import write_checkpoint

STANDARD = find_table("standard")


def entry(method: str, table: LiteratureTable = STANDARD) -> Entry:
    return next(known for known in table.entries if known.method == method)


# The literature


def test_the_table_goes_from_bicubic_to_han_in_33_rows():
    titles = [known.title for known in STANDARD.entries]
    assert len(titles) == len(set(titles)) == 33 and (titles[0], titles[-1]) == ("Bicubic", "HAN+")
    assert {known.title for known in STANDARD.rows(8)} == set(titles)
    assert table_names() == list(TABLES)


def test_some_rows_as_they_are_printed():
    """D-DBPN's and RCAN's tables: PSNR and SSIM of the five sets."""
    printed = {
        ("dbpn", 4): [(32.47, 0.8980), (28.82, 0.7860), (27.72, 0.7400), (26.38, 0.7946), (30.91, 0.9137)],
        ("rcan+", 2): [(38.33, 0.9617), (34.23, 0.9225), (32.46, 0.9031), (33.54, 0.9399), (39.61, 0.9788)],
        ("dbpn", 3): [None] * 5,
    }
    for (method, scale), row in printed.items():
        found = [STANDARD.quality(entry(method), name, scale) for name in STANDARD.sets]
        assert [None if quality is None else (quality["psnr"], quality["ssim"]) for quality in found] == row


def test_a_table_that_there_is_not():
    with pytest.raises(SrlabError, match=r"table=ntire2017: expected one of standard, .* Did you mean 'ntire2017_"):
        find_table("ntire2017")


@pytest.mark.parametrize("table", table_names())
def test_numbers_have_no_slips(table):
    """A digit out of place would break one of these: the ensemble gains, a larger scale loses, all beat bicubic."""
    table = find_table(table)
    for image_set in table.sets:
        for known in table.entries if table is STANDARD else ():
            psnr = [(table.quality(known, image_set, scale) or {}).get("psnr") for scale in table.scales]
            there = [value for value in psnr if value is not None]
            assert there == sorted(there, reverse=True), (known, image_set)
            if known.ensemble:
                for scale in table.scales:
                    own, base = (
                        table.quality(known, image_set, scale),
                        table.quality(entry(known.model), image_set, scale),
                    )
                    assert own is None or base is None or 0 < own["psnr"] - base["psnr"] < 0.5, (
                        known,
                        image_set,
                        scale,
                    )
                    assert own is None or base is None or 0 < own["ssim"] - base["ssim"] < 0.01, (
                        known,
                        image_set,
                        scale,
                    )
    for known in table.entries:
        for image_set in table.sets:
            for scale in table.scales:
                assert plausible(table, known, image_set, scale), (known, image_set, scale)


def plausible(table: LiteratureTable, known: Entry, image_set: str, scale: int) -> bool:
    """Better than bicubic, by less than 10 dB, but for what the challenge and FSRCNN at x8 really show."""
    found = table.quality(known, image_set, scale)
    bicubic = table.quality(entry("bicubic", table), image_set, scale)
    if found is None or bicubic is None or table.name == "ntire2017_unknown":
        return True
    failed = (known.method == "fsrcnn" and scale == 8) or known.title == "assafsho"
    better = found["psnr"] >= bicubic["psnr"] and (found["ssim"] is None or found["ssim"] >= bicubic["ssim"])
    return (better or failed) and found["psnr"] < bicubic["psnr"] + 10


def test_misprints_are_corrected_and_said():
    for method, image_set, scale, right, wrong in [
        ("lapsrn", "b100", 2, 31.80, "31.08"),
        ("bicubic", "manga109", 2, 30.80, "30.30"),
    ]:
        assert STANDARD.quality(entry(method), image_set, scale)["psnr"] == right
        assert wrong in STANDARD.note(entry(method), scale, image_set)
    assert STANDARD.quality(entry("vdsr"), "b100", 4)["ssim"] == 0.7251
    assert "0.0726" in STANDARD.note(entry("vdsr"), 4, "b100") and not STANDARD.note(entry("vdsr"), 2, "b100")
    challenge = find_table("ntire2017_bicubic")
    assert challenge.quality(entry("edsr+", challenge), "div2k_test", 4) == {"psnr": 29.09, "ssim": 0.837}
    assert "26.91" in challenge.note(entry("edsr+", challenge), 4, "div2k_test")


def test_the_challenge_has_the_teams_that_took_part():
    titles = [known.title for known in find_table("ntire2017_unknown").rows(2)]
    assert titles[0] == "SNU_CVLab 1" and titles[-1] == "bicubic interp." and "VICLab" not in titles
    assert "nicheng" not in titles and "nicheng" in [known.title for known in find_table("ntire2017_unknown").rows(3)]
    # Numbers of DIV2K's validation images in print are of bicubic LR images.
    unknown = find_table("ntire2017_unknown")
    assert unknown.quality(entry("edsr+", unknown), "div2k_valid", 2) is None
    assert find_table("ntire2017_bicubic").quality(entry("edsr+", unknown), "div2k_valid", 2)["psnr"] == 35.12


# As text


def test_markdown_and_latex_have_the_footnotes():
    table = literature_table(STANDARD, 2, [TableLine(known) for known in STANDARD.rows(2)])
    text = table.markdown()
    assert list(table.columns) == ["method", "Set5", "Set14", "B100", "Urban100", "Manga109", "protocol"]
    row = next(line for line in text.splitlines() if line.startswith("| LapSRN"))
    mark = row.partition("31.80 / 0.8950")[2][0]
    assert f"\n{mark} RCAN's table prints 31.08" in text
    assert "31.80 / 0.8950\\textsuperscript{" in table.latex() and "SNU\\_CVLab" not in table.latex()
    assert "| WDSR-A | 38.08 |  | 32.23 | 32.34 |  | luma |" in text  # published without SSIM, and not on all sets


def test_ssim_of_the_challenge_has_its_three_digits():
    table = find_table("ntire2017_bicubic")
    rows = literature_table(table, 2, [TableLine(known) for known in table.rows(2)]).rows
    assert [cell.rstrip(SUPERSCRIPTS) for cell in rows[-1][1:3]] == ["31.01 / 0.900", "31.01 / 0.9393"]


def test_csv_has_a_line_for_every_row_and_set():
    lines = [TableLine(known, parameters=7) for known in STANDARD.rows(3)]
    rows = list(csv.DictReader(comma_separated(STANDARD, 3, lines).splitlines()))
    assert len(rows) == 33 * 5
    dbpn, lapsrn = (next(row for row in rows if row["method"] == name) for name in ("D-DBPN", "LapSRN"))
    assert (dbpn["published_psnr"], dbpn["parameters"], dbpn["psnr"]) == ("", "7", "")
    assert (lapsrn["published_psnr"], lapsrn["published_ssim"], lapsrn["protocol"]) == ("33.82", "0.9227", "lapsrn")


# Measured


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Set5 and Set14 of one small image each."""
    random = np.random.default_rng(0)
    for name, folder in (("set5", "Set5"), ("set14", "Set14")):
        monkeypatch.setitem(CATALOG, name, replace(CATALOG[name], count=1))
        coarse = random.integers(0, 256, (6, 7, 3), dtype=np.uint8)
        write_image(
            tmp_path / "data" / "benchmark" / folder / "HR" / "a.png", coarse.repeat(6, axis=0).repeat(6, axis=1)
        )
    return tmp_path / "data"


def save(path: Path, model: str, scale: int = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(build(model, small=False, scale=scale).network.state_dict(), path)
    return path


def save_checkpoint(path: Path, model: str, scale: int = 2, **arguments) -> Path:
    """With the recipe's scales, as training writes them."""
    method = build(model, small=False, scale=scale)
    hparams = {**method.hparams, "network": {**method.hparams["network"], **arguments}}
    state = find_method(method.key)(hparams["network"], hparams["recipe"]).state_dict()
    write_checkpoint(path, method.key, hparams, state)
    return path


def run(out: Path, *words: str) -> list[dict[str, str]]:
    """The rows of the CSV that a command line writes."""
    TOOL.main([*words, "trainer.accelerator=cpu", f"out={out}"])
    return list(csv.DictReader(out.read_text().splitlines()))


def test_a_folder_of_weights(root, tmp_path, capsys):
    """A state dict, a checkpoint and a run are found and measured; the rest of the folder is named and does no harm."""
    weights = tmp_path / "weights"
    save(weights / "authors" / "fsrcnn_x2.pt", "fsrcnn")
    save(weights / "authors" / "fsrcnn_x3.pt", "fsrcnn", scale=3)
    save_checkpoint(weights / "srcnn.ckpt", "srcnn", kernels=[9, 5, 5])
    save_checkpoint(weights / "run" / "checkpoints" / "best.ckpt", "vdsr")
    (weights / "run" / "config.yaml").write_text("name: run\n")
    (weights / "broken.pt").write_bytes((weights / "srcnn.ckpt").read_bytes()[:1000])
    torch.save({"layers.0.weight": torch.zeros(1)}, weights / "other.pth")
    save_checkpoint(weights / "small.ckpt", "srcnn", widths=[8, 4])
    (weights / "notes.txt").write_text("not weights")

    words = ["scale=2", f"weights={weights}", f"data.root={root}", "sets=[set5]"]
    rows = run(tmp_path / "table.csv", *words, "rows=[bicubic,srcnn,fsrcnn,vdsr,lapsrn]")
    printed = capsys.readouterr().err.splitlines()
    said = [line for line in printed if not line.startswith("evaluating")]  # an image that takes long

    ours = {row["method"]: row for row in rows if row["psnr"]}
    assert {name: (row["set"], row["weights"], row["protocol"]) for name, row in ours.items()} == {
        "Bicubic": ("set5", "", "classic"),
        "SRCNN": ("set5", "srcnn.ckpt", "classic"),
        "FSRCNN": ("set5", "authors/fsrcnn_x2.pt", "classic"),
        "VDSR": ("set5", "run", "classic"),
    }
    for row in ours.values():
        assert float(row["difference"]) == pytest.approx(float(row["psnr"]) - float(row["published_psnr"]), abs=1e-9)
        assert float(row["seconds"]) > 0 and row["timed_on"].startswith("CPU")
    assert int(ours["SRCNN"]["parameters"]) == 57281 and int(ours["SRCNN"]["multiply_adds"]) == 57184 * 1280 * 720
    lapsrn = next(row for row in rows if row["method"] == "LapSRN")  # no weights, but srlab has the network
    assert (lapsrn["parameters"], lapsrn["psnr"], lapsrn["published_psnr"]) == ("407441", "", "37.52")
    assert len(said) == 4 and all(line.startswith(f"left out: {weights}/") for line in said)
    for name, reason in [
        ("authors/fsrcnn_x3.pt", "no row of x2 has fsrcnn of x3"),
        ("broken.pt", "not a file of weights"),
        ("other.pth", "no whole network that srlab has"),
        ("small.ckpt", "no row of x2 has srcnn of x2"),
    ]:
        assert any(name in line and reason in line for line in said), (name, said)


def test_ours_is_what_evaluate_measures(root, tmp_path):
    """By the row's protocol, which is `carn` here, and not the default."""
    path = save(tmp_path / "weights" / "any.pt", "carn_m")
    rows = run(tmp_path / "t.csv", "scale=3", f"weights={path.parent}", f"data.root={root}", "rows=[carn_m]")
    words = ["model=carn_m", f"weights={path}", "scale=3", "protocol=carn", "trainer=cpu", f"data.root={root}"]
    expected = evaluate_config(compose("evaluate", [*words, "sets=[set5,set14]", f"out={tmp_path / 'out'}"]))
    for row in expected:
        found = next(line for line in rows if line["set"] == row.set)
        assert (float(found["psnr"]), float(found["ssim"])) == pytest.approx((row.psnr, row.ssim))
        assert int(found["parameters"]) == row.parameters and int(found["multiply_adds"]) == row.multiply_adds


def test_the_ensemble_has_a_row_of_its_own(root, tmp_path):
    path = save(tmp_path / "weights" / "srfbn.pt", "srfbn")
    words = ["scale=2", f"weights={path}", f"data.root={root}", "sets=[set5]", "rows=[srfbn,srfbn+]"]
    plain, ensemble = (row for row in run(tmp_path / "t.csv", *words) if row["psnr"])
    assert (plain["method"], ensemble["method"]) == ("SRFBN", "SRFBN+") and plain["psnr"] != ensemble["psnr"]
    rows = [row for row in run(tmp_path / "t.csv", *words, "ensemble=false") if row["psnr"]]
    assert rows == [{**plain, "seconds": rows[0]["seconds"]}]


def test_two_files_of_a_method_are_two_lines(root, tmp_path):
    for name in ("a.pt", "b.pt"):
        save(tmp_path / "weights" / name, "fsrcnn")
    words = ["scale=2", f"weights={tmp_path / 'weights'}", f"data.root={root}", "rows=[fsrcnn]"]
    TOOL.main([*words, f"out={tmp_path / 'table.md'}"])
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert [line.split(" | ")[-1] for line in lines[2:4]] == ["a.pt |", "b.pt |"]
    # Both sets, each with what is published and ours; the others as published.
    assert lines[0].split(" | ")[1:8] == [
        *("Set5", "Set5 ours", "Set5 diff", "Set14", "Set14 ours", "Set14 diff", "B100"),
    ]
    assert any(line.startswith("s/image: CPU") for line in lines)


def test_one_scale_of_a_network_for_several_is_its_row(root, tmp_path):
    """The authors' CARN as conversions have it: the trunk, and the upsampler of x2."""
    method = find_method("carn")({"scales": [2]})
    (tmp_path / "weights").mkdir()
    torch.save(method.network.state_dict(), tmp_path / "weights" / "carn.pt")
    words = ["scale=2", f"weights={tmp_path / 'weights'}", f"data.root={root}", "rows=[carn]", "sets=[set5]"]
    measured = [row for row in run(tmp_path / "t.csv", *words) if row["psnr"]]
    assert [row["parameters"] for row in measured] == ["964163"]


def test_without_a_network_the_published_row_stands(root, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "CONF", tmp_path)  # a conf/model without anything
    command._configured.cache_clear()
    command._size.cache_clear()
    try:
        path = save(tmp_path / "weights" / "fsrcnn_x2.pt", "fsrcnn")
        rows = run(tmp_path / "t.csv", "scale=2", f"weights={path}", f"data.root={root}", "rows=[aplus,fsrcnn,rcan]")
    finally:
        command._configured.cache_clear()
        command._size.cache_clear()
    assert [row["psnr"] for row in rows] == [""] * 15
    assert {row["method"]: row["parameters"] for row in rows}["RCAN"] == "15444667"
    assert rows[0]["published_psnr"] == "36.54"


def test_a_slow_method_without_weights_is_measured_where_it_is_named(root, tmp_path):
    path = save(tmp_path / "weights" / "fsrcnn_x2.pt", "fsrcnn")
    table = replace(STANDARD, entries=(entry("bicubic"),), slow=("bicubic",))
    request = command.Request("standard", 2, path, ["set5"], root=root, accelerator="cpu")
    assert [line.measured for line in command.table_lines(table, request)] == [{}]
    (line,) = command.table_lines(table, replace(request, rows=["bicubic"]))
    assert line.measured.keys() == {"set5"} and line.weights == ""


def test_the_size_of_a_row_at_a_scale_that_its_network_does_not_have():
    """LapSRN makes x3 from x4, by other options; CARN and D-DBPN have no x8 and x3, and no number there."""

    def size(method: str, scale: int) -> tuple[int | None, int | None]:
        line = command._without_measurement(STANDARD, entry(method), scale)
        return line.parameters, line.multiply_adds

    assert size("lapsrn", 3) == (814242, None)
    assert size("carn", 8) == size("dbpn", 3) == (None, None)


@pytest.mark.slow
@needs_shared
def test_the_authors_weights_give_the_rows_of_set5(tmp_path):
    """FSRCNN, SRCNN and LapSRN, each by its own protocol, to 0.01 dB of what is printed."""
    words = ["scale=2", f"weights={SHARED / 'weights'}", f"data.root={SHARED / 'data'}", "sets=[set5]"]
    rows = run(tmp_path / "t.csv", *words, "rows=[bicubic,srcnn,fsrcnn,lapsrn]")
    measured = {row["method"]: float(row["difference"]) for row in rows if row["psnr"]}
    assert measured.keys() == {"Bicubic", "SRCNN", "FSRCNN", "LapSRN"}
    assert all(abs(difference) < 0.01 for difference in measured.values()), measured


# Bad input


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], r"scale=VALUE is needed"),
        (["scale=5"], r"scale=5: the table standard has 2, 3, 4, 8\. Choose one of them"),
        (["scale=8", "table=ntire2017_unknown"], r"the table ntire2017_unknown has 2, 3, 4\."),
        (["scale=2", "table=ntire2017"], r"table=ntire2017: expected one of standard, .* Did you mean 'ntire2017_"),
        (["scale=2", "format=html"], r"format=html: expected one of markdown, latex, csv"),
        (["scale=2", "rows=[edrs]"], r"rows=edrs: no method of this table; it has bicubic, .* Did you mean 'edsr'\?"),
        (["scale=2", "out=nowhere/table.md"], r"out=nowhere/table\.md: there is no folder nowhere"),
        (["scale=2", "weights=nowhere"], r"weights=nowhere: no such folder"),
        (
            ["scale=2", "weights={empty}"],
            r"weights=.*/empty: holds no weights: no run, and no file that ends in \.ckpt, ",
        ),
        (
            ["scale=2", "weights={full}", "sets=[div2k_valid]"],
            r"sets=div2k_valid: of the table standard, set5, .* can be",
        ),
        (["scale=2", "weights={full}", "data.root={empty}"], r"data\.root=.*/empty: none of set5, .* is there\."),
        (["scale=2", "weights={full}", "data.root={empty}", "sets=[set5]"], r"set5: .* is not there"),
    ],
)
def test_bad_input_is_named(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.pt").write_bytes(b"")
    places = {name: tmp_path / name for name in ("empty", "full")}
    with pytest.raises(SrlabError, match=message):
        TOOL.main([word.format(**places) for word in words])


def test_what_is_found_in_a_folder(tmp_path):
    """Of a run its best checkpoint alone; files by name; no link that leads back."""
    (tmp_path / "runs" / "a" / "checkpoints").mkdir(parents=True)
    for name in ("runs/a/config.yaml", "runs/a/checkpoints/best.ckpt", "b.safetensors", "a.pth", "c.onnx"):
        (tmp_path / name).touch()
    (tmp_path / "runs" / "loop").symlink_to(tmp_path)
    assert weight_files(tmp_path) == [tmp_path / "a.pth", tmp_path / "b.safetensors", tmp_path / "runs" / "a"]
    assert weight_files(tmp_path / "runs" / "a") == [tmp_path / "runs" / "a"]
    assert weight_files(tmp_path / "a.pth") == [tmp_path / "a.pth"]


def test_a_run_without_a_checkpoint_is_named_and_the_others_go_on(root, tmp_path, capsys):
    (tmp_path / "weights" / "run").mkdir(parents=True)
    (tmp_path / "weights" / "run" / "config.yaml").touch()
    save(tmp_path / "weights" / "x.pt", "fsrcnn")
    words = ["scale=2", f"weights={tmp_path / 'weights'}", f"data.root={root}", "rows=[fsrcnn]", "sets=[set5]"]
    assert [row["weights"] for row in run(tmp_path / "t.csv", *words) if row["psnr"]] == ["x.pt"]
    assert "the run has no checkpoints/best.ckpt yet" in capsys.readouterr().err
