"""What an offline run of W&B has left on disk: its .wandb file, by W&B's own protobuf messages."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

HEADER = b":W&B\xe1\xbe\x00"  # then LevelDB's log format: blocks of records, each with checksum, length and kind
BLOCK, RECORD = 32768, struct.Struct("<IHB")
WHOLE, LAST = 1, 4  # kinds; 2 and 3 begin and continue a record that later ones end


def records(path: Path) -> Iterator[Record]:
    data = path.read_bytes()
    assert data.startswith(HEADER)
    start, parts = len(HEADER), b""
    while start + RECORD.size <= len(data):
        if BLOCK - start % BLOCK < RECORD.size:  # too little of the block is left for a record, so it is padding
            start += BLOCK - start % BLOCK
            continue
        _, length, kind = RECORD.unpack_from(data, start)
        parts += data[start + RECORD.size : start + RECORD.size + length]
        start += RECORD.size + length
        if kind in (WHOLE, LAST):
            yield Record.FromString(parts)
            parts = b""


class WandbFile:
    """run: RunRecord. config and history: as plain values, nested keys joined by a dot. metrics: MetricRecord by name.

    artifacts: of models, with their aliases. exit_code: None where the run did not end by itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config: dict[str, Any] = {}
        self.history: list[dict[str, Any]] = []
        self.metrics: dict[str, Any] = {}
        self.artifacts: list[Any] = []
        self.exit_code: int | None = None
        for record in records(path):
            kind = record.WhichOneof("record_type")
            if kind == "run":
                self.run = record.run
                self.config = {item.key: json.loads(item.value_json) for item in record.run.config.update}
            elif kind == "history":
                self.history.append({_key(item): json.loads(item.value_json) for item in record.history.item})
            elif kind == "metric":
                self.metrics[record.metric.name or record.metric.glob_name] = record.metric
            elif kind == "artifact" and record.artifact.type == "model":
                self.artifacts.append(record.artifact)
            elif kind == "exit":
                self.exit_code = record.exit.exit_code

    def logged(self, key: str) -> list[tuple[int, Any]]:
        """(trainer/global_step, value) of every row that has the key."""
        return [(row["trainer/global_step"], row[key]) for row in self.history if key in row]

    def media(self, row: dict[str, Any], key: str) -> Path:
        return self.path.parent / "files" / row[f"{key}.path"]


def _key(item: Any) -> str:
    return ".".join(item.nested_key) or item.key


def wandb_files(folder: Path) -> list[WandbFile]:
    """All that were written under a folder, in the order of their beginning."""
    return [WandbFile(path) for path in sorted(folder.rglob("*.wandb"))]
