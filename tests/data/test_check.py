"""What is wrong with a set is found and named, and what is right is not."""

import io
import re

import numpy as np
import pytest
from helpers import SHARED, needs_shared, read_image, write_image
from PIL import Image
from rich.progress import Progress

from srlab.commands.data import main
from srlab.data.check import Checker, Report, counterparts, find_subjects
from srlab.data.duplicates import duplicates, look
from srlab.data.synthetic import synthetic_image
from srlab.errors import SrlabError
from srlab.imaging.resize import imresize

SIDE = 96


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    return [synthetic_image(index, SIDE) for index in range(6)]


@pytest.fixture
def folder(tmp_path, images):
    """HR, and exact LR files at x2 and x4."""
    for i, image in enumerate(images):
        write_image(tmp_path / f"set/HR/{i}.png", image)
        for scale in (2, 4):
            write_image(tmp_path / f"set/LR_bicubic/X{scale}/{i}x{scale}.png", imresize(image, 1 / scale))
    return tmp_path / "set"


def check(word, root, against=()) -> Report:
    with Progress(disable=True) as progress:
        checker = Checker(root, progress)
        (subject,) = find_subjects(str(word), root)
        return checker.check(subject, [other for name in against for other in find_subjects(str(name), root)])


def errors(report: Report) -> list[str]:
    return [finding.text for finding in report.findings if finding.error]


def notes(report: Report) -> list[str]:
    return [finding.text for finding in report.findings if not finding.error]


def test_nothing_is_wrong_with_a_good_folder(folder, tmp_path):
    report = check(folder, tmp_path)
    assert report.findings == [] and not report.wrong
    assert ("LR bicubic x4 and MATLAB", "equal in every pixel (6 of 6 images compared)") in report.facts
    assert ("images", "6") in report.facts


def test_images_alone(folder, tmp_path):
    report = check((folder / "HR").rename(tmp_path / "alone"), tmp_path)
    assert report.findings == [] and not any(name.startswith("LR") for name, _ in report.facts)


def test_lr_files_beside_the_folder_of_hr_images_are_checked(folder, tmp_path):
    (folder / "LR_bicubic/X2/3x2.png").unlink()
    (error,) = errors(check(folder / "HR", tmp_path))
    assert "files are missing (1 of 6)" in error


