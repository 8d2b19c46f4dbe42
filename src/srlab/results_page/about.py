"""What the page says of how its numbers were made: the protocol in words, and the command."""

import shlex
from collections.abc import Iterable, Sequence

from srlab.metrics.protocol import PROTOCOLS, Protocol
from srlab.results_page.rows import Results, Row

USUAL = ["psnr", "ssim"]  # what evaluate.py measures where nothing else is asked for


def protocol_text(name: str) -> str:
    """Says what a protocol does, in one or two sentences; only its name where this srlab does not have it."""
    known = PROTOCOLS.get(name)
    return f"Protocol {name}." if known is None else f"Protocol {name}: {_described(known)}"


def _described(protocol: Protocol) -> str:
    sees = "the image" if protocol.method_sees == "image" else "luma (Y) only"
    lr = "of 8 bits" if protocol.rounds_lr else "not rounded"
    result = {"rounded": "is rounded to 8 bits", "truncated": "is truncated to 8 bits", "exact": "is not rounded"}
    what = "luma (Y of BT.601)" if protocol.measured == "luma" else "all channels"
    rounded = ", rounded to 8 bits" if protocol.rounds_luma else ""
    border = f"scale + {protocol.extra_crop_border}" if protocol.extra_crop_border else "scale"
    grey = " A grey image is replicated to RGB first." if protocol.replicates_grey else ""
    return (
        f"a method sees {sees}, and its LR image is {lr}; its result {result[protocol.result_is]}. PSNR and SSIM are "
        f"of {what}{rounded}, without a border of {border} pixels; means are over images.{grey}"
    )


def commands(results: Results) -> list[str]:
    """Returns commands that measure such numbers again, one for each protocol; CKPT stands for the checkpoints."""
    names = sorted(dict.fromkeys(row.protocol for row in results.rows), key=lambda name: name != results.protocol)
    return [_command(name, results, [row for row in results.rows if row.protocol == name]) for name in names]


def _command(protocol: str, results: Results, rows: Sequence[Row]) -> str:
    metrics = [metric.name.removesuffix("_random") for metric in results.metrics(rows)]
    words = [
        "ckpt=CKPT",
        f"sets={_list(dict.fromkeys(row.set for row in rows))}",
        f"scale={_list(dict.fromkeys(str(row.scale) for row in rows))}",
        f"protocol={protocol}",
        *([] if metrics == USUAL else [f"metrics={_list(metrics)}"]),
        "save_images=true",
    ]
    return "srlab evaluate " + " ".join(map(shlex.quote, words))


def _list(names: Iterable[str]) -> str:
    return f"[{','.join(names)}]"
