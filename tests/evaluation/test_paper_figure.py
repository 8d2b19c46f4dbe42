"""The figure of a paper: the window that is chosen, where everything stands, pixels, texts and files."""

import math

import numpy as np
import pytest
from helpers import read_image

from srlab.errors import SrlabError
from srlab.evaluation import paper_figure
from srlab.evaluation.figure_layout import Shown, block_layout, density
from srlab.evaluation.figure_text import SIZES, Words, fitting_size
from srlab.evaluation.paper_figure import Block, Panel, draw_paper_figure
from srlab.evaluation.windows import Window, heaviest, telling_window
from srlab.metrics.metric import Quality


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


# The window


@pytest.mark.parametrize("shape", [(20, 31), (17, 12, 3)])
def test_the_heaviest_window_is_that_of_a_search(shape):
    values = np.random.default_rng(0).random(shape)
    sums = {
        (top, left): values[top : top + 5, left : left + 5].sum()
        for top in range(shape[0] - 4)
        for left in range(shape[1] - 4)
    }
    assert heaviest(values, 5) == max(sums, key=lambda place: sums[place])
    assert heaviest(values, 100)[0 if shape[0] < shape[1] else 1] == 0


def differing(place: tuple[slice, slice], seed: int = 0) -> list[np.ndarray]:
    """Three results that are equal everywhere but at a place."""
    images = [noise(seed, 60, 80, 3) for _ in range(3)]
    images[1][place] = 255 - images[1][place]
    return images


def test_the_window_is_where_methods_differ_and_hr_has_no_part():
    results = differing((slice(30, 42), slice(50, 62)))
    hr = results[0].copy()
    hr[:20, :20] = 255 - hr[:20, :20]
    assert telling_window(results, results[0], hr, 12, 4) == Window(50, 30, 12, 12)
    alone = telling_window(results[:1], results[0], hr, 12, 0)  # where bicubic is wrong
    assert alone.left <= 8 and alone.top <= 8


def test_what_is_not_measured_is_not_chosen():
    results = differing((slice(0, 6), slice(70, 80)))
    results[2][40:44, 20:24] //= 2
    window = telling_window(results, results[0], results[0], 10, 6)
    assert window.left <= 20 and window.top <= 40 and window.lies_in((54, 74))


def test_the_largest_window_is_what_is_measured():
    window = telling_window(differing((slice(30, 42), slice(50, 62))), noise(0, 60, 80, 3), noise(0, 60, 80, 3), 500, 6)
    assert (window.top, window.width, window.height) == (6, 48, 48)


def test_the_variance_is_numpys():
    images = [noise(seed, 24, 24) for seed in range(4)]
    place = heaviest(np.var(np.stack(images).astype(float), axis=0), 5)
    window = telling_window(images, images[0], images[0], 5, 0)
    assert (window.top, window.left) == place


# The layout


@pytest.mark.parametrize("count", [2, 3, 4, 5, 8, 10, 13])
@pytest.mark.parametrize("size", [(768, 1024), (1024, 500), (300, 1500), (512, 512)])
def test_pictures_fill_the_width_and_do_not_overlap(size, count):
    shown = Shown(*size, Window(0, 0, 90, 60), count)
    dpi = density([shown], 7, 300)
    layout = block_layout(shown, 7, dpi)
    assert 300 <= dpi <= 600 and layout.factor >= 1 and len(layout.crops) == count
    boxes = [layout.whole, *layout.crops]
    covered = np.zeros((layout.height, round(7 * dpi)), int)
    for box in boxes:
        covered[box.top : box.top + box.height, box.left : box.left + box.width] += 1
    assert covered.max() == 1 and covered.sum() == sum(box.width * box.height for box in boxes)
    assert all((box.width, box.height) == (90 * layout.factor, 60 * layout.factor) for box in layout.crops)
    assert layout.whole.width / layout.whole.height == pytest.approx(size[1] / size[0], rel=0.01)
    assert max(box.left + box.width for box in layout.crops) == covered.shape[1]
    assert len({box.top for box in layout.crops}) == (1 if count < 4 else math.ceil(count / 6) if count > 12 else 2)


def test_the_image_ends_where_the_last_crop_ends():
    shown = Shown(768, 1024, Window(0, 0, 128, 128), 8)
    layout = block_layout(shown, 7, density([shown], 7, 300))
    last = layout.crops[-1]
    assert layout.whole.height == pytest.approx(last.top + last.height, rel=0.02)
    assert layout.crops[0].left - layout.whole.width < 0.2 * 300


def test_two_images_have_the_density_that_suits_both():
    shown = [Shown(400, 600, Window(0, 0, 60, 60), 6), Shown(400, 300, Window(0, 0, 50, 50), 6)]
    dpi = density(shown, 7, 150)
    for block in shown:
        assert block_layout(block, 7, dpi).crops[0].width / dpi > 0.8 * block.crop_width(7)


def test_a_crop_that_has_no_room():
    shown = Shown(800, 800, Window(0, 0, 700, 700), 8)
    with pytest.raises(SrlabError, match=r"^dpi=100: a crop of 700x700 pixels has no room .* width=3 inches") as error:
        density([shown], 3, 100)
    needed = int(str(error.value).rpartition("dpi=")[2].rstrip("."))
    assert block_layout(shown, 3, density([shown], 3, needed)).factor == 1


# The drawing


def block(grey: bool = False, names: tuple[str, ...] = ("Bicubic", "ours"), **quality: float) -> Block:
    shape = (60, 90) if grey else (60, 90, 3)
    values = [Quality(psnr=20.0, ssim=0.5), Quality({"psnr": 30.0, "ssim": 0.25, **quality})]
    panels = tuple(
        Panel(name, noise(i, *shape), value) for i, (name, value) in enumerate(zip(names, values, strict=True))
    )
    return Block("Set: image (x2)", noise(9, *shape), panels, Window(33, 21, 16, 12))


