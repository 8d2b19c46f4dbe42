"""`srlab upscale`: what goes where, what is refused in one line, and what an interruption leaves."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, build
from photo_files import bomb_png, pixels, png_bytes
from PIL import Image

from srlab.commands import upscaled_photos
from srlab.commands.upscale import main
from srlab.errors import SrlabError
from srlab.imaging.resize import imresize
from srlab.inference.upscaler import Settings, Upscaler
from srlab.photos.networks import Networks, source_of
from srlab.weights.checkpoint import write_checkpoint

FAST = ("model=bicubic", "tile=null", "device=cpu")


def put(path: Path, channels: int = 3, height: int = 22, width: int = 31) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png_bytes(pixels(channels, 8, height, width)))
    return path


@pytest.fixture
def photo(tmp_path) -> Path:
    return put(tmp_path / "photo.png")


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three photos, one in a folder below, and what people and systems leave beside them."""
    root = tmp_path / "photos"
    for name in ("a.png", "b.png", "trip/day 1/c.png"):
        put(root / name)
    for name in (".hidden.png", ".thumbnails/d.png", "__MACOSX/e.png", "Thumbs.db", "trip/notes.txt"):
        put(root / name)
    return root


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def refused(capsys, *words) -> str:
    with pytest.raises(SystemExit, match="1"):
        main([str(word) for word in words])
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1 and "Traceback" not in err
    return err.removeprefix("error: ").strip()


def test_a_file(photo, tmp_path, capsys):
    assert main([str(photo), str(tmp_path / "new" / "large.png"), *FAST]) == 0
    with Image.open(tmp_path / "new" / "large.png") as image:
        found = np.asarray(image)
    expected = np.floor(imresize(pixels(3) / 255, 2).clip(0, 1) * 255 + 0.5)
    assert np.abs(found - expected).max() <= 1 and (found == expected).mean() > 0.999
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{photo} -> {tmp_path / 'new' / 'large.png'}: 31x22 -> 62x44, bicubic, ")
    assert captured.err == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["scale=3"], (93, 66)),
        (["scale=2.7"], (84, 59)),
        (["size=100x40"], (100, 40)),
        (["size=x44"], (62, 44)),
        (["scale=0.5"], (16, 11)),
    ],
)
def test_any_size(photo, tmp_path, words, expected):
    assert main([str(photo), str(tmp_path / "out.png"), *FAST, *words]) == 0
    assert size(tmp_path / "out.png") == expected


def test_a_file_into_a_folder(photo, tmp_path):
    out = tmp_path / "out"
    for words in ([], ["size=40x30"], ["scale=2.5", "name={model} {name} {width}"], ["format=jpeg", "scale=4.0"]):
        assert main([str(photo), f"{out}/", *FAST, *words]) == 0
    assert files(out) == ["bicubic photo 78.png", "photo_40x30.png", "photo_x2.png", "photo_x4.jpg"]


