"""evaluate.py model=images: results of other people's methods, in tables, figures and rating studies."""

import csv
import json
import re
import struct
import zlib
from functools import partial

import numpy as np
import pytest
from helpers import read_image, write_image
from PIL import Image
from programs import call
from skimage.color import rgb2ycbcr
from skimage.data import astronaut, camera
from skimage.metrics import peak_signal_noise_ratio

from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.data.catalog import CATALOG
from srlab.data.image_sets import ImageSet, Picture
from srlab.errors import SrlabError
from srlab.evaluation.saved_images import SavedImages
from srlab.imaging.resize import imresize
from srlab.methods import find_method
from srlab.mos.study import open_study
from srlab.weights.checkpoint import write_checkpoint

NAMES = ("a", "b", "c", "grey")
SCALE = 4


def hr_image(name: str) -> np.ndarray:
    """61 x 50, which is cropped to 60 x 48 at x4."""
    if name == "grey":
        return camera()[200:261, 200:250]
    left = 40 * NAMES.index(name)
    return np.ascontiguousarray(astronaut()[60:121, left : left + 50])


def others_result(name: str) -> np.ndarray:
    """What another method made, of the size of the cropped HR image: bilinear."""
    return imresize(imresize(hr_image(name)[:60, :48], 1 / SCALE), SCALE, "bilinear")


@pytest.fixture
def work(tmp_path):
    """A folder with HR images in photos/ and another method's results, as {name}_SelfExSR.png, in theirs/."""
    for name in NAMES:
        write_image(tmp_path / "photos" / f"{name}.png", hr_image(name))
        write_image(tmp_path / "theirs" / f"{name}_SelfExSR.png", others_result(name))
    return tmp_path


def words(work, *more: str) -> list[str]:
    given = {
        "model": "images", "folder": work / "theirs", "pattern": "'{name}_SelfExSR.png'", "scale": SCALE,
        "sets": f"[{work / 'photos'}]", "out": work / "out",
    }  # fmt: skip
    given |= dict(word.split("=", 1) for word in more)
    return [f"{key}={value}" for key, value in given.items() if value != ""]


def rows(work, *more: str):
    return evaluate_config(compose("evaluate", words(work, *more)))


def tiny_checkpoint(path):
    recipe = {"name": "edsr_tiny", "loss": {}, "ema": 0.0, "scales": [SCALE]}
    method = find_method("edsr")({"scale": SCALE, "features": 4, "blocks": 1}, recipe)
    write_checkpoint(path, method.key, method.hparams, method.state_dict())
    return path


def y_psnr(name: str) -> float:
    hr, sr = (x[SCALE:-SCALE, SCALE:-SCALE] for x in (hr_image(name)[:60, :48], others_result(name)))
    if name != "grey":
        hr, sr = rgb2ycbcr(hr)[..., 0], rgb2ycbcr(sr)[..., 0]
    return peak_signal_noise_ratio(hr, sr, data_range=255)


def test_measures_what_is_in_the_files(work):
    [row] = rows(work, "model.name=SelfExSR")
    assert (row.method, row.n, row.scale, row.set) == ("SelfExSR", 4, SCALE, "photos")
    for name in NAMES:
        assert row.images[name].psnr == pytest.approx(y_psnr(name), abs=1e-4)


def test_tables_claim_nothing_that_is_not_known(work, capsys):
    """No seconds, parameters and multiply-adds; a note says where the images are from."""
    rows(work, "model.name=SelfExSR")
    [row] = json.loads((work / "out/results.json").read_text())["rows"]
    assert [row[key] for key in ("seconds", "parameters", "multiply_adds", "published")] == [None] * 4
    assert row["input"] == f"images of {work}/theirs/{{name}}_SelfExSR.png"
    [line] = csv.DictReader((work / "out/results.csv").open())
    assert [line[key] for key in ("seconds", "parameters", "multiply_adds", "timed_on")] == [""] * 4
    printed = capsys.readouterr().out
    assert "SelfExSR¹" in printed and "¹ images of" in printed and "s/image" not in printed
    assert "s/image" not in (work / "out/results.md").read_text()


@pytest.mark.parametrize("name", ["luma", "lapsrn", "carn"])
def test_saved_results_of_a_method_of_ours_have_its_numbers(work, name):
    """Of protocols that measure images of 8 bits: what save_images=true writes is measured again."""
    ours = rows(work, "model=lanczos", "folder=", f"protocol={name}", "save_images=true", f"out={work}/one")
    again = rows(work, f"folder={work}/one/images", "pattern='{set}_x{scale}/{name}_lanczos.png'", f"protocol={name}")
    assert again[0].images == ours[0].images


