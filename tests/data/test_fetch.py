"""Sets out of archives: whole and in their place, or not at all."""

import io
import re
import shutil
import signal
import sys
import tarfile
import threading
import zipfile

import pytest
from file_server import png, tarred, zipped
from helpers import wait_for
from rich.progress import Progress
from tiny_set import HR, LR, archive, assert_whole, get, start, tree, with_content

from srlab.commands.data import main
from srlab.data import fetch as fetch_module
from srlab.data.catalog import CATALOG, CatalogEntry, present
from srlab.data.fetch import Choice, fetch, plan
from srlab.errors import SrlabError


def test_a_set_arrives_whole_and_nothing_else(tiny, server, tmp_path):
    assert get(tiny, tmp_path) == [f"{tmp_path / 'Tiny/Tiny_HR'}: 6 images"]
    assert_whole(tmp_path)
    assert not (tmp_path / "downloads").exists() and len(server[0].requests) == 1


def test_lr_files_too(tiny, tmp_path):
    get(tiny, tmp_path, degradations=("unknown",))
    assert tree(tmp_path) == sorted(f"Tiny/{name}" for name in HR | LR)


def test_what_is_there_is_left_alone(tiny, server, tmp_path):
    get(tiny, tmp_path)
    server[0].requests.clear()
    assert get(tiny, tmp_path) == [f"{tmp_path / 'Tiny/Tiny_HR'} is there: 6 images"] and not server[0].requests
    get(tiny, tmp_path, degradations=("unknown",))
    assert [name for name, _ in server[0].requests] == ["Tiny_LR.tar.gz"]


def test_force_replaces(tiny, tmp_path):
    get(tiny, tmp_path)
    (tmp_path / "Tiny/Tiny_HR/0000.png").write_bytes(b"broken")
    get(tiny, tmp_path, force=True)
    assert_whole(tmp_path)


def test_a_folder_that_is_not_whole_is_named_and_left_alone(tiny, tmp_path):
    get(tiny, tmp_path)
    (tmp_path / "Tiny/Tiny_HR/0003.png").unlink()
    with pytest.raises(SrlabError, match=r"tiny: .*Tiny_HR has 5 images, but there must be 6\..*force=true"):
        get(tiny, tmp_path)
    assert len(tree(tmp_path)) == 5


def test_a_kept_archive_is_used_again(tiny, server, tmp_path):
    get(tiny, tmp_path, keep=True)
    shutil.rmtree(tmp_path / "Tiny")
    get(tiny, tmp_path)
    assert_whole(tmp_path)
    assert len(server[0].requests) == 1


def test_sets_of_one_archive_are_downloaded_once(server, tmp_path):
    behaviour, url = server
    files = {f"benchmark/{name}/HR/{i}.png": png(i) for name in ("A", "B") for i in range(3)}
    behaviour.files = {"both.tar": tarred(files)}
    shared = archive(url, "both.tar", behaviour.files["both.tar"], hr=True, bytes=None)
    sets = [CatalogEntry(n, n, "", 3, "test", "", (f"benchmark/{n}/HR",), {}, (shared,)) for n in ("A", "B")]
    with Progress(disable=True) as progress:
        fetch(sets, tmp_path, Choice(), progress)
    assert tree(tmp_path) == sorted(files) and len(behaviour.requests) == 1


def test_several_folders_of_an_archive_become_one(server, tmp_path, tiny):
    files = {f"BSDS/images/{part}/{part}{i}.png": png(i) for part in ("train", "test") for i in range(3)}
    extra = {"BSDS/bench/images/x.png": png(9), "__MACOSX/BSDS/images/train/._train0.png": b"", "BSDS/readme": b""}
    inside = ("images/train", "images/test")
    get(with_content(tiny, server, zipped(files | extra), inside=inside), tmp_path)
    assert [path.rpartition("/")[2] for path in tree(tmp_path)] == sorted(path.rpartition("/")[2] for path in files)


def test_not_an_archive(tiny, server, tmp_path):
    with pytest.raises(SrlabError, match=r"Tiny_HR\.zip: neither a zip nor a tar file; it begins with b'<html>"):
        get(with_content(tiny, server, b"<html>log in first</html>"), tmp_path)
    assert not present(tiny, tmp_path)


def test_an_archive_that_is_not_the_set(tiny, server, tmp_path):
    cats = zipped({f"cats/{i}.png": png(i) for i in range(3)} | {"readme.txt": b""})
    message = r"is not Tiny: expected 6 images in Tiny_HR/\*, found 0; it holds \./ \(1 file\), cats/ \(3 files\)"
    with pytest.raises(SrlabError, match=message):
        get(with_content(tiny, server, cats), tmp_path)
    few = zipped(dict(list(HR.items())[:5]))
    with pytest.raises(SrlabError, match=r"expected 6 images in Tiny_HR/\*, found 5; it holds Tiny_HR/ \(5 files\)"):
        get(with_content(tiny, server, few), tmp_path, force=True)
    assert not [path for path in tree(tmp_path) if path.startswith("Tiny")]


def test_a_file_in_it_that_is_no_image(tiny, server, tmp_path):
    with pytest.raises(SrlabError, match=r"0002\.png: cannot be decoded"):
        get(with_content(tiny, server, zipped(HR | {"Tiny_HR/0002.png": b"not an image"})), tmp_path)
    assert not [path for path in tree(tmp_path) if path.startswith("Tiny")]


