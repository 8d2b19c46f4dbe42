"""Two processes that want the same folder at the same moment: one gets it, the other is told who has it."""

import random
import re
import time
from pathlib import Path

from fault_campaigns.row import Row
from fault_campaigns.trainings import STEPS, differences, ended, start, steps_logged, words
from srlab.run_files import RunFiles

OWNED = re.compile(r"error: .*: (process \d+ on \S+ is \w+|another process is at work) there\. Wait until it has ended")


def two_trainings(generator: random.Random, tries: int, folder: Path) -> Row:
    """`python train.py name=a` twice at once."""
    row = Row("races: two trainings of one name")
    whole = _whole(folder)
    for number in range(tries):
        name = f"training{number}"
        _race(row, generator, folder, ["train.py", *words("EDSR"), f"name={name}"])
        _compare(row, whole, RunFiles(folder / "runs" / name), name)
    return row


def two_resumes(generator: random.Random, tries: int, folder: Path) -> Row:
    """A run that was stopped, and `resume=auto` twice at once."""
    row = Row("races: two resumes of one run")
    whole = _whole(folder)
    for number in range(tries):
        name = f"resume{number}"
        options = [*words("EDSR"), f"name={name}"]
        code, _, errors = ended(start(folder, "train.py", *options, f"trainer.stop_after={STEPS // 3}"))
        row.expect(code == 0, f"{name}: the part before ended with {code}: {errors[-300:]}")
        _race(row, generator, folder, ["train.py", *options, "resume=auto"])
        _compare(row, whole, RunFiles(folder / "runs" / name), name)
    return row


def two_evaluations(generator: random.Random, tries: int, folder: Path) -> Row:
    """`python evaluate.py out=a` twice at once."""
    row = Row("races: two evaluations into one folder")
    options = ["model=bicubic", "scale=2", "sets=[sample]", "protocol=luma"]
    expected = None
    for number in range(tries):
        out = folder / f"evaluation{number}"
        _race(row, generator, folder, ["evaluate.py", *options, f"out={out}"])
        rows = (out / "results.json").read_text(encoding="utf-8") if (out / "results.json").is_file() else "missing"
        psnr = re.findall(r'"psnr": [0-9.]+', rows)
        expected = expected or psnr
        row.expect(bool(psnr) and psnr == expected, f"{out.name}: results.json differs")
    return row


def _race(row: Row, generator: random.Random, folder: Path, command: list[str]) -> None:
    """Starts a command twice within half a second. One must do the work, and one may be refused by one line."""
    first = start(folder, *command)
    time.sleep(generator.uniform(0, 0.5))
    second = start(folder, *command)
    answers = [ended(program) for program in (first, second)]
    row.tries += 1
    codes = sorted(code for code, _, _ in answers)
    row.expect(codes[0] == 0, f"{command[-1]}: nobody did the work: {[errors[-200:] for _, _, errors in answers]}")
    for code, _, errors in answers:
        if code:
            refused = OWNED.match(errors) or "exists" in errors  # the first had ended when the second looked
            row.expect(bool(refused) and errors.count("\n") == 1, f"{command[-1]}: code {code}: {errors[-300:]}")


def _whole(folder: Path) -> RunFiles:
    """A run that nobody disturbed."""
    files = RunFiles(folder / "runs" / "undisturbed")
    if not steps_logged(files):
        ended(start(folder, "train.py", *words("EDSR"), "name=undisturbed"))
    return files


def _compare(row: Row, whole: RunFiles, other: RunFiles, name: str) -> None:
    row.problems += [f"{name}: {difference}" for difference in differences(whole, other)]
