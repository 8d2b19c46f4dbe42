"""Checkpoints that are torn after they were whole, and a run that goes on from the one before."""

import random
import shutil
from pathlib import Path

from fault_campaigns.row import Row
from fault_campaigns.trainings import STEPS, differences, ended, start, words
from srlab.run_files import RunFiles


def torn_checkpoints(generator: random.Random, tries: int, folder: Path) -> Row:
    """Damages last.ckpt of a stopped run in a random way, resumes it, and compares the end."""
    row = Row("last.ckpt torn: cut, zeroed in part, a bit changed, emptied, removed; then resumed")
    whole, stopped = (RunFiles(folder / "runs" / name) for name in ("whole-torn", "stopped"))
    ended(start(folder, "train.py", *words("EDSR"), "name=whole-torn"))
    ended(start(folder, "train.py", *words("EDSR"), "name=stopped", f"trainer.stop_after={STEPS // 2}"))
    for number in range(tries):
        files = RunFiles(folder / "runs" / f"torn{number}")
        shutil.copytree(stopped.folder, files.folder)
        kind = _damage(generator, files.last)
        code, output, errors = ended(
            start(folder, "train.py", *words("EDSR"), f"name={files.folder.name}", "resume=auto")
        )
        row.tries += 1
        row.expect(code == 0 and "Traceback" not in errors, f"{number} ({kind}): code {code}: {errors[-300:]}")
        row.expect("previous.ckpt" in output + errors, f"{number} ({kind}): no line says what it went on from")
        row.problems += [f"{number} ({kind}): {difference}" for difference in differences(whole, files)]
        shutil.rmtree(files.folder)
    return row


def _damage(generator: random.Random, path: Path) -> str:
    """Damages a file; returns how."""
    content = bytearray(path.read_bytes())
    kind = generator.choice(["cut", "zeroed", "bit", "bit", "empty", "removed"])
    if kind == "removed":
        path.unlink()
        return kind
    at = generator.randrange(len(content))
    if kind == "cut":
        del content[at:]
    elif kind == "zeroed":
        content[at : at + 4096] = bytes(len(content[at : at + 4096]))
    elif kind == "bit":
        content[at] ^= 1 << generator.randrange(8)
    else:
        content.clear()
    path.write_bytes(content)
    return f"{kind} at {at}"
