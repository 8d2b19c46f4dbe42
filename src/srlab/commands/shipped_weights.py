"""What `srlab weights list` and `show` say."""

from rich.table import Table

from srlab.console import wide_console
from srlab.weights import zoo

SET = "set5"


def overview() -> None:
    """Prints a table of all networks."""
    table = Table("name", "scale", "parameters", "file", "PSNR on Set5", "protocol", "terms of its training images")
    for name in zoo.names():
        card = zoo.card(name)
        terms = ", ".join(dict.fromkeys(f"{data.set}: {data.terms}" for data in card.data))
        table.add_row(
            name,
            ", ".join(f"x{scale}" for scale in card.scales),
            f"{card.parameters:,}",
            f"{card.bytes / 1e6:.1f} MB",
            ", ".join(f"{card.psnr(SET, scale):.2f}" for scale in card.scales),
            card.protocol,
            terms,
        )
    wide_console().print(table)


def card_text(name: str) -> str:
    """Returns a card as it stands in its file, and how to measure it."""
    card = zoo.card(name)
    text = zoo.path(name).with_suffix(".yaml").read_text(encoding="utf-8")
    return f"{text}\nsrlab evaluate ckpt={zoo.PREFIX}{name} protocol={card.protocol} 'sets=[set5,set14,b100]'"
