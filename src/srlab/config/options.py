"""Names that have moved: import them from the modules that they are in."""

from srlab.config.check_overrides import check_overrides
from srlab.config.compose import compose, composed
from srlab.config.folder import CONF, groups_of_options
from srlab.config.parse import parse
from srlab.config.schema import SCHEMAS
from srlab.config.values import as_list, as_scales

__all__ = [
    "CONF",
    "SCHEMAS",
    "as_list",
    "as_scales",
    "check_overrides",
    "compose",
    "composed",
    "groups_of_options",
    "parse",
]
