"""`srlab figure`: which images, methods and windows it takes, and numbers that are those of srlab evaluate."""

import json
import re

import numpy as np
import pytest
import torch
from helpers import build, write_image
from skimage import data as photos
from skimage.transform import resize

from srlab.commands.evaluation import evaluate_config
from srlab.commands.figure import main, windows
from srlab.commands.figure_of_methods import find_picture
from srlab.config.compose import compose
from srlab.data.image_sets import ImageSet, Picture
from srlab.errors import SrlabError
from srlab.evaluation import paper_figure
from srlab.methods.super_resolver import SuperResolver
from srlab.run_files import RUN_CONFIG

NAMES = ("img_004", "img_012", "Zebra")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A set of three small photos, results of another program for them, a checkpoint, a run and bare weights."""
    folder = tmp_path_factory.mktemp("figure")
    photo = resize(photos.astronaut(), (128, 128), anti_aliasing=True)
    image = (photo * 255).round().astype(np.uint8)
    for index, name in enumerate(NAMES):
        hr = image[10 * index : 10 * index + 73, 40:113]  # of which x2 leaves out a row and a column
        write_image(folder / "photos" / f"{name}.png", hr)
        write_image(folder / "Others" / f"{name}_x2.png", np.clip(hr.astype(int) + index + 3, 0, 255).astype(np.uint8))
    method = build("edsr_baseline")
    checkpoint = {"state_dict": method.state_dict(), "hyper_parameters": dict(method.hparams), "global_step": 0}
    method.on_save_checkpoint(checkpoint)
    for path in (folder / "own.ckpt", folder / "run" / "checkpoints" / "best.ckpt"):
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(checkpoint, path)
    (folder / "run" / RUN_CONFIG).write_text("name: run\n", encoding="utf-8")
    torch.save(build("fsrcnn").network.state_dict(), folder / "bare.pt")
    return folder


def figure(folder, *words: str) -> None:
    given = {word.partition("=")[0] for word in words}
    usual = {
        "set": str(folder / "photos"), "image": "img_004", "scale": "2", "methods": "[bicubic]", "width": "7",
        "dpi": "60", "out": str(folder / "figure.png"), "trainer.accelerator": "cpu",
    }  # fmt: skip
    main([*words, *(f"{key}={value}" for key, value in usual.items() if key not in given)])


def measured(folder, *words: str) -> dict[str, dict[str, float]]:
    """What srlab evaluate says of the first image, by method."""
    out = folder / "evaluation"
    usual = [f"sets=[{folder / 'photos'}]", "scale=2", f"out={out}", "trainer.accelerator=cpu"]
    evaluate_config(compose("evaluate", [*usual, *words]))
    rows = json.loads((out / "results.json").read_text(encoding="utf-8"))["rows"]
    return {row["method"]: row["images"]["img_004"] for row in rows}


@pytest.fixture
def shown(monkeypatch):
    """The figures that are drawn, as lists of their texts."""
    kept: list[list[str]] = []
    monkeypatch.setattr(paper_figure.plt, "close", lambda drawn: kept.append([text.get_text() for text in drawn.texts]))
    return kept


def numbers(texts: list[str]) -> dict[str, tuple[str, str]]:
    """(PSNR, SSIM) as printed, by the method's name: four texts of each method follow HR's."""
    after = texts[3:]
    return {after[i]: (after[i + 1], after[i + 3]) for i in range(0, len(after), 4)}


def printed(quality: dict[str, float]) -> tuple[str, str]:
    return f"{quality['psnr']:.2f}", f"{quality['ssim']:.4f}"


@pytest.mark.parametrize("protocol", ["luma", "classic", "srmd"])
def test_its_numbers_are_those_of_evaluate(folder, shown, protocol):
    others = f"{folder}/Others/{{name}}_x2.png"
    methods = f"methods=[bicubic,{folder / 'own.ckpt'},{folder / 'bare.pt'},{others},srcnn_x2]"
    figure(folder, methods, f"protocol={protocol}")
    found = numbers(shown[0])
    expected = measured(folder, f"ckpt=[{folder / 'own.ckpt'},pretrained:srcnn_x2]", f"protocol={protocol}")
    assert found["edsr_baseline"] == printed(expected["edsr_baseline"])
    assert found["srcnn"] == printed(expected["srcnn"])
    small = ["model.network.features=8", "model.network.shrunken=4", "model.network.mapping=2"]
    bare = measured(folder, "model=fsrcnn", f"weights={folder / 'bare.pt'}", *small, f"protocol={protocol}")
    assert found["fsrcnn"] == printed(bare["fsrcnn"])
    assert found["Bicubic"] == printed(measured(folder, "model=bicubic", f"protocol={protocol}")["bicubic"])
    saved = [f"folder={folder / 'Others'}", 'pattern="{name}_x2.png"', f"protocol={protocol}"]
    assert found["Others"] == printed(measured(folder, "model=images", *saved)["images"])


def test_methods_are_told_apart_as_in_tables(folder, shown):
    figure(folder, f"methods=[{folder / 'run'},{folder / 'own.ckpt'},pretrained:srcnn_x2]", "ensemble=true")
    expected = measured(folder, f"ckpt=[{folder / 'run'},{folder / 'own.ckpt'},pretrained:srcnn_x2]", "ensemble=true")
    assert list(numbers(shown[0])) == list(expected) == ["edsr_baseline (run)+", "edsr_baseline (own)+", "srcnn+"]
    assert list(numbers(shown[0]).values()) == [printed(quality) for quality in expected.values()]


def test_tiles_change_nothing(folder, shown):
    figure(folder, f"methods=[{folder / 'own.ckpt'}]", "tile=16")
    figure(folder, f"methods=[{folder / 'own.ckpt'}]")
    assert shown[0] == shown[1]


def test_own_names(folder, shown):
    figure(folder, f"methods=[bicubic,{folder / 'own.ckpt'}]", "names=[A,B (ours)]")
    assert list(numbers(shown[0])) == ["A", "B (ours)"] and shown[0][0] == "photos: img_004 (×2)"


def test_a_set_of_the_catalog_is_called_as_in_papers(tmp_path, shown):
    for name in ("baby", "bird", "butterfly", "head", "woman"):
        write_image(tmp_path / "benchmark" / "Set5" / "HR" / f"{name}.png", np.random.default_rng(0).integers(
            0, 256, (64, 64, 3), np.uint8))  # fmt: skip
    figure(tmp_path, "set=set5", "image=bird", f"data.root={tmp_path}", "data.degradation=blur_down", "scale=3")
    assert shown[0][0] == "Set5: bird (×3, blur_down)"


def test_what_it_says_draws_the_same_again(folder, tmp_path, capsys):
    figure(folder, "methods=[bicubic,nearest,lanczos]", f"out={tmp_path / 'a.png'}", "size=20")
    said = re.fullmatch(rf"written: {tmp_path / 'a.png'}, (crop=\d+,\d+,20,20)\n", capsys.readouterr().out)
    figure(folder, "methods=[bicubic,nearest,lanczos]", f"out={tmp_path / 'b.png'}", said[1])
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_several_images_and_a_line_for_latex(folder, tmp_path, capsys):
    out = tmp_path / "a.pdf"
    images = "image=[Zebra,img_012]"
    figure(folder, images, f"out={out}", "methods=[nearest,bicubic]")
    first, second = capsys.readouterr().out.splitlines()
    window = r"\[\d+,\d+,40,40\]"
    said = re.fullmatch(rf"written: {out}, '(crop=\[{window},{window}\])'", first)
    assert second == (
        rf"\includegraphics[width=7in]{{{out.as_posix()}}} \caption{{photos: Zebra, img\_012 ($\times2$).}}"
    )
    again = tmp_path / "b.pdf"
    figure(folder, images, f"out={again}", "methods=[nearest,bicubic]", said[1])
    assert again.read_bytes() == out.read_bytes()


def test_one_method_shows_where_bicubic_is_wrong(folder, capsys):
    """Whatever the method is: nearest and bicubic alone have the same window."""
    for method in ("nearest", "bicubic"):
        figure(folder, f"methods=[{method}]")
    first, second = capsys.readouterr().out.splitlines()
    assert first == second


def test_luma_is_shown_in_colour(folder, monkeypatch):
    """Under classic a method returns Y; its crop has the colours of the photo, as in papers, and HR is the photo."""
    drawn = []
    monkeypatch.setattr("srlab.commands.figure_of_methods.draw_paper_figure", lambda blocks, *_: drawn.extend(blocks))
    figure(folder, "protocol=classic")
    figure(folder, "protocol=luma")
    classic, luma = drawn
    np.testing.assert_array_equal(classic.hr, luma.hr)
    off = np.abs(classic.panels[0].image.astype(int) - luma.panels[0].image)
    assert off.max() <= 6 and off.mean() < 1  # Y was shrunk apart


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("img_004", "img_004"),
        ("img_012.png", "img_012"),
        ("zebra", "Zebra"),
        ("012", "img_012"),
        ("a", "a"),
        ("c", "b.c"),
    ],
)
def test_names_of_images(name, found):
    image_set = ImageSet("s", tuple(Picture(known, lambda: np.zeros(0)) for known in (*NAMES, "a", "b.c")))
    assert find_picture(image_set, name).name == found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("img_040", "image=img_040: no image of this name in s: img_004, img_012."),
        ("img", "image=img: several images have this in their names in s: img_004, img_012."),
        ("", "image=: several images have this in their names in s: img_004, img_012, Zebra, x0, x1 and 5 more."),
        ("qqq", "image=qqq: no image of this name in s: img_004, img_012, Zebra, x0, x1 and 5 more."),
    ],
)
def test_an_image_that_is_not_there(name, message):
    pictures = tuple(Picture(known, lambda: np.zeros(0)) for known in (*NAMES, *(f"x{i}" for i in range(7))))
    with pytest.raises(SrlabError) as error:
        find_picture(ImageSet("s", pictures), name)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", [None]),
        ("1,2,30,40", [(1, 2, 30, 40)]),
        ("[1, 2, 30, 40]", [(1, 2, 30, 40)]),
        ("[auto,[1,2,30,40]]", [None, (1, 2, 30, 40)]),
        ("[[1,2,3,4],[5,6,7,8]]", [(1, 2, 3, 4), (5, 6, 7, 8)]),
    ],
)
def test_windows_as_they_are_written(text, expected):
    assert windows(text) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["crop=1,2,3"], "crop=1,2,3: expected auto or LEFT,TOP,WIDTH,HEIGHT"),
        (["crop=-1,2,3,4"], "crop=-1,2,3,4: expected auto or LEFT,TOP,WIDTH,HEIGHT"),
        (["crop=60,0,20,20"], "crop=60,0,20,20: is no part of img_004, which is 72x72 at x2."),
        (["crop=0,0,0,20"], "crop=0,0,0,20: is no part of img_004"),
        (["crop=[[0,0,9,9],auto]"], "crop=: 2 for 1 of image=. Give one for each, or auto."),
        (["crop=0,0,72,72", "width=1", "dpi=20"], "dpi=20: expected 50 to 1200."),
        (
            ["crop=0,0,72,72", "width=1", "dpi=50", "methods=[bicubic,nearest,lanczos]"],
            "dpi=50: a crop of 72x72 pixels",
        ),
        (["names=[a,b]"], "names=: 2 for 1 of methods=. Give one for each."),
        (["methods=[]"], "methods=[]: expected one or several."),
        (["image=[]"], "image=[]: expected one or several."),
        (["size=0"], "size=0: expected 1 or more."),
        (["scale=1"], "scale=1: expected 2 or more."),
        (["width=0"], "width=0: expected 1 to 40."),
        (["width=nan"], "width=nan: expected 1 to 40."),
        (["out=a.jpg"], "out=a.jpg: expected a file that ends in .png, .pdf, .svg."),
        (["out=nowhere/a.png"], "out=nowhere/a.png: there is no folder nowhere."),
        (["image=img_05"], "image=img_05: no image of this name in photos: img_0"),
        (["set=set6"], "'set6' is not a set ("),
        (["protocol=lumma"], "protocol=lumma: not a protocol ("),
        (["methods=[bicubicc]"], "bicubicc: no such file or folder, and no network of this name comes with srlab."),
        (["methods=[edsr_baseline_x4]"], "edsr_baseline_x4: has x4, not x2. Choose another."),
        (["methods=[results/{name}.png]"], "results/img_004.png: no such image; photos x2 has 1."),
    ],
)
def test_mistakes_are_one_line(folder, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        figure(folder, *words)
    error = capsys.readouterr().err
    assert ended.value.code == 1 and error.startswith(f"error: {message}") and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_mistakes_are_found_before_anything_is_computed(folder, monkeypatch):
    monkeypatch.setattr(SuperResolver, "upscale", lambda *_, **__: pytest.fail("computed"))
    for words in (["crop=0,0,73,73"], ["crop=0,0,72,72", "dpi=50", "width=1", "methods=[bicubic,bicubic,bicubic]"]):
        with pytest.raises(SystemExit):
            figure(folder, *words)
