"""Writes docs/options.md and conf/schema.json from the comments of conf/ and from the typed schema.

    python tools/write_option_docs.py

A test compares both files with what this would write.
"""

import json
from pathlib import Path

from srlab.atomic_write import write_text
from srlab.config.json_schema import json_schema
from srlab.config.option_page import option_page

ROOT = Path(__file__).parents[1]


def texts() -> dict[Path, str]:
    """Returns what belongs into each of the files."""
    schema = json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"
    return {ROOT / "docs" / "options.md": option_page(), ROOT / "conf" / "schema.json": schema}


if __name__ == "__main__":
    for path, text in texts().items():
        write_text(path, text)
        print(f"written: {path}")
