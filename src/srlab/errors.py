"""The errors that a person can act on: shown as one line, without a traceback."""

import difflib
from collections.abc import Iterable


class SrlabError(Exception):
    """A mistake in what was asked for. The message names the file or key, what was expected and what to do next."""


class NotFiniteError(SrlabError):
    """A network's result is not finite (NaN or infinite)."""


def nearest(word: str, choices: Iterable[str]) -> str:
    """' Did you mean X?' for the choice that is most like `word`, or '' where none is close."""
    matches = difflib.get_close_matches(word[:100], list(choices), n=1, cutoff=0.5)
    return f" Did you mean '{matches[0]}'?" if matches else ""
