"""Memory of large tensors: fewer pages are asked for, and none of the settings overrules what a user has set."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from srlab.large_tensors import LARGE_PAGES, prepare_memory

HAS_GLIBC = sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")
ON_GLIBC = pytest.mark.skipif(not HAS_GLIBC, reason="the C library is not glibc, and does as it likes")

# Four images, and the least number of new pages that one of the last three took.
FAULTS = """
import resource, srlab, torch
from srlab.inference.upscaler import Upscaler
from srlab.networks.edsr import EDSRNetwork

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    upscaler.tensor(torch.rand(1, 3, 256, 256), 2)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

upscaler = Upscaler(EDSRNetwork(2, blocks=4), "edsr")
print(min([faults() for _ in range(4)][1:]))
"""


def new_pages(**variables: str) -> int:
    environment = {key: value for key, value in os.environ.items() if key != LARGE_PAGES} | variables
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, env=environment, check=True)
    return int(done.stdout)


@ON_GLIBC
def test_an_image_takes_the_memory_of_the_one_before() -> None:
    usual = new_pages(GLIBC_TUNABLES="glibc.malloc.check=0", **{LARGE_PAGES: "0"})
    if usual < 10_000:
        pytest.skip("this system gives large pages by itself, or counts none")
    assert new_pages() < usual * 0.6


def test_the_kernel_is_asked_for_large_pages_only_where_it_gives_them_to_those_who_ask(tmp_path: Path) -> None:
    pages = tmp_path / "enabled"
    for text, expected in {
        "always [madvise] never\n": {LARGE_PAGES: "1"},
        "[always] madvise never\n": {},
        "always madvise [never]\n": {},
    }.items():
        pages.write_text(text, encoding="ascii")
        environment: dict[str, str] = {}
        prepare_memory(environment, pages)
        assert environment == (expected if sys.platform.startswith("linux") else {})


def test_no_kernel_says_nothing(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    prepare_memory(environment, tmp_path / "missing")
    assert environment == {}


def test_what_a_user_has_set_holds(tmp_path: Path) -> None:
    pages = tmp_path / "enabled"
    pages.write_text("always [madvise] never\n", encoding="ascii")
    environment = {LARGE_PAGES: "0"}
    prepare_memory(environment, pages)
    assert environment == {LARGE_PAGES: "0"}


@ON_GLIBC
@pytest.mark.parametrize("variable", ["MALLOC_TRIM_THRESHOLD_=1", "GLIBC_TUNABLES=glibc.malloc.trim_threshold=1"])
def test_glibc_is_not_told_where_the_environment_tells_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    class Refuses:
        gnu_get_libc_version = None

        def mallopt(self, parameter: int, value: int) -> int:
            raise AssertionError("was told")

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Refuses())
    name, _, value = variable.partition("=")
    prepare_memory({name: value}, tmp_path / "missing")
    with pytest.raises(AssertionError, match="was told"):
        prepare_memory({}, tmp_path / "missing")