def test_an_archive_with_a_password(tiny, server, tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name, content in HR.items():
            packed.writestr(name, content)
        for info in packed.infolist():
            info.flag_bits |= 1  # which says that it is encrypted
    with pytest.raises(SrlabError, match=r"Tiny_HR\.zip: has a password\. Get the published file"):
        get(with_content(tiny, server, file.getvalue()), tmp_path)
    assert not present(tiny, tmp_path)


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("name", ["../evil.png", "/tmp/evil.png", "Tiny_HR/../../evil.png", "..\\evil.png"])
def test_a_path_that_leads_out_of_the_archive(tiny, server, tmp_path, pack, name):
    root = tmp_path / "root"
    with pytest.raises(SrlabError, match=r"which leads out of it\. Nothing was unpacked"):
        get(with_content(tiny, server, pack(HR | {name: png(9)})), root)
    assert not list(tmp_path.rglob("evil.png")) and not present(tiny, root)


def test_links_of_a_tar_are_not_followed(tiny, server, tmp_path):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as packed:
        for name in HR:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            packed.addfile(link)
    with pytest.raises(SrlabError, match=r"expected 6 images .*, found 0"):
        get(with_content(tiny, server, file.getvalue()), tmp_path)


def test_a_broken_archive(tiny, server, tmp_path):
    """One byte within a stored image: the archive's own checksum of it is wrong."""
    content = bytearray(zipped(HR))
    content[len(content) // 2] ^= 255
    with pytest.raises(SrlabError, match=r"broken \(Bad CRC-32 for file 'Tiny_HR"):
        get(with_content(tiny, server, bytes(content)), tmp_path)
    assert not [path for path in tree(tmp_path) if path.startswith("Tiny")]


def test_a_disk_that_is_too_small(tiny, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(fetch_module.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(SrlabError, match=r"Tiny_HR\.zip needs .* GB .* are free.*data.root="):
        get(tiny, tmp_path)
    assert tree(tmp_path) == []


def test_two_fetches_at_once(tiny, tmp_path):
    with fetch_module._alone(tmp_path), pytest.raises(SrlabError, match="another fetch is at work there"):
        get(tiny, tmp_path)


def test_killed_while_it_unpacks(tiny, server, tmp_path):
    assert start(tiny, tmp_path, kill_at=3).wait(60) == -signal.SIGKILL
    assert not present(tiny, tmp_path) and len(list((tmp_path / "Tiny").rglob("*.png"))) == 3
    server[0].requests.clear()
    get(tiny, tmp_path)
    assert server[0].requests == []  # the archive was whole
    assert_whole(tmp_path)


class CtrlC(threading.Event):
    """What a server waits for in the middle of a file. part: what must have arrived before."""

    def __init__(self, part):
        super().__init__()
        self.part = part

    def wait(self, timeout=None):
        wait_for(lambda: self.part.is_file() and self.part.stat().st_size, seconds=30)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return super().wait(timeout)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_keeps_what_was_downloaded(tiny, server, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(CATALOG, "tiny", tiny)
    behaviour, words = server[0], ["fetch", "tiny", f"data.root={tmp_path}"]
    part = tmp_path / "downloads/Tiny_HR.zip.part"
    behaviour.cuts, behaviour.stall = [150_000], CtrlC(part)
    assert main(words) == 130
    behaviour.stall.set()
    line = "interrupted; what was downloaded is kept, and the same command goes on from there\n"
    assert capsys.readouterr().err.endswith(line)
    received = part.stat().st_size
    behaviour.requests.clear()
    assert main(words) == 0 and received > 0
    assert behaviour.requests == [("Tiny_HR.zip", f"bytes={received}-")]
    assert_whole(tmp_path)


def test_the_command_line(tiny, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(CATALOG, "tiny", tiny)
    assert main(["fetch", "tiny", f"data.root={tmp_path}", "data.degradation=unknown", "scale=2"]) == 0
    assert "X2: 6 images" in capsys.readouterr().out
    assert (tmp_path / "Tiny/Tiny_LR_unknown/X2/0002x2.png").read_bytes() == png(2, (60, 80))
    main(["list", f"data.root={tmp_path}"])
    assert re.search(r"tiny +│ 6 +│ yes", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["manga109"], "manga109 cannot be fetched: it may not be downloaded .*put the 109 pages .* into benchmark"),
        (["set6"], "'set6' is not a set .*Did you mean 'set5'"),
        (["tiny", "data.degradation=mild"], "tiny: it has no LR images of data.degradation=mild"),
        (["tiny", "data.degradation=unknown", "scale=[3]"], "scale=3: tiny has unknown LR images of x2"),
    ],
)
def test_mistakes_are_one_line(tiny, monkeypatch, tmp_path, capsys, words, message):
    monkeypatch.setitem(CATALOG, "tiny", tiny)
    with pytest.raises(SystemExit, match="1"):
        main(["fetch", *words, f"data.root={tmp_path}"])
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ") and re.search(message, line)


def test_what_a_fetch_of_real_sets_would_fill(tmp_path):
    def folders(name: str, **choice) -> dict[str, int]:
        targets = plan(CATALOG[name], tmp_path, Choice(**choice))
        return {str(target.folder.relative_to(tmp_path)): target.wanted.count for target in targets}

    assert folders("div2k_train") == {"DIV2K/DIV2K_train_HR": 800}
    assert folders("div2k_train", degradations=("wild",)) == {
        "DIV2K/DIV2K_train_HR": 800,
        "DIV2K/DIV2K_train_LR_wild": 3200,
    }
    assert folders("div2k_valid", degradations=("bicubic",), scales=(2, 8)) == {
        "DIV2K/DIV2K_valid_HR": 100,
        "DIV2K/DIV2K_valid_LR_bicubic/X2": 100,
        "DIV2K/DIV2K_valid_LR_x8": 100,
    }
    assert folders("set14") == {f"benchmark/Set14/{part}": 14 for part in ("HR", *(f"LR_bicubic/X{s}" for s in "234"))}
    assert folders("bsds500") == {"train/BSDS500": 500}
