"""The packages of srlab are floors: each imports only from those below it. Lazy imports and TYPE_CHECKING count too."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT
from programs import environment

SOURCE = ROOT / "src" / "srlab"

# From the ground up. A floor may import from itself and from the floors before it.
FLOORS = (
    (
        "__init__",
        "errors",
        "atomic_write",
        "console",
        "distributed",
        "extras",
        "finite",
        "folder_lock",
        "limited_http",
        "labels",
        "large_tensors",
        "plain_files",
        "plain_schema",
        "run_files",
    ),
    ("config",),
    ("imaging",),
    ("classics",),
    ("networks",),
    ("weights",),
    ("export",),
    ("inference",),
    ("photos",),
    ("api", "spandrel_archs"),
    ("metrics",),
    ("losses",),
    ("data",),
    ("methods",),
    ("evaluation",),
    ("training",),
    ("sweeps",),
    ("before_after",),
    ("results_page",),
    ("mos",),
    ("web",),
    ("commands",),
    ("__main__",),
)
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}
FACE = SOURCE / "__init__.py"  # `import srlab` offers what lies above, but loads it only where it is used
FILES = sorted(SOURCE.rglob("*.py"))


def modules_imported_by(path: Path) -> set[str]:
    """Every module of srlab that a file imports, wherever in it, such as srlab.data.batch."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide which floor they reach"
            found |= {f"{node.module}.{name.name}" for name in node.names}
            found.add(str(node.module))
    return {name for name in found if name.partition(".")[0] == "srlab"}


def floor_of(module: str) -> int:
    """`from srlab import __version__` is the ground."""
    parts = module.split(".")
    return FLOOR.get(parts[1], 0) if len(parts) > 1 else 0


def module_of(path: Path) -> str:
    parts = ("srlab", *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


def test_every_package_has_a_floor():
    there = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert there - {"__init__"} <= FLOOR.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_only_from_its_own_floor_and_those_below(path):
    own = floor_of(module_of(path))
    upwards = {module for module in modules_imported_by(path) if floor_of(module) > own}
    if path == FACE:
        upwards -= {"srlab.api", "srlab.api.load", "srlab.api.Network"}
    assert not upwards, f"{path.relative_to(SOURCE)} is on floor {FLOORS[own]} and imports from above: {upwards}"


def test_no_circle_of_modules():
    """Within a floor, too, modules are ordered: walking up the imports never comes back."""
    names = {module_of(path) for path in FILES}
    imports = {module_of(path): modules_imported_by(path) & names - {module_of(path)} for path in FILES}
    finished: set[str] = set()

    def walk(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"a circle: {' -> '.join([*trail[trail.index(module) :], module])}"
        if module not in finished:
            for other in sorted(imports[module]):
                walk(other, (*trail, module))
            finished.add(module)

    for module in sorted(imports):
        walk(module, ())


@pytest.mark.parametrize(
    ("imported", "absent"),
    [
        ("srlab", ["torch", "numpy"]),
        ("srlab.config.compose", ["torch"]),
        ("srlab.networks", ["pytorch_lightning", "torchvision", "kornia", "torchmetrics", "scipy", "PIL", "omegaconf"]),
        ("srlab.inference.upscale", ["pytorch_lightning", "torchvision", "kornia", "torchmetrics", "scipy"]),
        ("srlab.api", ["pytorch_lightning", "torchvision", "scipy", "omegaconf", "spandrel", "huggingface_hub"]),
    ],
)
def test_a_floor_does_not_load_what_only_higher_ones_need(imported, absent):
    """Packages that take seconds to import, in a process of its own, where no other test has imported them."""
    code = f"import {imported}, sys; print([name for name in {absent} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
