"""What an exported file says of its network, as names and texts."""

from srlab import __version__
from srlab.export.program import Values, channels_of
from srlab.networks import NETWORKS
from srlab.networks.network import SRNetwork

RANGES = {
    "float": "input 0..1; output is not clamped: clip it to 0..1",
    "uint8": "input and output 0..255, rounded and clamped",
}
COLOURS = {
    1: "luma: Y of YCbCr by ITU-R BT.601, in 16..235 of 255; enlarge Cb and Cr by bicubic",
    3: "RGB, gamma-encoded as in image files",
    None: "every channel by itself",
}


def metadata_of(network: SRNetwork, scale: int, label: str, values: Values) -> dict[str, str]:
    """Returns what a program needs to know to use an exported network.

    Args:
        network: the one that was exported.
        scale: at which it was exported.
        label: what it is called.
        values: of images.
    """
    traits, kind = network.traits, type(network)
    # Networks of spandrel's say their architecture.
    name = next(
        (name for name, known in NETWORKS.items() if known is kind), getattr(network, "architecture", kind.__name__)
    )
    facts = {
        "srlab_version": __version__,
        "label": label,
        "network": name,
        "scale": str(scale),
        "layout": "NCHW",
        "type": values,
        "range": RANGES[values],
        "colour": COLOURS[traits.channels],
        "channels": str(channels_of(network)),
        "receptive_field": "all of the image" if traits.receptive_field is None else str(traits.receptive_field),
        "size_multiple": str(traits.size_multiple),
    }
    if traits.condition_length is not None:
        facts["condition"] = f"{traits.condition_length} values: a blur kernel, row by row, and the level of the noise"
    return facts
