"""A leaderboard's board, its file, its tables, its figure, and what is measured again."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import build, read_image
from leaderboard_folder import rows_and_images

from srlab.data.image_sets import ImageSet, Picture
from srlab.errors import SrlabError
from srlab.evaluation import leaderboard_figures
from srlab.evaluation.board_file import Board, Measured, read_board, write_board
from srlab.evaluation.costs import Cost, machine
from srlab.evaluation.leaderboard import Entrant, content_of, measure_board, saved_reference
from srlab.evaluation.leaderboard_figures import draw_quality_over_cost
from srlab.evaluation.leaderboard_tables import cost_table, costs_csv, markdown, printed_table, quality_table
from srlab.evaluation.measure import EvaluationSettings, ResultRow, evaluate
from srlab.inference.devices import processor
from srlab.methods import interpolation
from srlab.metrics.metric import PSNR, SSIM, Meter, Metric, Quality
from srlab.metrics.protocol import protocol

LPIPS = Metric("lpips", "LPIPS", "lower", 4, about="lpips 0.1.4, alexnet")
ROW = ResultRow(
    method="vdsr", scale=2, set="set5", protocol="luma", seconds=1.0, parameters=665921, multiply_adds=612 * 10**9,
    input="Y by the method", published=None, images={"bird": Quality(psnr=41.004, ssim=0.97, lpips=0.05)},
    metrics=(PSNR.metric, SSIM.metric, LPIPS), timed_on="CPU, 2 threads, precision 32",
)  # fmt: skip
PRINTED = replace(
    ROW, protocol="classic", published={"psnr": 37.53, "ssim": 0.9587}, metrics=(PSNR.metric, SSIM.metric),
    images={"bird": Quality(psnr=37.06, ssim=0.9565)},
)  # fmt: skip
COST = Cost("vdsr", 2, 665921, 612 * 10**9, 16_800_000, 84_000_000, 1.25, "a processor, 2 threads")


def entry(row: ResultRow) -> Measured:
    return Measured(row, "pretrained:vdsr", "a hash", "another", saved=True)


def board(*rows: ResultRow) -> Board:
    return Board("luma", tuple(map(entry, rows)), (COST,))


def test_a_board_is_read_as_it_was_written(tmp_path):
    infinite = replace(ROW, scale=3, images={"bird": Quality(psnr=float("inf"), ssim=1.0, lpips=0.0)})
    written = board(ROW, PRINTED, infinite)
    write_board(written, tmp_path)
    assert read_board(tmp_path) == written
    content = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert content["rows"][0]["lpips"] == 0.05 and content["metrics"]["lpips"]["about"] == LPIPS.about


def change(path, keys, value):
    content = json.loads(path.read_text(encoding="utf-8"))
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (["leaderboard", "costs", 0, "seconds"], "soon", r"leaderboard.costs.0.seconds is 'soon'; expected a finite"),
        (["leaderboard", "identity"], [], "has 1 rows and 0 identities. Say overwrite=true"),
        (["rows", 0, "images"], {}, "rows.0.images is a dict of 0; expected a dictionary of images, at least 1"),
        (["leaderboard", "identity", 0, "saved"], 1, "identity.0.saved is 1; expected true or false"),
    ],
)
def test_a_damaged_file(tmp_path, keys, value, message):
    write_board(board(ROW), tmp_path)
    change(tmp_path / "results.json", keys, value)
    with pytest.raises(SrlabError, match=message):
        read_board(tmp_path)


def test_results_of_another_command(tmp_path):
    (tmp_path / "results.json").write_text('{"rows": []}', encoding="utf-8")
    with pytest.raises(SrlabError, match=r"is of another command, not of srlab leaderboard\. Say overwrite=true"):
        read_board(tmp_path)


def test_the_order_of_rows_and_that_a_new_one_takes_the_old_ones_place():
    rows = [replace(ROW, set=name, method=method) for name in ("set14", "set5") for method in ("b", "a", "c")]
    ordered = board(*rows, PRINTED).ordered(["a", "b"], ["set5", "set14"])
    assert [(row.set, row.method) for row in ordered.rows] == [
        ("set5", "a"), ("set5", "b"), ("set5", "c"), ("set5", "vdsr"), ("set14", "a"), ("set14", "b"), ("set14", "c"),
    ]  # fmt: skip
    new = entry(replace(ROW, seconds=9.0))
    assert board(ROW, PRINTED).with_row(new).entries == (entry(PRINTED), new)
    slower = replace(COST, seconds=2.0)
    assert board(ROW).with_cost(slower).costs == (slower,)
    assert board(ROW).has_cost("vdsr", 2, "", COST.machine) and not board(ROW).has_cost("vdsr", 2, "", "another")


def test_rows_that_do_not_go_together_with_a_new_one_are_dropped():
    others = [replace(ROW, set="set14"), replace(ROW, scale=3), replace(ROW, method="edsr"), PRINTED]
    new = replace(entry(ROW), weights="newer")
    assert board(ROW, *others).with_row(new).rows == [others[1], others[2], ROW]
    new = replace(entry(ROW), images="other images")
    assert board(ROW, *others).with_row(new).rows == [others[0], others[1], ROW]


def test_the_table_of_a_scale():
    grey = replace(ROW, set="b100", input="", images={"a": Quality(psnr=float("inf"), ssim=1.0, lpips=0.0)})
    plain = replace(ROW, method="bicubic", input="", metrics=(PSNR.metric, SSIM.metric))
    table = quality_table(board(plain, ROW, grey, PRINTED, replace(ROW, scale=3)), 2)
    assert table.columns == ["method", "Set5", "Set5 LPIPS ↓", "B100", "B100 LPIPS ↓"]
    assert table.rows == [
        ["bicubic", "41.00 / 0.9700", "", "", ""],
        ["vdsr¹", "41.00 / 0.9700", "0.0500", "inf / 1.0000²", "0.0000"],
    ]
    assert table.notes == ["¹ Y by the method", "² PSNR: infinite"]


def test_numbers_in_print_stand_beside_ours_of_their_protocol():
    table = printed_table(board(ROW, PRINTED), 2)
    assert table.columns == ["method", "protocol", "Set5 ours", "Set5 in print", "Set5 difference"]
    assert table.rows == [["vdsr", "classic", "37.06 / 0.9565", "37.53 / 0.9587", "-0.47"]]
    assert "in print" not in markdown(board(ROW)) and "| 37.53 / 0.9587 | -0.47 |" in markdown(board(ROW, PRINTED))


def test_the_table_of_costs():
    table = cost_table(board(ROW))
    assert table.rows == [["vdsr", "x2", "666 K", "612 G", "16.8 M", "84", "1.250"]]
    assert "on this machine: a processor, 2 threads." in table.notes[1]
    other = replace(board(ROW), costs=(COST, replace(COST, scale=3, machine="a GPU")))
    assert [row[-1] for row in cost_table(other).rows] == ["1.250¹", "1.250²"]
    assert cost_table(other).notes[-2:] == ["¹ a processor, 2 threads", "² a GPU"]
    line = next(csv.DictReader(costs_csv([COST]).splitlines()))
    assert (line["activations"], line["memory_bytes"], line["seconds"]) == ("16800000", "84000000", "1.25")


def test_a_machine_has_a_name(tmp_path):
    listed = tmp_path / "cpuinfo"
    listed.write_text("processor : 0\nmodel name\t: Brand 3000 @ 2 GHz\n", encoding="utf-8")
    assert processor(listed) == "Brand 3000 @ 2 GHz" and processor(tmp_path / "none")
    assert machine(EvaluationSettings(protocol("luma"))).endswith(", precision 32")
    assert "CPU," not in machine(EvaluationSettings(protocol("luma"))).removeprefix(processor())


def test_the_figure_of_quality_over_cost(tmp_path, monkeypatch):
    rows = [
        replace(ROW, method="bicubic", parameters=0, multiply_adds=0),
        replace(ROW, method="small", parameters=57_000, multiply_adds=50 * 10**9),
        replace(ROW, method="$x_1$", parameters=1_400_000, multiply_adds=300 * 10**9),
        replace(ROW, method="small", scale=3, parameters=57_000, multiply_adds=50 * 10**9),
    ]
    figures = []
    monkeypatch.setattr(leaderboard_figures, "save", lambda figure, path, dpi: figures.append(figure))
    assert draw_quality_over_cost(rows, tmp_path / "q.png") == [tmp_path / "q.png"]
    first, second = figures[0].axes
    dots = {float(line.get_xdata()[0]): line.get_markersize() for line in first.lines if line.get_marker() == "o"}
    assert dots.keys() == {50.0, 300.0}  # bicubic is a line
    assert (dots[300.0] / dots[50.0]) ** 2 == pytest.approx(1_400_000 / 57_000, rel=0.05)
    assert first.get_xscale() == "log" and second.get_title(loc="left") == "Set5 x3, protocol luma"
    assert {text.get_text() for text in first.texts} == {"bicubic", "small", r"\$x_1\$"}
    assert [text.get_text() for text in figures[0].legends[0].get_texts()] == ["1 M", "250 K", "100 K"]


def test_no_figure_without_a_network(tmp_path):
    assert draw_quality_over_cost([replace(ROW, parameters=0, multiply_adds=0)], tmp_path / "q.png") == []


# Measuring


def small_set(value: int = 0, name: str = "few") -> ImageSet:
    draws = np.random.default_rng(7)
    images = [draws.integers(0, 200, (40, 36, 3), dtype=np.uint8) + np.uint8(value) for _ in range(2)]
    return ImageSet(name, tuple(Picture(f"i{i}", lambda image=image: image) for i, image in enumerate(images)))


def entrants() -> list[Entrant]:
    network = build("edsr_baseline").eval()
    return [
        Entrant("bicubic", "", interpolation(), (2, 3), ""),
        Entrant("net", "net.ckpt", network, (2,), "first"),
    ]


class Counted:
    """A meter that counts what it measures."""

    def __init__(self, name: str = "counted") -> None:
        self.calls = 0
        self.meter = Meter(Metric(name, name, "higher", 2), self.measure)

    def measure(self, pair) -> float:
        self.calls += 1
        return 1.0


def settings(tmp_path, *meters: Meter) -> EvaluationSettings:
    return EvaluationSettings(protocol("luma"), save_images=tmp_path / "images", meters=(PSNR, SSIM, *meters))


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("srlab.evaluation.costs.ENOUGH", 0.0)


def test_rows_are_those_of_evaluate_and_are_measured_once(tmp_path):
    counted, images, given = Counted(), small_set(), entrants()
    wanted = settings(tmp_path, counted.meter)

    def again(entrants=given, images=images, wanted=wanted) -> int:
        """How many images are measured by a second command."""
        earlier = read_board(tmp_path) if (tmp_path / "results.json").is_file() else Board("luma")
        counted.calls = 0
        measure_board(earlier, entrants, [images], [2, 3], wanted, tmp_path)
        return counted.calls

    assert again() == 6  # bicubic at two scales and the network at one, on two images
    rows, saved = rows_and_images(tmp_path)
    plain = replace(wanted, save_images=None)
    methods = [(entrant.label, entrant.method) for entrant in given]
    expected = [row for row in evaluate(methods, [images], [2, 3], plain) if (row.method, row.scale) != ("net", 3)]
    assert [replace(row, seconds=0.0) for row in rows] == [replace(row, seconds=0.0) for row in expected]
    measured = protocol("luma").measure(
        read_image(saved["few", 2, "i1", "net"]), saved_reference(tmp_path, "few", 2, "i1"), 2
    )
    assert measured.psnr == rows[1].images["i1"].psnr
    assert saved["few", 3, "i0", "HR"].is_file() and ("few", 3, "i0", "net") not in saved

    saved["few", 2, "i0", "HR"].unlink()
    assert again() == 0 and saved["few", 2, "i0", "HR"].is_file()
    saved["few", 2, "i0", "net"].unlink()
    assert again() == 2
    assert again(entrants=[given[0], replace(given[1], weights="second")]) == 2
    assert again(images=small_set(value=9)) == 6  # other images of the same names; the network is at x2 alone
    other = Counted("other")
    assert again(images=small_set(value=9), wanted=settings(tmp_path, counted.meter, other.meter)) == 6
    assert other.calls == 6 and again(images=small_set(value=9)) == 0  # a row with more than is asked for is enough


def test_other_sets_and_methods_are_added_to_what_is_there(tmp_path):
    first, second = entrants()
    wanted = replace(settings(tmp_path), save_images=None)
    measure_board(Board("luma"), [first], [small_set()], [2], wanted, tmp_path)
    measure_board(read_board(tmp_path), [second], [small_set(name="more")], [2], wanted, tmp_path)
    rows, saved = rows_and_images(tmp_path)
    assert [(row.set, row.method) for row in rows] == [("more", "net"), ("few", "bicubic")] and saved == {}
    costs = {cost.method: cost for cost in read_board(tmp_path).costs}
    assert costs["net"].parameters == sum(p.numel() for p in second.method.network.parameters())
    assert costs["net"].memory > costs["bicubic"].memory > 0 and costs["net"].seconds > 0


def test_images_of_older_weights_do_not_stay_beside_new_numbers(tmp_path):
    _, given = entrants()
    measure_board(Board("luma"), [given], [small_set()], [2], settings(tmp_path), tmp_path)
    newer, without = replace(given, weights="newer"), replace(settings(tmp_path), save_images=None)
    measure_board(read_board(tmp_path), [given], [small_set()], [2], without, tmp_path)
    assert {key[3] for key in rows_and_images(tmp_path)[1]} == {"net", "HR"}  # nothing was measured
    measure_board(read_board(tmp_path), [newer], [small_set()], [2], without, tmp_path)
    assert {key[3] for key in rows_and_images(tmp_path)[1]} == {"HR"}


def test_rows_measured_so_far_outlive_an_error(tmp_path):
    def fails(pair) -> float:
        if torch.is_inference_mode_enabled() or len(calls) == 3:
            raise OSError("gone")
        calls.append(1)
        return 0.0

    calls: list[int] = []
    meter = Meter(Metric("brittle", "brittle", "lower", 2), fails)
    wanted = replace(settings(tmp_path, meter), save_images=None)
    with pytest.raises(OSError, match="gone"):
        measure_board(Board("luma"), entrants(), [small_set()], [2, 3], wanted, tmp_path)
    assert [(row.method, row.scale) for row in read_board(tmp_path).rows] == [("bicubic", 2)]


def test_references_are_there_before_results_that_are_compared_with_them(tmp_path):
    def fails(pair) -> float:
        raise OSError("gone")

    wanted = settings(tmp_path, Meter(Metric("brittle", "brittle", "lower", 2), fails))
    with pytest.raises(OSError, match="gone"):
        measure_board(Board("luma"), entrants(), [small_set()], [2], wanted, tmp_path)
    assert saved_reference(tmp_path, "few", 2, "i1").shape == small_set().pictures[1].read().shape


def test_the_protocol_in_print_is_measured_too(tmp_path):
    images = small_set(name="set5")
    done = measure_board(
        Board("luma"), entrants()[:1], [images], [2], replace(settings(tmp_path), meters=(PSNR,)), tmp_path
    )
    assert [(row.protocol, row.published, tuple(row.means)) for row in done.rows] == [
        ("luma", None, ("psnr",)),
        ("classic", {"psnr": 33.66, "ssim": 0.9299}, ("psnr", "ssim")),
    ]
    assert done.compared == done.rows[:1]


def test_the_identity_of_images(tmp_path):
    low = tmp_path / "low.png"
    images = small_set()
    with_file = replace(images, pictures=tuple(replace(p, lr_path=lambda scale: low) for p in images.pictures))
    before = content_of(with_file, 2)
    assert before == content_of(images, 2) != content_of(small_set(value=1), 2)
    low.write_bytes(b"other pixels")
    assert content_of(with_file, 2) != before