def test_a_folder_is_mirrored_and_goes_on_where_it_stopped(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert main([str(folder), str(out), *FAST]) == 0
    assert files(out) == ["a_x2.png", "b_x2.png", "trip/day 1/c_x2.png"]
    assert "3 written, 1 other files left out; " in capsys.readouterr().out
    (out / "b_x2.png").unlink()
    before = (out / "a_x2.png").stat().st_mtime_ns
    assert main([str(folder), str(out), *FAST]) == 0
    assert "1 written, 2 skipped, which were there (overwrite=true makes them anew)" in capsys.readouterr().out
    assert (out / "a_x2.png").stat().st_mtime_ns == before
    assert main([str(folder), str(out), *FAST, "overwrite=true"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("3 written, 1 other")
    assert (out / "a_x2.png").stat().st_mtime_ns > before


def test_results_inside_the_folder_are_no_photos_of_it(folder):
    for _ in range(2):
        assert main([str(folder), str(folder / "large"), *FAST]) == 0
    assert files(folder / "large") == ["a_x2.png", "b_x2.png", "trip/day 1/c_x2.png"]


def test_two_photos_of_one_name(tmp_path):
    put(tmp_path / "in" / "a.png")
    Image.fromarray(pixels(3)).save(tmp_path / "in" / "A.jpg")
    assert main([str(tmp_path / "in"), str(tmp_path / "out"), *FAST]) == 0
    assert files(tmp_path / "out") == ["A_jpg_x2.png", "a_png_x2.png"]


def test_two_photos_of_one_result(folder, tmp_path, capsys):
    assert main([str(folder), str(tmp_path / "out"), *FAST, "name=x"]) == 1
    assert "x.png: would be the result of several photos" in capsys.readouterr().err


def test_one_bad_photo_is_named_and_the_rest_go_on(folder, tmp_path, capsys):
    (folder / "a2.jpg").write_bytes(b"")
    (folder / "a3.png").write_bytes(bomb_png(20000))
    assert main([str(folder), str(tmp_path / "out"), *FAST, "max_pixels=1000000"]) == 1
    captured = capsys.readouterr()
    note, empty, bomb = captured.err.splitlines()
    assert note == f"note: {folder}: hidden files and those of systems are ignored (.hidden.png, Thumbs.db, __MACOSX)."
    assert empty == f"error: {folder / 'a2.jpg'}: is empty."
    assert bomb.startswith(
        f"error: {folder / 'a3.png'}: says that it has 20000x20000 pixels, more than max_pixels=1000000."
    )
    assert captured.out.splitlines()[-1].startswith("3 written, 2 failed, 1 other files left out; ")
    assert len(files(tmp_path / "out")) == 3


def test_an_input_is_never_overwritten(folder, photo, tmp_path, capsys):
    before = photo.read_bytes()
    link = tmp_path / "link.png"
    link.symlink_to(photo)
    for out in (photo, link):
        message = refused(capsys, photo, out, *FAST, "overwrite=true")
        assert message == f"{out}: is one of the photos themselves, which are never overwritten. Choose another name."
    assert "is the folder of the photos" in refused(capsys, folder, folder, *FAST)
    out = tmp_path / "out"
    out.mkdir()
    os.link(folder / "b.png", out / "a.png")
    content = (folder / "b.png").read_bytes()
    assert main([str(folder), str(out), *FAST, "name={name}", "overwrite=true"]) == 1
    assert "a.png: is one of the photos themselves" in capsys.readouterr().err
    assert photo.read_bytes() == before and (folder / "b.png").read_bytes() == content


def test_a_result_that_is_there(photo, tmp_path, capsys):
    out = tmp_path / "out.png"
    out.write_bytes(b"there")
    assert refused(capsys, photo, out, *FAST) == f"{out}: is there already. Say overwrite=true to replace it."
    assert out.read_bytes() == b"there"
    assert main([str(photo), str(out), *FAST, "overwrite=true"]) == 0
    assert size(out) == (62, 44)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.png", "out.png"], "none.png: no such file or folder"),
        (["photo.png"], "OUT is needed"),
        (["photo.png", "out"], "out: expected a name with a suffix such as .png, or a folder: out/"),
        (["photo.png", "out.bmp"], "out.bmp: expected one of png, jpg"),
        (["photo.png", "out.png", "format=jpg"], "format=jpg: out.png has the suffix of png"),
        (["photo.png", "out/", "format=pgn"], "format=pgn: expected one of .* Did you mean 'png'?"),
        (["photos", "photo.png"], "photo.png: is a file, and photos is a folder"),
        (["photo.png", "photos.png"], "photos.png/x: is a folder; expected a file|is a folder; expected a file"),
        (["empty", "out"], "empty: has no photos. Expected files that end in .apng, .avif"),
        (["photo.png", "out.png", "scale=2", "size=3x4"], "size=3x4: scale= says how large"),
        (["photo.png", "out.png", "scale=0"], "scale=0: expected a value"),
        (["photo.png", "out.png", "scale=nan"], "scale=nan: expected"),
        (["photo.png", "out.png", "size=2.5"], "size=2.5: expected WIDTHxHEIGHT"),
        (["photo.png", "out.png", "size=0x9"], "0x9: asks for 0x9 pixels"),
        (["photo.png", "out.png", "quality=90"], "quality=90: png files are always exact"),
        (["photo.png", "out.jpg", "quality=101"], "quality=101: expected"),
        (["photo.png", "out.png", "tile=0"], "tile=0: expected"),
        (["photo.png", "out/", "name={nme}"], r"name=\{nme\}: expected text with \{name\}"),
        (["photo.png", "out/", "name=../{name}"], r"name=\.\./\{name\}: expected a name, not a path"),
        (["photo.png", "out/", "size=9x9", "name={scale}"], r"name=\{scale\}: with size= there is no \{scale\}"),
        (["photo.png", "out.webp", "scale=700"], "out.webp: would have 21700x15400 pixels, and webp files"),
        (
            ["photo.png", "out.png", "modle=bicubic"],
            "modle=bicubic: srlab upscale has no such option. Did you mean 'model'?",
        ),
        (["photo.png", "photo.png/x.png"], "photo.png/x.png|photo.png: (Not a directory|File exists)"),
    ],
)
def test_mistakes(photo, tmp_path, capsys, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "photos" / "a.png")
    (tmp_path / "photos.png").mkdir()
    (tmp_path / "photos.png" / "photo_x2.png").mkdir()
    (tmp_path / "empty").mkdir()
    before = files(tmp_path)
    line = refused(capsys, *words, *FAST)
    assert re.search(message, line), line
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["scale=5"], "edsr_baseline: has x2, x3, x4, and the result is 5 times as large"),
        (
            ["ckpt=pretrained:srresnet_x4", "size=1000x1000"],
            "srresnet_x4: has x4, and the result is 45.45 times as large",
        ),
        (["ckpt=nowhere"], "nowhere: no such file or folder"),
        (["ckpt=a.ckpt", "model=vdsr"], "ckpt=a.ckpt: says which network, and so do model= and weights="),
        (
            ["--clean", "model=vdsr"],
            "clean=true: is the network mdsr_clean, and ckpt=, model= and weights= name others",
        ),
        (["model=rcan"], "model=rcan: comes without weights. Say weights=FILE too"),
        (["model=vdrs"], "model=vdrs: expected one of .* Did you mean 'vdsr'?"),
        (["model=rcan", "weights=VDSR"], "model=rcan: .* holds another network"),
    ],
)
def test_networks_that_are_refused(photo, tmp_path, capsys, words, message):
    from srlab.weights import zoo

    words = [word.replace("VDSR", str(zoo.path("vdsr"))) for word in words]
    line = refused(capsys, photo, tmp_path / "out.png", "device=cpu", *words)
    assert re.search(message, line), line
    assert not (tmp_path / "out.png").exists()


