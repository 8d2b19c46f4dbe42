"""Damages checkpoints at random, and sees that srlab answers each with a result or with one line.

    python tools/mutated_checkpoints.py [COUNT] [SEED]

Each mutated file is opened in every way in which srlab opens a stranger's: evaluated, used, started from, converted,
looked at. Prints a table of what was tried. Exit code 1 where something else than a SrlabError was raised, a file took
more than 5 seconds of the processor, or the memory grew by more than 1 GB.
"""

import io
import multiprocessing
import random
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from fault_campaigns.strangers import Answers

from srlab.evaluation.about_checkpoint import about_checkpoint
from srlab.evaluation.weights_folder import read_weights
from srlab.inference.loading import network_at
from srlab.methods import find_method
from srlab.methods.loading import check_resumable, load_checkpoint, load_weights, transfer
from srlab.weights.checkpoint import facts_of, step_of, write_checkpoint
from srlab.weights.conversion import convert
from srlab.weights.packed import write_packed

# What making a mutation may raise.
IMPOSSIBLE = (AttributeError, LookupError, NotImplementedError, RecursionError, RuntimeError, TypeError, ValueError)
PARTS = 4  # processes
NETWORKS = {
    "edsr": {"scale": 2, "features": 8, "blocks": 2, "residual_scale": 0.1},
    "srcnn": {"channels": 1},
    "mdsr": {"scales": [2, 3], "features": 8, "blocks": 2},
    "srgan": {"scale": 4, "features": 8, "blocks": 2},
    "memnet": {"features": 8, "blocks": 2, "recursions": 2},
}
RECIPE: dict[str, Any] = {
    "name": "tiny",
    "loss": {"l1": {"weight": 1.0}, "perceptual": {"weight": 0.0, "network": "vgg19", "layer": "conv5_4"}},
    "optimizer": {"name": "adam", "learning_rate": 1e-4, "betas": [0.9, 0.999]},
    "schedule": {"name": "constant"},
    "ema": 0.0,
    "max_steps": 100,
    "scales": [2],
    "weights": {"vgg19": None},
    "protocol": "luma",
}


def odd_values(generator: random.Random) -> Any:
    """A value that does not belong where it is put."""
    deep: Any = []
    for _ in range(60):
        deep = [deep]
    wide: Any = [0]
    for _ in range(20):
        wide = [wide, wide]  # a million leaves in twenty lists
    return generator.choice([
        None, True, -1, 0, 10**9, 2**63, 2**70, 1e308, float("nan"), float("inf"), "", "x" * 100_000, "[/b]",
        "\0\x1b[2J",
        "x/../../../ESCAPED", "/etc/passwd", "\ud800", "." * 20_000, [], {}, [10**9], ["a"], {"a": {"b": 1}}, (1, 2),
        b"bytes", deep, wide, torch.zeros(3), torch.zeros(1).expand(10**9), "os:system", "${oc.env:HOME}", {1: 2},
    ])  # fmt: skip


def odd_tensor(value: torch.Tensor, generator: random.Random) -> Any:
    """A tensor, or what is none, in place of a tensor."""
    flat = value.clone().float().reshape(-1)
    if flat.numel():
        flat[generator.randrange(flat.numel())] = generator.choice([float("nan"), float("inf"), -float("inf"), 1e38])
    return generator.choice([
        lambda: flat.reshape(value.shape),
        lambda: value.to(torch.float64),
        lambda: value.to(torch.complex64),
        lambda: value.to(torch.int32),
        lambda: value.to(torch.float8_e4m3fn) if value.is_floating_point() else value,
        lambda: value.reshape(-1),
        lambda: value.unsqueeze(0),
        lambda: value[..., :1].clone().float(),
        lambda: value.float().to_sparse(),
        lambda: value.to("meta"),
        lambda: torch.zeros(1).expand(value.shape) if value.dim() else value,
        lambda: torch.zeros(1).expand(10**6, 10**5),
        lambda: torch.zeros(0, 10**9),
        lambda: torch.empty(0),
        lambda: torch.quantize_per_tensor(value.float(), 0.1, 0, torch.qint8),
        lambda: torch.nn.Parameter(value.clone().float()),
        lambda: odd_values(generator),
    ])()  # fmt: skip


def places_of(content: Any) -> list[tuple[Any, Any]]:
    """All (dictionary or list, key) of nested content."""
    found: list[tuple[Any, Any]] = []
    waiting = [content]
    while waiting:
        one = waiting.pop()
        items = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        for key, value in items:
            found.append((one, key))
            waiting.append(value)
    return found


def change_entries(content: dict[str, Any], generator: random.Random) -> None:
    """Replaces, removes, renames or adds an entry anywhere but among the weights."""
    places = [(owner, key) for owner, key in places_of(content) if not isinstance(owner[key], torch.Tensor)]
    owner, key = generator.choice(places)
    action = generator.choice(["replace", "replace", "remove", "rename", "add"])
    if action == "replace" or isinstance(owner, list):
        owner[key] = odd_values(generator)
    elif action == "remove":
        del owner[key]
    elif action == "rename":
        owner[generator.choice(["", "x", "." * 20_000, "a" * 5000, 7, "\ud800", None])] = owner.pop(key)
    else:
        owner[generator.choice(["features", "blocks", "more", "srlab", "about"])] = odd_values(generator)


