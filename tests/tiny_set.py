"""A set of six images on a server of our own, and what a fetch of it must leave behind."""

import hashlib
import os
import subprocess
import sys
import textwrap
from dataclasses import replace

from file_server import Behaviour, png, tarred, zipped
from helpers import ROOT
from rich.progress import Progress

from srlab.data.catalog import Archive, CatalogEntry, Track
from srlab.data.fetch import Choice, fetch

HR = {f"Tiny_HR/{i:04d}.png": png(i, (120, 160)) for i in range(6)}  # 57 kB each
LR = {f"Tiny_LR_unknown/X2/{i:04d}x2.png": png(i, (60, 80)) for i in range(6)}


def archive(url: str, name: str, content: bytes, **options) -> Archive:
    sha256 = hashlib.sha256(content).hexdigest()
    return Archive(**{"url": f"{url}/{name}", "bytes": len(content), "sha256": sha256, **options})


def tiny_set(server: tuple[Behaviour, str]) -> CatalogEntry:
    """A set of six images, HR in a zip and LR in a tar."""
    behaviour, url = server
    behaviour.files = {"Tiny_HR.zip": zipped(HR), "Tiny_LR.tar.gz": tarred(LR, "w:gz")}
    hr = archive(url, "Tiny_HR.zip", behaviour.files["Tiny_HR.zip"], hr=True)
    lr = archive(url, "Tiny_LR.tar.gz", behaviour.files["Tiny_LR.tar.gz"], lr={"unknown": [2]})
    track = Track({2: "Tiny/Tiny_LR_unknown/X{scale}/{stem}x{scale}.png"})
    return CatalogEntry(
        "tiny", "Tiny", "Six images.", 6, "train", "ours", ("Tiny/Tiny_HR",), {"unknown": track}, (hr, lr)
    )


def with_content(entry: CatalogEntry, server, content: bytes, **options) -> CatalogEntry:
    """The set with other bytes as its HR archive, and their own checksum."""
    behaviour, url = server
    behaviour.files["Tiny_HR.zip"] = content
    return replace(entry, archives=(archive(url, "Tiny_HR.zip", content, hr=True, **options),))


def get(entry: CatalogEntry, root, **choice) -> list[str]:
    with Progress(disable=True) as progress:
        return fetch([entry], root, Choice(**{"wait": 0.0, **choice}), progress)


def tree(root) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def assert_whole(root) -> None:
    """Only the set is there, each file to the byte."""
    assert tree(root) == sorted(f"Tiny/{name}" for name in HR)
    assert all((root / "Tiny" / name).read_bytes() == content for name, content in HR.items())


PROGRAM = """
    import sys
    from srlab.data import catalog, unpack
    from srlab.commands.data import main
    from srlab.data.catalog import Archive, CatalogEntry

    url, sha256, count, kill_at = sys.argv[1:5]
    archive = Archive(url, sha256=sha256, hr=True)
    catalog.CATALOG["tiny"] = CatalogEntry(
        "tiny", "Tiny", "Six images.", int(count), "train", "ours", ("Tiny/Tiny_HR",), archives=(archive,)
    )
    if int(kill_at):
        copy, written = unpack.shutil.copyfileobj, []

        def copy_some(*arguments):
            copy(*arguments)
            written.append(1)
            if len(written) == int(kill_at):
                import os, signal
                os.kill(os.getpid(), signal.SIGKILL)

        unpack.shutil.copyfileobj = copy_some
    sys.exit(main(["fetch", "tiny", f"data.root={sys.argv[5]}"]))
"""


def start(entry: CatalogEntry, root, kill_at: int = 0) -> subprocess.Popen:
    first = entry.archives[0]
    words = [first.url, first.sha256, str(entry.count), str(kill_at), str(root)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(PROGRAM), *words], env=environment)
