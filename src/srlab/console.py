"""Tables on the terminal."""

from rich.console import Console

PIPED_WIDTH = 400  # columns; rich would cut to 80 what goes to a file or a pipe


def wide_console() -> Console:
    """As wide as the terminal; without one, wide enough that nothing is cut."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPED_WIDTH)