def change_arguments(content: dict[str, Any], generator: random.Random) -> None:
    """Changes an argument of the network to a number that is absurd, or only wrong."""
    arguments = content["hyper_parameters"]["network"]
    name = generator.choice([*arguments, "features", "blocks", "groups", "kernels", "widths", "recursions", "scale"])
    arguments[name] = generator.choice([10**9, 255, 64, 9, 7, 1, 0, -3, [10**9], [3] * 10_000, 1.5, "many", 2**62])


def change_weights(content: dict[str, Any], generator: random.Random) -> None:
    """Changes a tensor, or the key of one."""
    state = content["state_dict"]
    key = generator.choice(list(state))
    if generator.random() < 0.7:
        state[key] = odd_tensor(state[key], generator)
    else:
        new = generator.choice([
            "." * 20_000, "network." * 5000, "module." * 3000 + "x", "", "[/b]", "\0", "network.x", 3, "a." * 39,
            "\ud800", "x" * 300_000, "network.body." + "9" * 200 + ".conv1.weight",
        ])  # fmt: skip
        state[new] = state.pop(key)


def change_bytes(content: bytes, generator: random.Random) -> bytes:
    """Flips, cuts, fills or repeats bytes of a file."""
    data = bytearray(content)
    start = generator.randrange(len(data))
    end = min(len(data), start + generator.choice([1, 8, 512, 10_000]))
    action = generator.choice(["flip", "flip", "flip", "cut", "zero", "repeat", "random"])
    if action == "flip":
        for _ in range(generator.choice([1, 1, 4, 64])):
            data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    elif action == "cut":
        del data[start:]
    elif action == "zero":
        data[start:end] = bytes(end - start)
    elif action == "repeat":
        data[start:start] = data[start:end]
    else:
        data[start:end] = generator.randbytes(end - start)
    return bytes(data)


def change_pickle(content: bytes, generator: random.Random) -> bytes:
    """Changes bytes of the pickle in PyTorch's archive, and keeps the archive whole; or adds a bomb to it."""
    result, bomb = io.BytesIO(), generator.random() < 0.1
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(result, "w") as new:
        for entry in old.infolist():
            data = old.read(entry)
            new.writestr(entry.filename, change_bytes(data, generator) if entry.filename.endswith("data.pkl") else data)
        if bomb:
            new.writestr("archive/data/bomb", bytes(1 << 27), zipfile.ZIP_DEFLATED)
    return result.getvalue()


def checkpoint_content(method: str) -> dict[str, Any]:
    """A whole checkpoint of a training, with what Lightning keeps."""
    torch.manual_seed(0)
    module = find_method(method)(NETWORKS[method], None)
    state = {key: value.clone() for key, value in module.state_dict().items()}
    moments = {i: {"step": 3.0, "exp_avg": value.clone()} for i, value in enumerate(state.values())}
    recipe = {key: dict(value) if isinstance(value, dict) else value for key, value in RECIPE.items()}
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        write_checkpoint(Path(folder) / "a.ckpt", method, {"network": dict(NETWORKS[method]), "recipe": recipe}, state)
        buffer.write((Path(folder) / "a.ckpt").read_bytes())
    buffer.seek(0)
    content: dict[str, Any] = torch.load(buffer, weights_only=True)
    training = {"epoch": 0, "optimizer_states": [{"state": moments, "param_groups": [{"lr": 1e-4, "params": [0]}]}]}
    return {**content, **training, "lr_schedulers": [], "loops": {"fit_loop": {"state_dict": {}}}, "callbacks": {}}


def packed(content: dict[str, Any]) -> bytes:
    """The same as a .safetensors file with its facts."""
    hyper = content["hyper_parameters"]
    state = {key.removeprefix("network."): value for key, value in content["state_dict"].items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.safetensors"
        facts = facts_of(content["srlab"]["method"], hyper["network"], hyper["recipe"])
        facts["about"] = {"rows": [], "images": [{"set": "a", "terms": "b"}], "notes": ["c"], "license": ""}
        write_packed(path, facts, state, half=True)
        return path.read_bytes()


def saved(content: Any, generator: random.Random) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=generator.random() < 0.8)
    return file.getvalue()