def test_a_network_that_must_be_told_how_photos_were_blurred(photo, tmp_path, capsys):
    method = build("srmd")
    checkpoint = tmp_path / "srmd.ckpt"
    write_checkpoint(checkpoint, method.key, method.hparams, method.state_dict())
    line = refused(capsys, photo, tmp_path / "out.png", f"ckpt={checkpoint}", "device=cpu")
    assert line.startswith(f"{checkpoint}: needs to be told how each photo was blurred")


def test_which_network_is_taken():
    assert source_of(None, None, None) == "edsr_baseline"
    assert source_of(None, None, None, clean=True) == "mdsr_clean"
    assert source_of(None, "vdsr", "pretrained") == "vdsr" and source_of(None, "vdsr", "a.pth") == "a.pth"
    loaded: list[str] = []

    def loader(source: str, scale: float | None, settings: Settings) -> Upscaler:
        loaded.append(source)
        return Upscaler(build("bicubic").network, source, settings)

    networks = Networks("edsr_baseline", Settings(device="cpu"), loader=loader)
    assert networks.usual_scale() == 2
    for factor, name in ((2, 2), (2.7, 3), (3 + 1e-12, 3), (0.5, 2), (3.1, 4), (1.9, 2)):
        assert networks.for_factor(factor).label == f"edsr_baseline_x{name}"
    assert loaded == ["edsr_baseline_x2", "edsr_baseline_x3", "edsr_baseline_x4"], "each is loaded once"


