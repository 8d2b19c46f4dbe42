"""The whole method on small pictures: sizes, determinism, and details that only the picture itself can give."""

import numpy as np
import pytest
import torch

from srlab.classics.selfexsr.super_resolve import super_resolve
from srlab.imaging.resize import imresize


def spokes(side: int = 96, count: int = 24) -> torch.Tensor:
    """A star of spokes: near its middle it is what it is further out, at another scale."""
    y, x = (np.mgrid[: 4 * side, : 4 * side] + 0.5) / 4 - side / 2 - 0.3
    star = (np.sin(count * np.arctan2(y, x)) > 0) * 0.8 + 0.1
    return torch.from_numpy(star.reshape(side, 4, side, 4).mean((1, 3))).float()[None, None]


def psnr(sr: torch.Tensor, hr: torch.Tensor) -> float:
    return float(-10 * torch.log10((sr - hr)[..., 4:-4, 4:-4].square().mean()))


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("scale", [2, 4])
def test_a_self_similar_picture_is_far_above_bicubic(scale):
    hr = spokes()
    lr = imresize(hr, 1 / scale)
    sr = super_resolve(lr, scale)
    assert psnr(sr, hr) > psnr(imresize(lr, scale), hr) + 2


def test_the_result_depends_on_the_seed_alone(threads):
    lr = imresize(spokes(40), 0.5)
    threads(1)
    first = super_resolve(lr, 2, iterations=3)
    threads(3)
    assert torch.equal(super_resolve(lr, 2, iterations=3), first)
    assert not torch.equal(super_resolve(lr, 2, iterations=3, seed=2), first)


def test_planes_are_used_where_there_are_some():
    """A chessboard in perspective: the search takes its plane, and the result is another one, as good as any."""
    y, x = (np.mgrid[:480, :640] + 0.5) / 4 - 0.5
    depth = 1 + 0.006 * x + 0.004 * y
    squares = (np.floor(x / depth / 10) + np.floor(y / depth / 10)) % 2
    hr = torch.from_numpy(squares.reshape(120, 4, 160, 4).mean((1, 3))).float()[None, None] * 0.8 + 0.1
    lr = imresize(hr, 0.5)
    with_planes, without = (super_resolve(lr, 2, planes=planes, iterations=1) for planes in (True, False))
    assert not torch.equal(with_planes, without)
    assert min(psnr(with_planes, hr), psnr(without, hr)) > psnr(imresize(lr, 2), hr) + 5


def test_shrunk_it_is_the_image():
    lr = imresize(spokes(), 0.5)
    assert (imresize(super_resolve(lr, 2, iterations=1), 0.5) - lr).abs().mean() < 2e-3


@pytest.mark.parametrize("size", [(1, 1), (3, 9), (5, 5), (13, 7)])
@pytest.mark.parametrize("scale", [2, 3, 5])
def test_any_size(size, scale):
    sr = super_resolve(torch.rand(1, 1, *size), scale, iterations=1)
    assert sr.shape == (1, 1, size[0] * scale, size[1] * scale) and sr.dtype == torch.float32
    assert sr.isfinite().all() and sr.min() >= 0 and sr.max() <= 1


def test_a_flat_image_stays_flat():
    sr = super_resolve(torch.full((1, 1, 12, 10), 0.4), 2)
    torch.testing.assert_close(sr, torch.full((1, 1, 24, 20), 0.4))


def test_x1_is_the_image():
    image = torch.rand(1, 1, 6, 7)
    assert torch.equal(super_resolve(image, 1), image)