def test_unreadable_files_are_all_named(folder, tmp_path):
    whole = (folder / "HR/3.png").read_bytes()
    (folder / "HR/3.png").write_bytes(whole[: len(whole) // 2])
    (folder / "HR/4.png").write_bytes(b"text")
    (folder / "LR_bicubic/X2/1x2.png").write_bytes(b"text")
    found = [re.search(r"([^/]+\.png): cannot be decoded", text)[1] for text in errors(check(folder, tmp_path))]
    assert found == ["3.png", "4.png", "1x2.png"]


def test_missing_and_surplus_lr_files(folder, tmp_path):
    (folder / "LR_bicubic/X2/1x2.png").rename(folder / "LR_bicubic/X2/9x2.png")
    report = check(folder, tmp_path)
    (error,) = errors(report)
    assert "LR bicubic x2: files are missing (1 of 6), such as" in error and error.endswith("1x2.png")
    (note,) = notes(report)
    assert "files belong to no HR image (1), such as" in note and note.endswith("9x2.png")


def test_an_lr_folder_of_another_scale(folder, tmp_path):
    for path in (folder / "LR_bicubic/X4").iterdir():
        write_image(path, imresize(read_image(folder / f"HR/{path.name[0]}.png"), 1 / 3))
    (error,) = errors(check(folder, tmp_path))
    assert re.search(r"X4: holds files of x3, not of x4 \(6 of them; 0x4\.png is 32x32, and HR 96x96\)", error)


def test_lr_of_hr_that_was_not_cropped(folder, tmp_path):
    image = synthetic_image(9, 97)
    write_image(folder / "HR/0.png", image)
    for scale in (2, 4):
        write_image(folder / f"LR_bicubic/X{scale}/0x{scale}.png", imresize(image, 1 / scale))
    found = errors(check(folder, tmp_path))
    assert len(found) == 2 and all("holds files whose sides are rounded up" in text for text in found)


def test_lr_of_no_size_that_fits(folder, tmp_path):
    write_image(folder / "LR_bicubic/X2/0x2.png", np.zeros((5, 90, 3), np.uint8))
    (error,) = errors(check(folder, tmp_path))
    assert "holds files that do not fit their HR images (1 of them; 0x2.png is 90x5, and HR 96x96)" in error


def test_lr_of_another_image(folder, tmp_path):
    a, b = (folder / f"LR_bicubic/X2/{i}x2.png" for i in (0, 1))
    (first, second) = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)
    found = errors(check(folder, tmp_path))
    assert [text.rpartition("/")[2] for text in found] == [
        "0x2.png: does not show its HR image",
        "1x2.png: does not show its HR image",
    ]


def test_how_far_lr_is_from_matlab(folder, tmp_path, images):
    """Known differences: one pixel of one image by 9 levels, 24 x 24 x 6 in all."""
    lr = imresize(images[2], 1 / 4)
    lr[5, 7, 1] = lr[5, 7, 1] + 9 if lr[5, 7, 1] < 128 else lr[5, 7, 1] - 9
    write_image(folder / "LR_bicubic/X4/2x4.png", lr)
    report = check(folder, tmp_path)
    (note,) = notes(report)
    assert not report.wrong and f"{100 / (24 * 24 * 6):.2f} % of the pixels differ, by up to 9 levels" in note


def test_pillows_bicubic_is_not_matlabs(folder, tmp_path):
    for path in (folder / "LR_bicubic/X2").iterdir():
        hr = Image.open(folder / f"HR/{path.name[0]}.png")
        hr.resize((SIDE // 2, SIDE // 2), Image.Resampling.BICUBIC).save(path)
    report = check(folder, tmp_path)
    assert not report.wrong and "LR bicubic x2: not exactly MATLAB's bicubic" in notes(report)[0]


def test_grey_alpha_deep_and_odd_images(folder, tmp_path, images):
    Image.fromarray(images[0][..., 0]).save(folder / "HR/0.png")
    Image.fromarray(np.dstack([images[1], images[1][..., :1]])).save(folder / "HR/1.png")
    Image.fromarray(images[2][..., 0].astype(np.uint16) * 257).save(folder / "HR/2.png")
    write_image(folder / "HR/3.png", images[3][:-1])
    found = notes(check((folder / "HR").rename(tmp_path / "alone"), tmp_path))
    assert "grey images (2): 0.png, 2.png" in found and "images whose sides are no multiples" in found[-1]
    assert "images with an alpha channel, which is dropped (1): 1.png" in found
    assert "images of more than 8 bits, which are rounded (1): 2.png" in found
    assert "(x2: 1 of 6, x3: 1 of 6, x4: 1 of 6)" in found[-1]


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


COPIES = {
    "same": lambda image: image,
    "half": lambda image: imresize(image, 1 / 2),
    "quarter": lambda image: imresize(image, 1 / 4),
    "twice": lambda image: imresize(image, 2),
    "compressed": lambda image: jpeg(image, 30),
    "half and compressed": lambda image: jpeg(imresize(image, 1 / 2), 50),
    "grey": lambda image: np.asarray(Image.fromarray(image).convert("L")),
}


@pytest.mark.parametrize("copy", COPIES)
def test_copies_are_found(tmp_path, copy):
    images = [synthetic_image(index, 2 * SIDE) for index in range(6)]
    first = [look(write_image(tmp_path / f"a{i}.png", image)) for i, image in enumerate(images)]
    second = [look(write_image(tmp_path / f"b{i}.png", COPIES[copy](images[i]))) for i in (2, 4)]
    for found in (duplicates(first, second), duplicates(first + second)):
        names = [(pair.first.name, pair.second.name, pair.exact) for pair in found]
        assert names == [("a2.png", "b2.png", copy == "same"), ("a4.png", "b4.png", copy == "same")]


def test_other_images_are_no_copies(tmp_path):
    looks = [look(write_image(tmp_path / f"{i}.png", synthetic_image(i, 64))) for i in range(60)]
    flat = [look(write_image(tmp_path / f"f{v}.png", np.full((40, 40, 3), v, np.uint8))) for v in (0, 200)]
    assert duplicates(looks + flat) == []


def test_training_images_among_those_of_a_test_set(folder, tmp_path, images):
    for i in range(5):
        write_image(tmp_path / f"benchmark/Set5/HR/{i}.png", synthetic_image(50 + i, SIDE))
    assert check(folder, tmp_path, ["set5"]).findings == []
    write_image(tmp_path / "benchmark/Set5/HR/0.png", imresize(images[3], 1 / 2))
    write_image(tmp_path / "benchmark/Set5/HR/1.png", images[5])
    (error,) = errors(check(folder, tmp_path, ["set5"]))
    assert error == "images that are also in set5 (1 to the pixel, 1 scaled or compressed anew): 3.png, 5.png"


def test_what_a_set_is_compared_with(tmp_path, folder):
    for place in ("benchmark/Set5/HR", "train/T91", "DIV2K/DIV2K_valid_HR"):
        write_image(tmp_path / place / "a.png", synthetic_image(0, 32))
    names = {
        word: [other.name for other in counterparts(find_subjects(word, tmp_path)[0], tmp_path)]
        for word in ("t91", "set5", str(folder), str(tmp_path / "benchmark/Set5"))
    }
    assert names["t91"] == names[str(folder)] == ["div2k_valid", "set5"]
    assert names["set5"] == names[str(tmp_path / "benchmark/Set5")] == ["t91"]


def test_a_set_that_is_not_whole(tmp_path, images):
    for i in range(4):
        write_image(tmp_path / f"benchmark/Set5/HR/{i}.png", images[i])
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads/benchmark.tar.part").write_bytes(b"12345")
    report = check("set5", tmp_path)
    assert errors(report) == [f"{tmp_path / 'benchmark/Set5/HR'}: 4 images, but Set5 has 5"]
    assert any("5 bytes of a download that was interrupted" in note for note in notes(report))


def test_wild_has_four_files_for_every_image(tmp_path, images):
    for i, image in enumerate(images):
        write_image(tmp_path / f"DIV2K/DIV2K_train_HR/{i:04d}.png", image)
        for version in range(1, 5):
            write_image(tmp_path / f"DIV2K/DIV2K_train_LR_wild/{i:04d}x4w{version}.png", imresize(image, 1 / 4))
    (tmp_path / "DIV2K/DIV2K_train_LR_wild/0002x4w3.png").unlink()
    (count, lost) = errors(check("div2k_train", tmp_path))
    assert "6 images, but DIV2K train has 800" in count
    assert "LR wild x4: files are missing (1 of 24), such as" in lost and lost.endswith("0002x4w3.png")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("set55", "neither a folder nor one of the sets .* Did you mean 'set5'"),
        ("set14", "Set14/HR is not there. Fetch"),
    ],
)
def test_what_is_not_there(tmp_path, word, message):
    with pytest.raises(SrlabError, match=message):
        find_subjects(word, tmp_path)


def test_the_command_line(folder, tmp_path, capsys):
    words = ["check", str(folder), f"data.root={tmp_path}"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "equal in every pixel" in printed and "nothing wrong" in printed
    (folder / "LR_bicubic/X2/1x2.png").unlink()
    assert main(words) == 1
    assert re.search(r"^error: LR bicubic x2: files are missing \(1 of 6\)", capsys.readouterr().out, re.M)


def test_no_images_to_compare(folder, tmp_path, capsys):
    with pytest.raises(SystemExit, match="1"):
        main(["check", str(folder), f"data.root={tmp_path}", "images=0"])
    assert capsys.readouterr().err == "error: images=0: expected 1 or more.\n"


@needs_shared
def test_real_sets(capsys):
    assert main(["check", "set5", f"data.root={SHARED / 'data'}", "against=bsds200"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("equal in every pixel (5 of 5 images compared)") == 3
    assert "note: images that are also in bsds200 (0 to the pixel, 1 scaled or compressed anew): woman.png" in printed