def test_a_result_of_the_size_of_the_whole_hr_image_is_cropped(work):
    [expected] = rows(work)
    for name in NAMES:
        padding = [(0, 1), (0, 2)] + [(0, 0)] * (hr_image(name).ndim - 2)
        write_image(work / "theirs" / f"{name}_SelfExSR.png", np.pad(others_result(name), padding))
    assert rows(work)[0].images == expected.images


def test_rgb_of_a_grey_image_is_averaged(work):
    grey = others_result("grey")
    [expected] = rows(work)
    rgb = np.stack([grey, np.clip(grey, 1, 254) - 1, np.clip(grey, 1, 254) + 1], axis=2)
    write_image(work / "theirs/grey_SelfExSR.png", np.repeat(grey[..., None], 3, axis=2))
    assert rows(work)[0].images == expected.images
    write_image(work / "theirs/grey_SelfExSR.png", rgb)
    assert rows(work)[0].images["grey"].psnr == pytest.approx(expected.images["grey"].psnr, abs=0.1)


def test_classic_measures_y_of_rgb_and_takes_grey_files_for_y(work):
    [of_rgb] = rows(work, "protocol=classic")
    for name in NAMES[:3]:
        y = np.floor(rgb2ycbcr(others_result(name))[..., 0] + 0.5).astype(np.uint8)
        write_image(work / "theirs" / f"{name}_SelfExSR.png", y)
        y_hr = np.floor(rgb2ycbcr(hr_image(name)[:60, :48])[..., 0] + 0.5).astype(np.uint8)
        expected = peak_signal_noise_ratio(*(x[SCALE:-SCALE, SCALE:-SCALE] for x in (y_hr, y)), data_range=255)
        assert of_rgb.images[name].psnr == pytest.approx(expected, abs=1e-4)
    assert rows(work, "protocol=classic")[0].images == of_rgb.images


def test_beside_checkpoints_in_tables_and_figures(work):
    checkpoint = tiny_checkpoint(work / "tiny.ckpt")
    found = rows(work, f"ckpt={checkpoint}", "model.name=A+", "save_images=true", "ensemble=true", "scale=")
    assert [row.method for row in found] == ["edsr_tiny+", "A+"]
    assert (found[0].seconds or 0) > 0 and found[1].seconds is None
    assert read_image(work / f"out/comparison_x{SCALE}.png").shape[1] > 800
    assert np.array_equal(read_image(work / f"out/images/photos_x{SCALE}/a_A+.png"), others_result("a"))


def test_several_methods_in_one_table(work):
    for name in NAMES:
        write_image(work / "more" / f"{name}_Best_x4.png", hr_image(name)[:60, :48])
        write_image(work / "more" / f"{name}_Other_x4.png", others_result(name))
    best, other = rows(
        work, f"folder={{Best: {work}/more, Other: {work}/more}}", "pattern='{name}_{method}_x{scale}.png'"
    )
    assert (best.method, best.psnr, other.method) == ("Best", float("inf"), "Other")
    assert other.psnr == pytest.approx(np.mean([y_psnr(name) for name in NAMES]), abs=1e-4)


def test_in_a_rating_study(work):
    rows(work, "model.name=SelfExSR", "+mos_export=true", f"mos.out={work / 'mos'}", "mos.raters=2", "mos.repeats=1")
    study = open_study(work / "mos")
    assert study.methods == ("nearest", "bicubic", "SelfExSR", "HR")
    for name, item in study.items.items():
        if item.method == "SelfExSR":
            assert np.array_equal(read_image(work / f"mos/images/{name}.png"), others_result(item.image))
    content = json.loads((work / "mos/study.json").read_text())
    assert content["saved_images"] == {"SelfExSR": f"{work}/theirs/{{name}}_SelfExSR.png"}


@pytest.mark.parametrize("called", ["b100", "B100", "BSD100"])
def test_a_set_goes_by_its_names(tmp_path, called):
    entry = CATALOG["b100"]
    image_set = ImageSet("b100", (Picture("1", partial(hr_image, "a")),), entry=entry)
    names = {entry.name, entry.title, *entry.aliases}
    write_image(tmp_path / called / "1.png", others_result("a"))
    method = SavedImages("x", str(tmp_path / "{set}"))
    if called in names:
        assert method.path(image_set, "1", SCALE) == tmp_path / called / "1.png"
    else:
        assert method.path(image_set, "1", SCALE) == tmp_path / "b100" / "1.png"


