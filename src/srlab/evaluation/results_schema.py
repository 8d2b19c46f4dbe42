"""What results.json holds. A rating study repeats its rows, and reads them without PyTorch."""

from srlab.finite import in_json
from srlab.plain_schema import anything, dict_of, integer, list_of, number, optional, record, text

PUBLISHED = record({"psnr": number, "ssim": optional(number)})
IMAGE = record({"psnr": in_json, "ssim": in_json})
ROW = record(
    needed={
        "set": text(longest=1000),
        "scale": integer(1, 1000),
        "method": text(longest=1000),
        "protocol": text(longest=1000),
    },
    others={
        "images": dict_of(IMAGE, least=1, of="images"),
        "n": integer(1),
        "psnr": in_json,
        "ssim": in_json,
        "left_out": dict_of(integer(0)),
        "seconds": optional(number),
        "parameters": optional(integer(0)),
        "multiply_adds": optional(integer(0)),
        "published": optional(PUBLISHED),
        "input": optional(text()),
        "timed_on": optional(text()),
    },
)
FILE = record({"rows": list_of(ROW, of="results")}, {"training": optional(dict_of(anything))})