@pytest.mark.parametrize("grey", [False, True])
def test_pixels_of_a_crop_are_squares_of_one_colour(tmp_path, grey):
    """The PNG has every pixel of the window as factor x factor pixels, and nothing between."""
    drawn = block(grey)
    draw_paper_figure([drawn, drawn], tmp_path / "a.png", width=4, dpi=100)
    dpi = density([drawn.shown], 4, 100)
    layout = block_layout(drawn.shown, 4, dpi)
    png = read_image(tmp_path / "a.png")[..., :3]
    assert png.shape[1] == round(4 * dpi) and layout.factor >= 3
    second = layout.height + round(paper_figure.BETWEEN * dpi)
    assert png.shape[0] == second + layout.height
    for top in (0, second):
        for image, box in zip([drawn.hr, *(panel.image for panel in drawn.panels)], layout.crops, strict=True):
            found = png[top + box.top : top + box.top + box.height, box.left : box.left + box.width]
            crop = image[21:33, 33:49]
            expected = np.kron(crop.reshape(12, 16, -1), np.ones((layout.factor, layout.factor, 1), np.uint8))
            np.testing.assert_array_equal(found, np.broadcast_to(expected, found.shape))


def test_the_window_is_framed(tmp_path):
    drawn = block()
    flat = Block("", np.full_like(drawn.hr, 128), drawn.panels, drawn.window)
    draw_paper_figure([flat], tmp_path / "a.png", width=4, dpi=100)
    layout = block_layout(flat.shown, 4, density([flat.shown], 4, 100))
    whole = read_image(tmp_path / "a.png")[: layout.whole.height, : layout.whole.width, :3].astype(int)
    rows, columns = np.nonzero(whole[..., 0] - whole[..., 1] > 100)  # red
    scale = layout.whole.width / 90
    found = [columns.min() / scale, rows.min() / scale, columns.max() / scale, rows.max() / scale]
    assert found == pytest.approx([33, 21, 33 + 16, 21 + 12], abs=1.5)


def texts(monkeypatch, tmp_path, *blocks: Block) -> list[tuple[str, bool]]:
    """All texts of a figure, and whether each is bold."""
    kept = []
    monkeypatch.setattr(paper_figure.plt, "close", kept.append)
    draw_paper_figure(blocks, tmp_path / "a.png", width=4, dpi=60)
    return [(text.get_text(), text.get_fontweight() == "bold") for text in kept[0].texts]


def test_the_best_is_bold(monkeypatch, tmp_path):
    written = texts(monkeypatch, tmp_path, block())
    assert written == [
        ("Set: image (x2)", False), ("HR", False), ("PSNR / SSIM", False),
        ("Bicubic", False), ("20.00", False), (" / ", False), ("0.5000", True),
        ("ours", False), ("30.00", True), (" / ", False), ("0.2500", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("quality", "bold"),
    [
        ({"psnr": math.nan}, ["20.00", "0.5000"]),
        ({"psnr": math.inf}, ["0.5000", "inf"]),
        ({"psnr": 20.001, "ssim": 0.50001}, ["20.00", "0.5000", "20.00", "0.5000"]),  # equal as they are printed
    ],
)
def test_the_best_of_odd_values(monkeypatch, tmp_path, quality, bold):
    assert [text for text, is_bold in texts(monkeypatch, tmp_path, block(**quality)) if is_bold] == bold


def test_one_method_is_not_the_best(monkeypatch, tmp_path):
    whole = block()
    alone = Block("", whole.hr, whole.panels[:1], whole.window)
    assert not any(is_bold for _, is_bold in texts(monkeypatch, tmp_path, alone))


def test_names_of_strangers_are_text(monkeypatch, tmp_path):
    names = ("$\\frac{1}$ \x1b[31m", "_" + "long " * 40)
    written = [text for text, _ in texts(monkeypatch, tmp_path, block(names=names))]
    assert r"\$\frac{1}\$ \x1b[31m" in written and [text for text in written if text.endswith("…")] != []
    assert not any("\x1b" in text for text in written)


def test_a_long_caption_has_two_lines(monkeypatch, tmp_path):
    usual = block()
    long = Block("A named set: an image of it (x2)", usual.hr, usual.panels, usual.window)
    written = [text for text, _ in texts(monkeypatch, tmp_path, long)]
    assert written[:2] == ["A named set:", "an image of it (x2)"]


def test_text_becomes_smaller_before_it_is_cut():
    line = Words(("a name that is long",))
    full = line.width(SIZES[0])
    assert fitting_size([line], 2 * full) == SIZES[0] and fitting_size([line], 0.9 * full) in SIZES[1:4]
    assert fitting_size([line], 0.1 * full) == SIZES[-1]
    assert line.cut(8, full + 1) == line
    short = line.cut(8, full / 2)
    assert short.parts[0].endswith("…") and short.width(8) <= full / 2 and line.parts[0].startswith(short.parts[0][:-1])
    assert Words(("a ", " b"), (True, False)).width(8) > Words(("a", "b"), (True, False)).width(8)


def test_a_pdf_has_text_in_true_type_fonts_and_the_same_bytes_every_time(tmp_path):
    for name in ("a.pdf", "b.pdf", "a.svg"):
        draw_paper_figure([block()], tmp_path / name, width=4, dpi=100)
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert pdf.startswith(b"%PDF") and b"/CIDFontType2" in pdf and b"/Type3" not in pdf
    assert b"/MediaBox [ 0 0 288." in pdf  # 4 inches of 72 points
    assert (tmp_path / "b.pdf").read_bytes() == pdf
    assert "<svg" in (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "a.svg", "b.pdf"]
