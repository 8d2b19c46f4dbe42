"""The sets that srlab knows: where their files lie under data.root and where to get them."""

from dataclasses import dataclass
from pathlib import Path

from srlab.errors import SrlabError, nearest


@dataclass(frozen=True)
class CatalogEntry:
    """One set of images.

    hr: folder of the HR images under data.root. lr: path of an image's LR file, with {scale} and {stem}.
    count: how many images the published set has. source: where it comes from.
    """

    name: str
    title: str
    hr: str
    lr: str
    count: int
    source: str


def _benchmark(name: str, title: str, count: int, source: str) -> CatalogEntry:
    folder = f"benchmark/{title}"
    return CatalogEntry(
        name, title, f"{folder}/HR", f"{folder}/LR_bicubic/X{{scale}}/{{stem}}x{{scale}}.png", count, source
    )


def _div2k(part: str, count: int) -> CatalogEntry:
    lr = f"DIV2K/DIV2K_{part}_LR_bicubic/X{{scale}}/{{stem}}x{{scale}}.png"
    source = "https://data.vision.ee.ethz.ch/cvl/DIV2K/"
    return CatalogEntry(f"div2k_{part}", f"DIV2K {part}", f"DIV2K/DIV2K_{part}_HR", lr, count, source)


_EDSR_TAR = "https://cv.snu.ac.kr/research/EDSR/benchmark.tar"
CATALOG = {
    entry.name: entry
    for entry in (
        _benchmark("set5", "Set5", 5, _EDSR_TAR),
        _benchmark("set14", "Set14", 14, _EDSR_TAR),
        _benchmark("b100", "B100", 100, _EDSR_TAR),
        _benchmark("urban100", "Urban100", 100, _EDSR_TAR),
        _benchmark("manga109", "Manga109", 109, "http://www.manga109.org (on request; not to be redistributed)"),
        _div2k("train", 800),
        _div2k("valid", 100),
    )
}
BENCHMARKS = ("set5", "set14", "b100", "urban100", "manga109")


def find_set(name: str) -> CatalogEntry:
    """The entry of that name. Raises SrlabError for an unknown one."""
    key = name.lower()
    if key not in CATALOG:
        known = [*CATALOG, "sample"]
        raise SrlabError(f"sets: '{name}' is not a set ({', '.join(known)}).{nearest(key, known)}")
    return CATALOG[key]


def present(entry: CatalogEntry, root: Path) -> bool:
    """Whether the set's HR folder is there."""
    return (root / entry.hr).is_dir()


def hr_folder(entry: CatalogEntry, root: Path) -> Path:
    """The set's HR folder. Raises SrlabError, with where to get the set, if it is not there."""
    folder = root / entry.hr
    if not folder.is_dir():
        raise SrlabError(
            f"{entry.name}: {folder} is not there. Get the set from {entry.source}, "
            f"or say where it is: data.root=DIR, or SRLAB_DATA in the environment."
        )
    return folder