@pytest.mark.parametrize(("words", "scale"), [([], 2), (["--clean"], 2), (["--clean", "scale=3"], 3)])
def test_the_networks_that_come_with_srlab(tmp_path, words, scale):
    """EDSR-baseline x2 without any option, or the one of generated images: closer to the photo than bicubic is."""
    from srlab.data.photos import photo

    hr = photo("chelsea")[100:196, 150:246]
    lr = tmp_path / "lr.png"
    Image.fromarray(imresize(hr, 1 / scale)).save(lr)
    errors = []
    for network in (["device=cpu", *words], [*FAST, f"scale={scale}"]):
        assert main([str(lr), str(tmp_path / "sr.png"), "--overwrite", *network]) == 0
        with Image.open(tmp_path / "sr.png") as image:
            errors.append(np.square(np.asarray(image)[4:-4, 4:-4] - hr[4:-4, 4:-4].astype(float)).mean())
    assert errors[0] < 0.9 * errors[1]


def test_an_interruption_leaves_whole_results(folder, tmp_path, capsys, monkeypatch):
    whole = upscaled_photos.write_photo

    def interrupted(out: Path, *arguments: object) -> None:
        if out.name == "b_x2.png":
            raise KeyboardInterrupt
        whole(out, *arguments)

    monkeypatch.setattr(upscaled_photos, "write_photo", interrupted)
    assert main([str(folder), str(tmp_path / "out"), *FAST]) == 130
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("1 written, 1 other") and line.endswith(
        "Interrupted with 2 left: the same command goes on from here."
    )
    assert main([str(folder / "b.png"), str(tmp_path / "b_x2.png"), *FAST]) == 130
    assert capsys.readouterr().err == "interrupted: nothing was written.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_in_a_real_process(tmp_path):
    put(tmp_path / "in" / "a.png", 3, 1500, 2000)
    words = [sys.executable, "-m", "srlab", "upscale", "in", "out", "device=cpu"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(words, cwd=tmp_path, env=variables, stdout=-1, stderr=-1, text=True)
    deadline = time.monotonic() + 240
    while not list((tmp_path / "out").glob("*.part")) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err == "" and out.count("\n") == 1 and "0 written; " in out and "Interrupted with 1 left" in out
    assert files(tmp_path / "out") == []


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_disk_that_takes_no_more(folder, tmp_path, capsys, monkeypatch, in_memory):
    """The system refuses files of more than a few bytes: libvips and Python both meet it."""
    resource = pytest.importorskip("resource")
    from srlab.photos import writing

    monkeypatch.setattr(writing, "SMALL", 2**30 if in_memory else 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        code = main([str(folder), str(tmp_path / "out"), *FAST])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    captured = capsys.readouterr()
    assert code == 1 and files(tmp_path / "out") == []
    _, *errors = captured.err.splitlines()  # the first is a note on hidden files
    assert len(errors) == 3 and all(line.startswith("error: ") for line in errors)
    assert "File too large" in captured.err


def test_a_full_disk_stops_a_folder(folder, tmp_path, capsys, monkeypatch):
    def full(out: Path, *arguments: object) -> None:
        raise OSError(28, "No space left on device", str(out))

    monkeypatch.setattr(upscaled_photos, "write_photo", full)
    assert main([str(folder), str(tmp_path / "out"), *FAST]) == 1
    captured = capsys.readouterr()
    _, *errors = captured.err.splitlines()
    assert errors == [f"error: {tmp_path / 'out' / 'a_x2.png'}: No space left on device."]
    assert captured.out.splitlines()[-1].endswith("Stopped with 2 left: the disk takes no more.")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission(photo, tmp_path, capsys):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    assert "closed" in refused(capsys, photo, closed / "out.png", *FAST)


def test_missing_packages_are_named(photo, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("srlab.extras.find_spec", lambda name: None)
    heic = tmp_path / "a.heic"
    heic.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    for extra, words in (("photos", [heic, tmp_path / "out.png"]), ("jxl", [photo, tmp_path / "out.jxl"])):
        line = refused(capsys, *words, *FAST)
        assert line.endswith(f"is not installed. Run: pip install 'srlab[{extra}]'")


def test_help_answers_without_pytorch(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert "usage: srlab upscale IN OUT" in text and "max_pixels=" in text
    assert SrlabError.__name__ not in text