def mutated(generator: random.Random) -> Iterator[tuple[str, str, bytes]]:
    """Yields for ever (kind of mutation, suffix, content of the file)."""
    originals = {method: checkpoint_content(method) for method in NETWORKS}
    files = {method: saved(content, random.Random(1)) for method, content in originals.items()}
    light = {method: packed(content) for method, content in originals.items()}
    kinds: dict[str, Callable[[dict[str, Any], random.Random], None]] = {
        "entries": change_entries, "arguments": change_arguments, "weights": change_weights,
    }  # fmt: skip
    while True:
        method = generator.choice(list(NETWORKS))
        kind = generator.choice([*kinds, *kinds, "bytes of .ckpt", "bytes of .safetensors", "pickle", "bare weights"])
        if kind in kinds:
            content = torch.load(io.BytesIO(files[method]), weights_only=True)
            for _ in range(generator.choice([1, 1, 1, 3])):
                try:
                    kinds[kind](content, generator)
                except IMPOSSIBLE:  # an earlier change took away what this one is for
                    continue
            try:
                file = saved(content, generator)
            except IMPOSSIBLE:  # what PyTorch does not write
                continue
            yield kind, ".ckpt", file
        elif kind == "bare weights":
            state = dict(originals[method]["state_dict"])
            inner = {key.removeprefix("network."): value for key, value in state.items()}
            wrapped: dict[str, Any] = {"state_dict": inner}
            try:
                change_weights(wrapped, generator)
                file = saved(generator.choice([wrapped, inner]), generator)
            except IMPOSSIBLE:
                continue
            yield kind, ".pth", file
        elif kind == "pickle":
            yield kind, ".ckpt", change_pickle(files[method], generator)
        elif kind == "bytes of .ckpt":
            yield kind, ".ckpt", change_bytes(files[method], generator)
        else:
            header = light[method]
            length = 8 + int.from_bytes(header[:8], "little")
            if generator.random() < 0.6:  # most of the file is tensors, where a bit changes a number and nothing else
                yield kind, ".safetensors", change_bytes(header[:length], generator) + header[length:]
            else:
                yield kind, ".safetensors", change_bytes(header, generator)


def ways(folder: Path) -> dict[str, Callable[[Path], Any]]:
    """The ways in which a file is opened."""
    method = find_method("edsr")(NETWORKS["edsr"], RECIPE)
    return {
        "evaluate": lambda path: load_checkpoint(path).label,
        "use": lambda path: network_at(path, 2),
        "weights=": lambda path: load_weights(method, path),
        "init_from=": lambda path: transfer(method, path),
        "resume=": lambda path: (check_resumable(method, {"seed": 0}, path), step_of(path)),
        "convert": lambda path: convert(path, folder / "out.safetensors", "srlab"),
        "about": about_checkpoint,
        "table": read_weights,
    }


@dataclass
class Campaign(Answers):
    """What was tried: by kind of mutation, how many files were refused when evaluated."""

    tried: Counter[str] = field(default_factory=Counter)
    refused_by: Counter[str] = field(default_factory=Counter)


def campaign(count: int, seed: int) -> Campaign:
    """Opens `count` mutated files in every way."""
    torch.set_num_threads(1)
    generator, result = random.Random(seed), Campaign()
    source = mutated(generator)
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(name)
        opened = ways(folder)
        next(source)
        with result.watched_memory():
            for number in range(count):
                kind, suffix, content = next(source)
                path = folder / f"mutated{suffix}"
                path.write_bytes(content)
                if number % 100 == 0:
                    progress = f"part {seed}: {number} of {count}, {len(result.failures)} failures"
                    print(progress, file=sys.stderr, flush=True)
                answers = [
                    result.refused(f"{number} ({kind}), {way}", open_it, path, 5000) for way, open_it in opened.items()
                ]
                result.tried[kind] += 1
                result.refused_by[kind] += answers[0]
    return result


def in_parts(count: int, seed: int) -> Campaign:
    """Opens `count` mutated files in PARTS processes; part i has the seed PARTS * seed + i."""
    counts = [count // PARTS + (i < count % PARTS) for i in range(PARTS)]
    seeds = [PARTS * seed + i for i in range(PARTS)]
    whole = Campaign()
    with ProcessPoolExecutor(PARTS, multiprocessing.get_context("spawn")) as pool:
        for part in pool.map(campaign, counts, seeds):
            whole.tried += part.tried
            whole.refused_by += part.refused_by
            whole.failures += part.failures
            whole.grown, whole.longest = max(whole.grown, part.grown), max(whole.longest, part.longest)
    return whole


def table(result: Campaign) -> str:
    """Returns what was tried and refused, in Markdown."""
    lines = [
        "| mutation of | files | refused by one line when evaluated | evaluated, since nothing that matters changed |"
    ]
    lines.append("|---|---:|---:|---:|")
    for kind, tried in sorted(result.tried.items()):
        lines.append(f"| {kind} | {tried} | {result.refused_by[kind]} | {tried - result.refused_by[kind]} |")
    return "\n".join(lines)


def main() -> int:
    count, seed = [*map(int, sys.argv[1:]), *[2000, 0][len(sys.argv) - 1 :]][:2]
    result = in_parts(count, seed)
    title = f"{count} mutated checkpoints, seed {seed}, each opened in {len(ways(Path()))} ways"
    return result.report(title, table(result))


if __name__ == "__main__":
    raise SystemExit(main())
