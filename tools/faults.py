"""Breaks srlab in every way that docs/reliability.md speaks of, many times, and prints a table of what was lost.

    python tools/faults.py
    python tools/faults.py --only kills,races --share 0.1 --seed 3

All campaigns take hours on two cores; `--share` makes fewer tries. The same seed draws the same faults, though the
moments at which they strike depend on the machine. Exit code 1 where anything was lost, hung, or printed a traceback.
"""

import argparse
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fault_campaigns import disks, kills, others, races, torn
from fault_campaigns.row import Row

CAMPAIGNS: dict[str, tuple[Callable[[random.Random, int, Path], Row], int]] = {
    "kills": (kills.random_kills, 40),
    "kills_in_saving": (kills.kills_in_saving, 10),
    "rank_deaths": (kills.rank_deaths, 5),
    "torn_checkpoints": (torn.torn_checkpoints, 20),
    "full_disks": (disks.full_disks, 5),
    "two_trainings": (races.two_trainings, 10),
    "two_resumes": (races.two_resumes, 10),
    "two_evaluations": (races.two_evaluations, 10),
    "mutated_checkpoints": (others.mutated_checkpoints, 2000),
    "mutated_images": (others.mutated_images, 2000),
    "malicious_files": (others.malicious_files, 1),
    "half_open_requests": (others.half_open_requests, 2000),
    "random_options": (others.random_options, 1),
}  # with the number of tries


def main() -> int:
    options = _options()
    failed = False
    print("| fault | tries | lost | seconds |\n|---|---:|---|---:|")
    for name in options.only:
        run, tries = CAMPAIGNS[name]
        began = time.monotonic()
        with tempfile.TemporaryDirectory(dir=options.folder, prefix=f"{name}-") as folder:
            row = run(random.Random(f"{options.seed} {name}"), math.ceil(tries * options.share), Path(folder))
        print(f"{row.line()} {time.monotonic() - began:.0f} |", flush=True)
        for problem in row.problems:
            print(f"{name}: {problem}", file=sys.stderr, flush=True)
        failed |= bool(row.problems)
    return int(failed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=_campaigns, default=list(CAMPAIGNS), help=f"of {', '.join(CAMPAIGNS)}")
    parser.add_argument("--share", type=float, default=1.0, help="of the tries")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="for the runs; the system's temporary one where nothing is said")
    return parser.parse_args()


def _campaigns(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in CAMPAIGNS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: expected some of {', '.join(CAMPAIGNS)}")
    return names


if __name__ == "__main__":
    raise SystemExit(main())
