"""Network interpolation (ESRGAN, Wang et al. 2018, arXiv:1809.00219, section 3.4): between two networks, by weights.

    theta = (1 - alpha) * theta_A + alpha * theta_B

From A, trained for PSNR, to B, trained for perceived quality, artefacts fade in or out without any further training.
"""

from torch import Tensor

from srlab.networks.network import State


def interpolated_state(a: State, b: State, alpha: float) -> dict[str, Tensor]:
    """Blends two state dicts of the same network.

    Args:
        a: what stands at alpha 0.
        b: what stands at alpha 1.
        alpha: from 0 to 1.

    Returns:
        (1 - alpha) a + alpha b of every weight and BatchNorm statistic. Integers, such as BatchNorm's count of
        batches, are a's.
    """
    return {
        key: ((1 - alpha) * value.double() + alpha * b[key].double()).to(value.dtype)
        if value.is_floating_point()
        else value
        for key, value in a.items()
    }
