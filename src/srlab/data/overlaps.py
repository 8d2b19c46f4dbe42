"""Images that sets of the catalog share, and warnings for training on what is measured."""

from collections.abc import Iterable

from srlab.data.catalog import CatalogEntry, parts_of


def shared_images(first: CatalogEntry, second: CatalogEntry) -> str | None:
    """Returns which images two sets have in common, or None if no overlap is known."""
    for a in parts_of(first):
        for b in parts_of(second):
            if a.name == b.name:
                return "it is the same set" if first.name == second.name else f"{a.title} is a part of both"
            for one, other in ((a, b), (b, a)):
                reason = one.overlaps.get(other.name)
                if reason is not None:
                    return f"{one.title}: {reason}"
    return None


def overlap_warnings(trained: Iterable[CatalogEntry], evaluated: Iterable[CatalogEntry]) -> list[str]:
    """Returns a warning for every pair of a training set and a measured set that share images."""
    measured = list(evaluated)
    lines = [
        f"warning: {one.name} is trained on and {other.name} is measured, but they share images ({reason}): the "
        f"numbers are not those of unseen images."
        for one in trained
        for other in measured
        if (reason := shared_images(one, other)) is not None
    ]
    return list(dict.fromkeys(lines))
