"""Well-known networks that srlab does not have, known by a key that only their files hold: to be named in errors."""

import re
from collections.abc import Iterable

# A pattern that one key of the file matches from its start, and what the network is called. More specific ones first.
FOREIGN: tuple[tuple[str, str], ...] = (
    (r"(model\.1\.sub\.\d+\.RDB1|RRDB_trunk\.\d+\.RDB1|body\.\d+\.rdb1)\.", "RRDBNet (ESRGAN, Real-ESRGAN)"),
    (r"layers\.\d+\.residual_group\.overlap_attn\.", "HAT"),
    (r"layers\.\d+\.residual_group\.blocks\.\d+\.attn\.relative_position", "SwinIR"),
    (r"layers\.\d+\.blocks\.\d+\.attn\.attns\.", "DAT"),
    (r"(la|csa)\.gamma", "HAN"),
    (r"RG\.\d+\.", "SAN"),
    (r"body\.\d+\.(body\.\d+\.body\.\d+\.conv_du|residual_group\.\d+\.rcab)\.", "RCAN"),
    (r"RDBs\.\d+\.", "RDN"),
    (r"up1\.up_conv1\.deconv\.", "DBPN"),
    (r"block\.(up|down)Blocks\.\d+\.", "SRFBN"),
    (r"SEM\.multi_source_projection\.", "CSNLN"),
    (r"(sub|add)_mean\.shifter\.", "CARN"),
    (r"convt_(I|R|F)1\.", "LapSRN"),
    (r"pyramid_residual_1\.", "ProSR"),
    (r"recon_trunk\.\d+\.conv1\.|model\.1\.sub\.\d+\.res\.", "MSRResNet (BasicSR, KAIR)"),
)


def foreign_network(keys: Iterable[str]) -> str | None:
    """Returns the name of the network whose keys these are; None where it is none of FOREIGN."""
    names = list(keys)
    return next((name for pattern, name in FOREIGN if any(re.match(pattern, key) for key in names)), None)
