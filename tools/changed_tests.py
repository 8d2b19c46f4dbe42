"""Prints the tests that a change needs: those of the packages that differ from a commit, and the test of floors.

    python tools/changed_tests.py            # what differs from HEAD: edits that are not committed
    python tools/changed_tests.py main       # what differs from the branch main

`make test-fast` runs them without the slow ones.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
ALWAYS = "tests/test_floors.py"
OF_FOLDER = {
    "conf": ["tests/config", "tests/losses", "tests/sweeps/test_planning.py"],
    "tools": ["tests/test_tools.py"],
    "benchmarks": ["tests/test_tools.py"],
}


def tests_of(path: str) -> list[str]:
    """Returns the tests that a change of one file needs, as far as they are known by its place in the tree."""
    parts = PurePosixPath(path).parts
    if parts[:2] == ("src", "srlab"):
        return [f"tests/{parts[2]}"] if len(parts) > 3 else ["tests"]
    if parts[0] == "tests":
        return [path] if parts[-1].startswith("test_") else [str(PurePosixPath(path).parent)]
    return OF_FOLDER.get(parts[0], [])


def needed(changed: Iterable[str]) -> list[str]:
    """Returns folders and files of tests/ that are there, the whole suite in place of its parts."""
    found = {test for path in changed for test in tests_of(path) if (ROOT / test).exists()}
    return ["tests"] if "tests" in found else sorted({ALWAYS, *found})


def changed_since(commit: str) -> list[str]:
    """Returns what differs from a commit, new files too. Paths are relative to the repository."""
    lists = (["git", "diff", "--name-only", commit], ["git", "ls-files", "--others", "--exclude-standard"])
    return [
        path
        for command in lists
        for path in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    ]


if __name__ == "__main__":
    print(*needed(changed_since(sys.argv[1] if len(sys.argv) > 1 else "HEAD")))
