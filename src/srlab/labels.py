"""Names that came from elsewhere (a file, an option): text to show and parts of file names, never markup or paths."""

import hashlib
import re
import unicodedata

from rich.markup import escape

LONGEST = 120  # characters of a name in a line
LONGEST_FILE = 80  # bytes of a name in a file's name, where a file system has 255 for all of it
INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # Unicode's classes: control, direction marks, halves of pairs
NOT_IN_FILES = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')  # on some system
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # on Windows


def printable(label: str, longest: int = LONGEST) -> str:
    r"""Returns a name as text for a line of a terminal, a table or a figure.

    What cannot be seen, or would steer a terminal, is written as an escape such as \x1b; a long name is cut.
    """
    shown = "".join(_visible(character) for character in label[: longest + 1])
    return shown if len(label) <= longest and len(shown) <= 4 * longest else shown[: longest - 3] + "..."


def printable_line(text: str) -> str:
    """As `printable`, for a whole message: only what cannot be seen is escaped, and nothing is cut."""
    return "".join(_visible(character) for character in text)


def markup_free(label: str) -> str:
    """Returns a name for text in which rich reads `[...]` as markup."""
    return escape(printable(label))


def in_figure(label: str) -> str:
    """Returns a name for a figure: matplotlib reads `$...$` as mathematics, and its legends leave out `_...`."""
    shown = printable(label).replace("$", r"\$")
    return f"\u200b{shown}" if shown.startswith("_") else shown


def file_name(label: str) -> str:
    """Returns a name as a part of a file's name, on every system.

    A usual name stays as it is. In any other, what a file's name cannot hold becomes `_`, what is too long is cut, and
    eight digits of its hash are added, so that two names do not become one.
    """
    plain = NOT_IN_FILES.sub("_", "".join("_" if unicodedata.category(c) in INVISIBLE else c for c in label))
    plain = plain.strip(" .") or "_"
    while len(plain.encode()) > LONGEST_FILE:
        plain = plain[:-1]
    if plain == label and not RESERVED.fullmatch(plain):
        return plain
    return f"{plain}-{hashlib.sha256(label.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _visible(character: str) -> str:
    if character.isascii():
        return character if character.isprintable() else f"\\x{ord(character):02x}"
    if unicodedata.category(character) in INVISIBLE:
        return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"
    return character
