"""The process that computes: `python -m srlab.web.worker FD` takes one job after the other from the server.

PyTorch is here and not in the server. So the server can end a job at once and whatever it does, by killing this
process; the memory is given back then, and an error in a library, or the kernel's lack of memory, ends a job and not
the page.
"""

import contextlib
import json
import os
import select
import socket
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

from srlab.errors import SrlabError
from srlab.inference.memory import is_out_of_memory
from srlab.inference.upscaler import OnProgress, Settings, Upscaler
from srlab.photos.enlarging import enlarged
from srlab.photos.photo import ICC, Photo, open_photo
from srlab.web.choices import Choices
from srlab.web.limits import Limits
from srlab.web.messages import receive, send
from srlab.web.png import PngWriter

NETWORK_SHARE = 0.95  # of the time, shown as progress; the rest is the enlargement to compare with
LEAST_TILES = 96 * 2**20  # bytes; with less, overlaps would be most of the work
BESIDE = 150 * 2**20  # bytes of the server, of libraries at work, and of rows on their way to the file
NO_MEMORY = "The memory of the server did not suffice for this photo. Try a smaller one, or a smaller scale."


def main() -> None:
    """Serves jobs until the server ends."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    told, options = json.loads(sys.argv[2]), json.loads(sys.argv[3])
    _end_with_the_server(channel)
    with contextlib.suppress(OSError):  # where memory ends, the kernel is to end this process and not the server
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii", newline="")
    limits = Limits(**told)
    try:
        choices = Choices(**options)
    except SrlabError as error:
        send(channel, {"error": str(error)})
        return
    choices.settings = Settings(memory=tile_bytes(limits))
    send(channel, {"choices": [choice.plain() for choice in choices.all]})
    while (job := receive(channel)) is not None:
        content, descriptors = job
        files: list[BinaryIO] = [os.fdopen(descriptor, "r+b") for descriptor in descriptors]
        try:
            answer = _answer(channel, choices, limits, content, files)
        finally:
            for file in files:
                file.close()
        send(channel, answer)


def tile_bytes(limits: Limits) -> int:
    """Returns how many bytes tiles may take: what the limit leaves beside what is there before the first job."""
    try:
        fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines())
        resident = 1024 * int(fields["VmRSS"].split()[0])
    except (OSError, KeyError, ValueError):  # not Linux
        return LEAST_TILES
    return max(LEAST_TILES, limits.memory - resident - BESIDE)


def _end_with_the_server(channel: socket.socket) -> None:
    """Ends this process as soon as the server does, whatever it computes."""

    def watch() -> None:
        ended = select.poll()
        ended.register(channel.fileno(), 0)  # 0: nothing but that the other end is closed
        ended.poll()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def _answer(
    channel: socket.socket, choices: Choices, limits: Limits, job: dict[str, Any], files: list[BinaryIO]
) -> dict[str, Any]:
    try:
        upload, before, after = files
        scale, name = job["scale"], job["network"]
        upscaler = choices.upscaler(name, scale)
        plain = choices.compared_with(name, scale)
        photo = open_upload(upload, limits)
        enlarge(upscaler, photo, scale, after, lambda share: send(channel, {"share": share * NETWORK_SHARE}))
        enlarge(plain, photo, scale, before, lambda share: send(channel, {"share": NETWORK_SHARE + share * 0.05}))
        size = {"width": photo.width * scale, "height": photo.height * scale}
        return {"done": {**size, "notes": list(photo.notes), "plain": plain.label}}
    except SrlabError as error:
        return {"error": str(error)}
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return {"error": NO_MEMORY}


def open_upload(upload: BinaryIO, limits: Limits) -> Photo:
    """Opens a photo by the number of its file, which has no name.

    Raises:
        SrlabError: it is damaged, or of a kind that srlab does not enlarge.
    """
    path = Path(f"/dev/fd/{upload.fileno()}")
    try:
        return open_photo(path, limits.pixels)
    except SrlabError as error:
        raise SrlabError(
            str(error).replace(f"{path}: ", "This photo ").replace("This photo cannot", "It cannot")
        ) from None


def enlarge(upscaler: Upscaler, photo: Photo, scale: int, file: BinaryIO, report: OnProgress) -> None:
    """Writes an enlarged photo as PNG, band after band.

    Args:
        upscaler: the network.
        photo: in the colours and bits of which it is written.
        scale: by which it grows.
        file: where the PNG goes.
        report: called with the share of the work that is done, in (0, 1].

    Raises:
        SrlabError: see `srlab.photos.enlarging.enlarged`.
    """
    height, width = photo.height * scale, photo.width * scale
    channels = photo.channels + int(photo.has_alpha)
    writer = PngWriter(file, height, width, channels, photo.bits, photo.metadata.get(ICC))
    for rows in enlarged(photo, upscaler, height, width, report):
        writer.write(rows)
    writer.close()


if __name__ == "__main__":
    main()
