"""How a checkpoint is written: whole or not at all, and the one before stays until the new one has been read back."""

import hashlib
import io
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO

from srlab.atomic_write import flush_folder, partial_name
from srlab.errors import SrlabError
from srlab.run_files import LAST, PREVIOUS

CHUNK = 1 << 24  # bytes that are written or read at once


class WholeCheckpoints(TorchCheckpointIO):
    """Writes checkpoints for Lightning, whose own way stages them in $TMPDIR and copies them from there to other disks.

    A checkpoint is written beside its place, flushed, read back and compared by size and hash; only then it gets its
    name. When last.ckpt is replaced, the one before stays as previous.ckpt.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Writes a checkpoint.

        Args:
            checkpoint: what Lightning saves.
            path: of the file; its folder is made.
            storage_options: not used.

        Raises:
            SrlabError: it cannot be written, or what was read back is something else.
        """
        target, content = Path(path), io.BytesIO()
        torch.save(checkpoint, content)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(target, content.getbuffer())
        except OSError as error:
            raise SrlabError(_failure(target, error)) from None


def _write_whole(target: Path, content: memoryview) -> None:
    partial = partial_name(target)
    try:
        _write(partial, content)
        if _digest_of_file(partial) != (len(content), hashlib.sha256(content).hexdigest()):
            raise OSError(None, "what was read back is not what was written")
        if target.name == LAST and target.is_file():
            _keep(target, target.with_name(PREVIOUS))
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    flush_folder(target.parent)


def _write(path: Path, content: memoryview) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        rest = content
        while rest:
            rest = rest[os.write(descriptor, rest[:CHUNK]) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest_of_file(path: Path) -> tuple[int, str]:
    """Returns size and SHA-256 of a file."""
    size, digest = 0, hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            size += len(chunk)
            digest.update(chunk)
    return size, digest.hexdigest()


def _keep(path: Path, kept: Path) -> None:
    """Gives a file a second name, in place of what had that name; a copy where the disk has no hard links."""
    partial = partial_name(kept)
    try:
        try:
            os.link(path, partial)
        except OSError:
            shutil.copyfile(path, partial)
        partial.replace(kept)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _failure(path: Path, error: OSError) -> str:
    """Returns the error's line: what failed, how much room the disk has, and what there still is to go on from."""
    try:
        usage = shutil.disk_usage(path.parent)
        disk = f"{usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB are free on its disk"
    except OSError as unknown:
        disk = f"the state of its disk cannot be read: {unknown.strerror}"
    earlier = "the one that is there is whole" if path.is_file() else "there is no earlier one"
    return (
        f"{path}: the checkpoint could not be saved ({error.strerror or error}; {disk}); {earlier}. Make room or "
        f"correct the folder's permissions, then go on with resume={path.parent.parent}"
    )
