"""What study.json must hold. Its names become file names and parts of addresses, so nothing but letters and digits."""

from typing import Any

from srlab import plain_schema as schema
from srlab.evaluation.results_schema import ROW
from srlab.plain_schema import dict_of, integer, list_of, optional, record, text

NAME = text(r"[0-9A-Za-z_-]{1,64}", "at most 64 letters, digits, - and _")
LABEL = text(longest=1000)
ITEM = record(
    {"set": LABEL, "scale": integer(1, 1000), "image": LABEL, "method": LABEL,
     "sha256": text("[0-9a-f]{64}", "a SHA-256 of 64 hexadecimal digits"), "expected": optional(integer(1, 5))},
    closed=True,
)  # fmt: skip
TRIAL = record(
    {"id": NAME, "item": NAME, "kind": text("calibration|test|repeat", "calibration, test or repeat")}, closed=True
)
RATER = record({"number": integer(1, 100_000), "token": NAME, "trials": list_of(TRIAL, of="trials")}, closed=True)
STUDY = record(
    {
        "format": integer(1),
        "digest": text("[0-9a-f]{64}", "a SHA-256 of 64 hexadecimal digits"),
        "id": NAME,
        "created": LABEL,
        "seed": integer(),
        "versions": record({"srlab": LABEL}),
        "protocol": record({"measured": LABEL}),
        "methods": list_of(LABEL, least=1, of="methods"),
        "results": list_of(ROW, of="results"),
        "items": dict_of(ITEM, key=NAME, least=1, of="images"),
        "raters": list_of(RATER, least=1, of="raters"),
    }
)


def check_study(content: Any, file: object, advice: str) -> None:
    """Checks the content of study.json: its keys, and that its parts agree.

    Args:
        content: of the file.
        file: its path, for the error.
        advice: the error's last sentence.

    Raises:
        SrlabError: with the key, what is there and what was expected.
    """

    def agrees(value: Any) -> None:
        STUDY(value)
        for place, rater in enumerate(value["raters"]):
            if rater["number"] != place + 1:
                raise _mismatch(f"{place + 1}: raters are numbered in order", rater["number"], f"raters.{place}.number")
            for trial in rater["trials"]:
                if trial["item"] not in value["items"]:
                    raise _mismatch("the name of one of items", trial["item"], f"raters.{place}.trials")
            if len({trial["id"] for trial in rater["trials"]}) < len(rater["trials"]):
                raise _mismatch("a different id for each", "the same id twice", f"raters.{place}.trials")
        for name, item in value["items"].items():
            if item["expected"] is None and item["method"] not in value["methods"]:
                raise _mismatch("one of methods", item["method"], f"items.{name}.method")

    schema.check(content, agrees, file, advice)


def _mismatch(expected: str, value: Any, place: str) -> schema.Mismatch:
    error = schema.Mismatch(expected, value)
    error.place.append(place)
    return error
