"""Well-known networks that srlab does not have, recognised by the keys of their weights, so that errors can name them.

A network that srlab gets loses its line here; tests/test_new_model.py says so.
"""

import re
from collections.abc import Iterable

# A pattern that a key of the file matches from its start, and what the network is called. The first that matches wins,
# so patterns that also match keys of other networks stand last.
FOREIGN: tuple[tuple[str, str], ...] = (
    (r"(model\.1\.sub\.\d+\.RDB1|RRDB_trunk\.\d+\.RDB1|body\.\d+\.rdb1)\.", "RRDBNet (ESRGAN, Real-ESRGAN)"),
    (r"layers\.\d+\.residual_group\.overlap_attn\.", "HAT"),
    (r"layers\.\d+\.residual_group\.blocks\.\d+\.attn\.relative_position", "SwinIR"),
    (r"layers\.\d+\.blocks\.\d+\.attn\.attns\.", "DAT"),
    (r"(recon_trunk\.\d+\.conv1|model\.1\.sub\.\d+\.res|conv_hr)\.", "MSRResNet (BasicSR, KAIR)"),
)


def foreign_network(keys: Iterable[str]) -> str | None:
    """Returns the name of a network that srlab does not have.

    Args:
        keys: of its state dict, without what wrappers put before them.

    Returns:
        The name for messages; None where no key matches FOREIGN.
    """
    names = list(keys)
    return next((name for pattern, name in FOREIGN if any(re.match(pattern, key) for key in names)), None)