def test_a_missing_image_names_the_file_that_was_looked_for(work):
    (work / "theirs/b_SelfExSR.png").unlink()
    with pytest.raises(SrlabError, match=r"theirs/b_SelfExSR\.png: no such image; photos x4 has 4\.$"):
        rows(work)
    assert not (work / "out").exists()


@pytest.mark.parametrize("pattern", ["{name}.png", "{name}_x{scale}.png"])
def test_a_pattern_is_suggested_where_files_have_other_names(work, pattern):
    for name in NAMES:
        (work / "theirs" / f"{name}_SelfExSR.png").rename(work / "theirs" / f"{name}_SelfExSR_x4.png")
    message = r"/a\S*, \S*/b\S*, \S*/c\S* and 1 more: no such images; .* say pattern=\{name\}_SelfExSR_x\{scale\}\.png$"
    with pytest.raises(SrlabError, match=message):
        rows(work, f"pattern='{pattern}'")


def test_images_of_another_size_are_refused_and_the_first_three_named(work):
    for name in NAMES:
        write_image(work / "theirs" / f"{name}_SelfExSR.png", np.zeros((30, 24, 3), np.uint8))
    message = "a_SelfExSR.png is 24x30, and HR 50x61; .*b_.*; .*c_[^;]* and 1 more. Expected .* multiples of 4"
    with pytest.raises(SrlabError, match=message):
        rows(work)


def write_16_bit(path, mode: str) -> None:
    """A PNG of 48 x 60 with 16 bits a channel, which Pillow can read but, as RGB, not write."""
    channels, colour = {"RGB": (3, 2), "L": (1, 0)}[mode]

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 48, 60, 16, colour, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(48 * channels * 2) for _ in range(60)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    assert Image.open(path).size == (48, 60)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_16_bits_are_refused(work, mode):
    write_16_bit(work / "theirs/b_SelfExSR.png", mode)
    with pytest.raises(SrlabError, match=r"b_SelfExSR\.png has 16 bits\. Expected 8-bit images"):
        rows(work)


def test_a_grey_file_of_an_rgb_image_is_refused(work):
    write_image(work / "theirs/b_SelfExSR.png", others_result("b")[..., 0])
    with pytest.raises(SrlabError, match=r"b_SelfExSR\.png is grey, and HR is RGB \(protocol=classic takes it for Y\)"):
        rows(work)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["folder="], "folder=null: model=images needs a folder"),
        (["folder=[a,b]"], "model=images needs a folder of images, or {NAME: FOLDER"),
        (["scale="], "model=images: say scale=N"),
        (["scale=[2,4]"], r"scale=\[2, 4\]: the same images would be measured at every scale"),
        (["pattern='{names}.png'"], r"\{names\} in .*: expected \{name\}, .* Did you mean 'name'\?"),
        (["pattern=all.png"], "pattern=all.png: expected {name}"),
        (["weights=a.pt"], "weights=a.pt: model=images has no weights"),
        (["folder=nowhere"], "no such images; .* There is no folder nowhere"),
        (["model=bicubic"], "folder=.*theirs: is for model=images"),
    ],
)
def test_mistakes(work, more, message):
    with pytest.raises(SrlabError, match=message):
        rows(work, *more)
    assert not (work / "out").exists()


def test_a_name_that_a_checkpoint_has(work):
    checkpoint = f"ckpt={tiny_checkpoint(work / 'tiny.ckpt')}"
    for name, ensemble in (("edsr_tiny", "false"), ("edsr_tiny+", "true")):
        with pytest.raises(SrlabError, match=f"model.name={re.escape(name)}: a checkpoint has this name too"):
            rows(work, checkpoint, f"model.name={name}", f"ensemble={ensemble}")


def test_cannot_be_trained():
    config = parse(compose("train", ["model=images", "scale=2"]), TrainConfig)
    with pytest.raises(SrlabError, match="model=images: these are saved images and no network"):
        find_method(config.model.method)


def test_braces_need_no_second_quotes_on_the_command_line(work):
    done = call(work, "evaluate.py", *words(work, "pattern={name}_SelfExSR.png", "model.name=SelfExSR"))
    assert done.returncode == 0 and "SelfExSR¹" in done.stdout, done.stderr
