"""Networks on the Hugging Face hub (extra hub).

    srlab hub push runs/demo me/demo license=cc-by-4.0
    srlab hub card runs/demo me/demo                       # shows README.md, and sends nothing

The repository gets model.safetensors and README.md, a card with the results beside the checkpoint. A token is taken
from HF_TOKEN or from `hf auth login`. In Python, srlab.load("me/demo") fetches it.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from srlab.commands.arguments import Option, Place, Tool, run_one_of, yes_or_no
from srlab.console import print_whole, reported
from srlab.errors import SrlabError


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command."""
    with reported():
        return run_one_of("srlab hub", str(__doc__), TOOLS, words)


def _push(values: dict[str, Any]) -> None:
    from srlab.extras import require_extra  # noqa: PLC0415
    from srlab.weights.hub import CARD, WEIGHTS, uploaded  # noqa: PLC0415 - imports PyTorch: --help answers at once

    require_extra("hub", f"srlab hub push {values['user/name']}")
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / WEIGHTS
        card = _prepared(values, packed)
        files: dict[str, bytes | Path] = {WEIGHTS: packed, CARD: card.encode()}
        address = uploaded(values["user/name"], files, values["private"], values["message"])
        print_whole(f"{address}: {WEIGHTS} ({packed.stat().st_size / 1e6:.1f} MB) and {CARD}")
    if not values["license"]:
        print_whole("note: the card names no licence. To choose one, push again with license=NAME, such as cc-by-4.0.")


def _card(values: dict[str, Any]) -> None:
    from srlab.weights.hub import WEIGHTS  # noqa: PLC0415 - imports PyTorch

    with tempfile.TemporaryDirectory() as folder:
        print_whole(_prepared(values, Path(folder) / WEIGHTS))


def _prepared(values: dict[str, Any], packed: Path) -> str:
    """Writes the file of weights, and returns the text of the card."""
    from srlab.evaluation.about_checkpoint import about_checkpoint  # noqa: PLC0415 - imports PyTorch and Lightning
    from srlab.evaluation.model_card import model_card  # noqa: PLC0415
    from srlab.weights import zoo  # noqa: PLC0415
    from srlab.weights.about import About  # noqa: PLC0415
    from srlab.weights.conversion import OWN, convert  # noqa: PLC0415
    from srlab.weights.hub import is_repository  # noqa: PLC0415

    repository = values["user/name"]
    if not is_repository(repository):
        raise SrlabError(f"{repository}: expected USER/NAME, of letters, digits, '-', '_' and '.'.")
    source = zoo.located(values["ckpt"])
    about = replace(about_checkpoint(source) or About(), license=values["license"])
    done = convert(source, packed, OWN, about=about)
    if "\nnote: " in done:
        print_whole(done.partition("\n")[2])
    return model_card(repository, packed, about)


PLACES = (
    Place("CKPT", "a checkpoint, a run's folder, pretrained:NAME, or weights that srlab recognises"),
    Place("USER/NAME", "the repository"),
)
LICENSE = Option("license", "of the weights, as the hub names it, such as cc-by-4.0 or apache-2.0", default="")
TOOLS = {
    "push": Tool(
        name="srlab hub push",
        about="Uploads a network and its card; makes the repository where there is none.",
        places=PLACES,
        options=(
            LICENSE,
            Option("private", "whether a new repository is seen by its owner alone", read=yes_or_no, default=False),
            Option("message", "of the commit", default="Upload by srlab"),
        ),
        run=_push,
    ),
    "card": Tool(
        name="srlab hub card",
        about="Shows the card that push would upload.",
        places=PLACES,
        options=(LICENSE,),
        run=_card,
    ),
}
