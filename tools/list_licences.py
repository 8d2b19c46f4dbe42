"""Lists the packages that srlab installs, and under which licence each says it stands, as a Markdown table.

    python tools/list_licences.py > docs/licences.md

It reads the metadata of what is installed in this Python: srlab with all extras, and what they bring along.
"""

from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = ("all",)
HEAD = """# Licences

The packages that `pip install 'srlab[all]'` brings on Linux, and the licence that each states in its own metadata. The
list is made by `python tools/list_licences.py > docs/licences.md`. NVIDIA's packages come with PyTorch's CUDA builds.
The extra `jxl`, which `all` leaves out, brings pillow-jxl-plugin, under the GPL.

| package | licence | |
|---|---|---|"""


def packages(name: str, extras: tuple[str, ...], seen: set[str]) -> Iterator[Distribution]:
    """Yields the installed packages that a package needs, each once, itself first."""
    key = canonicalize_name(name)
    try:
        found = distribution(name)
    except PackageNotFoundError:  # for another platform or Python
        return
    if key not in seen:
        seen.add(key)
        yield found
    for text in found.requires or []:
        needed = Requirement(text)
        wanted = needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in (*extras, ""))
        if wanted and (canonicalize_name(needed.name) not in seen or needed.extras):
            yield from packages(needed.name, tuple(sorted(needed.extras)), seen)


def licence(found: Distribution) -> str:
    """Returns the licence that a package states: an SPDX expression, a classifier, or the first line of a text."""
    metadata = found.metadata
    if metadata.get("License-Expression"):
        return str(metadata["License-Expression"])
    classifiers = [text for text in metadata.get_all("Classifier") or [] if text.startswith("License :: ")]
    if classifiers:
        return "; ".join(text.rpartition(" :: ")[2] for text in classifiers)
    text = next(iter((metadata.get("License") or "").strip().splitlines()), "")
    return text if 0 < len(text) < 60 else "not stated"


def table() -> str:
    """Returns the page."""
    direct = {canonicalize_name(Requirement(text).name) for text in distribution("srlab").requires or []}
    found = sorted(packages("srlab", EXTRAS, set()), key=lambda item: canonicalize_name(item.name))
    rows = []
    for item in found:
        mark = "direct" if canonicalize_name(item.name) in direct else ""
        if canonicalize_name(item.name) != "srlab":
            rows.append(f"| {item.name} | {licence(item).replace('|', '/')} | {mark} |")
    return "\n".join([HEAD, *rows])


if __name__ == "__main__":
    print(table())
