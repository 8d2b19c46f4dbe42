"""A+ against the authors' program, written a second time in NumPy, patch by patch."""

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from srlab.errors import SrlabError
from srlab.imaging.resize import imresize
from srlab.inference.upscale import upscale
from srlab.networks.aplus import APlusNetwork
from srlab.weights.conversion import convert
from srlab.weights.files import read_file


def random_network(scale: int, atoms: int = 6, components: int = 5) -> APlusNetwork:
    network, random = APlusNetwork(scale, atoms, components), torch.Generator().manual_seed(scale)
    for buffer in network.buffers():
        buffer.copy_(torch.randn(buffer.shape, generator=random) / 10)
    return network


def reference(network: APlusNetwork, lr: np.ndarray, scale: int) -> np.ndarray:
    """scaleup_ANR.m: the filters by conv2(..., 'same'), and every patch by itself."""
    projection, atoms, regressors = (buffer.double().numpy() for buffer in network.buffers())
    enlarged = imresize(lr, scale)
    gap = [0] * (scale - 1)
    gradient, laplacian = np.array([[1, *gap, -1]]), np.array([[1, *gap, -2, *gap, 1]]) / 2
    filters = (gradient, gradient.T, laplacian, laplacian.T)
    maps = np.stack([matlab_same(enlarged, kernel) for kernel in filters])
    total, weight, side = np.zeros_like(enlarged), np.zeros_like(enlarged), 3 * scale
    height, width = enlarged.shape
    for top in range(scale, height - side - scale + 1, scale):
        for left in range(scale, width - side - scale + 1, scale):
            window = (slice(top, top + side), slice(left, left + side))
            features = (projection * maps[:, window[0], window[1]]).sum(axis=(1, 2, 3))
            atom = np.abs(atoms @ features).argmax()
            total[window] += (regressors[atom] @ features).reshape(side, side) + enlarged[window]
            weight[window] += 1
    return np.where(weight > 0, total / np.maximum(weight, 1), enlarged)


def matlab_same(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """conv2(image, kernel, 'same'): the part of the full convolution that begins at floor(side / 2)."""
    full = convolve2d(image, kernel)
    top, left = (side // 2 for side in kernel.shape)
    return full[top : top + image.shape[0], left : left + image.shape[1]]


@pytest.mark.parametrize("size", [(5, 5), (9, 7), (8, 12)])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_equals_the_authors_program(scale, size):
    network = random_network(scale)
    lr = np.random.default_rng(0).random(size)
    sr = network(torch.from_numpy(lr).float()[None, None], scale)[0, 0].numpy()
    np.testing.assert_allclose(sr, reference(network, lr, scale), atol=2e-6)


@pytest.mark.parametrize("size", [(4, 9), (1, 1)])
def test_an_image_without_patches_is_enlarged_by_bicubic(size):
    lr = torch.rand(1, 1, *size)
    assert torch.equal(random_network(3)(lr, 3), imresize(lr, 3))


def test_begins_as_bicubic_interpolation():
    lr = torch.rand(1, 1, 8, 9)
    assert torch.equal(APlusNetwork(2)(lr, 2), imresize(lr, 2))


def test_images_of_a_batch_do_not_mix():
    network, lr = random_network(2), torch.rand(3, 1, 7, 9)
    torch.testing.assert_close(network(lr, 2), torch.cat([network(image[None], 2) for image in lr]))


def test_tiles_equal_the_whole_with_regressors():
    network, lr = random_network(3), torch.rand(1, 1, 31, 29)
    assert (upscale(network, lr, 3) - imresize(lr, 3).clamp(0, 1)).abs().max() > 0.1
    torch.testing.assert_close(upscale(network, lr, 3, tile=10), upscale(network, lr, 3), atol=2e-5, rtol=0)


def test_computes_in_float32_under_autocast():
    network, lr = random_network(2), torch.rand(1, 1, 9, 9)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        sr = network(lr, 2)
    assert sr.dtype == torch.float32 and torch.equal(sr, network(lr, 2))


def test_weights_are_recognised(tmp_path):
    network = random_network(4, atoms=7, components=3)
    assert network.arguments_of(network.state_dict()) == {"scale": 4, "atoms": 7, "components": 3}
    torch.save(network.state_dict(), tmp_path / "aplus.pt")
    convert(tmp_path / "aplus.pt", tmp_path / "same.pt", "srlab")
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in read_file(tmp_path / "same.pt").items())


def test_arguments_that_cannot_be():
    with pytest.raises(SrlabError, match="scale=1: A\\+ enlarges by 2 or more"):
        APlusNetwork(1)
    with pytest.raises(SrlabError, match="components=145: a patch has 144 in all"):
        APlusNetwork(2, components=145)
