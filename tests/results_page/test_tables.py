"""The tables: what is best, what is not finite, costs, protocols; numbers against results.json itself."""

import json
import re

import pytest

from srlab.errors import SrlabError
from srlab.results_page.rows import read_results
from srlab.results_page.tables import methods_tables, short


def row(method, psnr=30.0, image_set="set5", scale=2, protocol="luma", **more):
    values = {"psnr": psnr, "ssim": 0.9, **more.pop("values", {})}
    images = more.pop("images", {"a": values})
    return {"method": method, "scale": scale, "set": image_set, "protocol": protocol, "n": len(images), **values,
            "seconds": None, "parameters": None, "multiply_adds": None, "input": "", "timed_on": "", "published": None,
            "images": images, **more}  # fmt: skip


def tables(tmp_path, rows, **facts):
    path = tmp_path / "results.json"
    path.write_text(json.dumps({**facts, "rows": rows}), encoding="utf-8")
    return methods_tables(read_results(path))


def column(table, title):
    place = [column.title for column in table.columns].index(title)
    return [cells[place] for cells in table.cells]


def test_best_and_second_best_of_a_column_as_it_reads(tmp_path):
    values = {"a": (30.001, 0.3), "b": (31.0, 0.1), "c": (30.004, 0.2), "d": (29.0, 0.4)}
    rows = [row(name, psnr, values={"lpips": lpips}) for name, (psnr, lpips) in values.items()]
    (table,) = tables(tmp_path, rows)
    assert [cell.rank for cell in column(table, "PSNR")] == [2, 1, 2, 0]  # 30.00 twice
    assert [cell.rank for cell in column(table, "LPIPS ↓")] == [0, 1, 2, 0]
    assert [cell.rank for cell in column(table, "SSIM")] == [1, 1, 1, 1]


def test_values_that_are_not_finite_are_text_and_never_best(tmp_path):
    images = {"a": {"psnr": None, "ssim": 1.0}, "b": {"psnr": 40.0, "ssim": 0.9}}
    rows = [row("same", None), row("broken", "nan"), row("usual", 30.0), row("part", 40.0, images=images)]
    (table,) = tables(tmp_path, rows)
    cells = column(table, "PSNR")
    assert [cell.text for cell in cells] == ["inf", "nan", "30.00", "40.00"]
    assert [cell.value for cell in cells] == [None, None, 30.0, 40.0]
    assert [cell.rank for cell in cells] == [0, 0, 2, 1]
    assert [bool(cell.mark) for cell in cells] == [True, True, False, True]
    assert any("PSNR: infinite for 1 of 2 images, which the mean leaves out" in note for note in table.notes)


def test_published_numbers_and_the_difference(tmp_path):
    rows = [
        row("a", 30.25, published={"psnr": 30.5, "ssim": 0.91}),
        row("b", None, published={"psnr": 30, "ssim": None}),
    ]
    (table,) = tables(tmp_path, rows)
    assert [cell.text for cell in column(table, "Published")] == ["30.50 / 0.9100", "30.00"]
    assert [cell.text for cell in column(table, "Diff")] == ["-0.25", "–"]  # infinite less 30 is none


def test_costs_are_means_over_images_and_activations_come_from_a_leaderboard(tmp_path):
    more = {"parameters": 57184, "multiply_adds": 52_700_000_000}
    two = {"a": {"psnr": 30.0, "ssim": 0.9}, "b": {"psnr": 30.0, "ssim": 0.9}}
    rows = [row("a", image_set="x", seconds=1.0, images=two, **more), row("a", image_set="y", seconds=4.0, **more)]
    (table,) = tables(tmp_path, rows)
    shown = {name: column(table, name)[0].text for name in ("Parameters", "Multiply-adds", "s/image")}
    assert shown == {"Parameters": "57.2K", "Multiply-adds": "52.7G", "s/image": "2.000"}
    cost = {"method": "a", "scale": 2, "activations": 1234, "memory": 5_000_000, "seconds": 0.5, "machine": "a CPU"}
    (table,) = tables(tmp_path, rows, leaderboard={"protocol": "luma", "costs": [cost]})
    shown = {name: column(table, name)[0].text for name in ("Activations", "Memory", "s/image")}
    assert shown == {"Activations": "1.23K", "Memory": "5.00MB", "s/image": "0.500"}
    assert "s/image: an LR image of 256 x 256, a CPU" in table.notes
    assert [note.partition(":")[0] for note in table.notes] == ["Multiply-adds", "Activations", "Memory", "s/image"]


def test_numbers_of_different_protocols_never_stand_in_one_column(tmp_path):
    rows = [row("a", protocol="classic"), row("a", scale=4), row("b"), row("a", protocol="classic", scale=4)]
    found = tables(tmp_path, rows, leaderboard={"protocol": "luma"})
    shown = [(table.protocol, table.scale, [name for name, _ in table.methods]) for table in found]
    assert shown == [("luma", 2, ["b"]), ("luma", 4, ["a"]), ("classic", 2, ["a"]), ("classic", 4, ["a"])]


def test_a_set_that_a_method_lacks_and_the_names_of_sets(tmp_path):
    (table,) = tables(tmp_path, [row("a"), row("b"), row("a", 25.0, image_set="urban100")])
    assert [column.group for column in table.columns] == ["Set5, 1 image"] * 2 + ["Urban100, 1 image"] * 2
    assert [cells[2].text for cells in table.cells] == ["25.00", "–"]
    assert table.cells[0][2].rank == 0  # the only one is not the best


def test_what_a_method_saw_is_a_note_at_its_name(tmp_path):
    (table,) = tables(tmp_path, [row("a"), row("b", input="Y of the image")])
    assert table.methods == [("a", ""), ("b", "¹")] and table.notes == ["¹ Y of the image"]


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (999, "999"), (1000, "1.00K"), (57184, "57.2K"), (999_600, "1.00M"), (1_369_859, "1.37M"),
     (316_250_000_000, "316G"), (4.2e15, "4200T")],
)  # fmt: skip
def test_counts_have_three_digits(value, written):
    assert short(value) == written


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "has no rows. Evaluate the run again"),
        ([row("a"), row("a")], "two rows of a on set5 x2"),
        ([row("a", values={"lpips": "low"})], r"rows\.0\.images\.a\.lpips is 'low'; expected a finite number"),
        ([row("a", values={"lpips": [1]}, images={"a": {"psnr": 1, "ssim": 1}})], r"rows\.0\.lpips is a list of 1"),
    ],
)
def test_a_file_that_does_not_fit(tmp_path, rows, message):
    with pytest.raises(SrlabError, match=message):
        tables(tmp_path, rows)


def test_the_page_has_the_numbers_of_the_file(measured):
    page = measured.page()
    rows = json.loads((measured.folder / "results.json").read_text(encoding="utf-8"))["rows"]
    for found in rows:
        assert re.search(rf"<td[^>]* data-value=\"{found['psnr']!r}\">", page)
