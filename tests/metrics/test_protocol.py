"""PSNR, SSIM and colour against scikit-image; the protocols' rules one by one."""

import numpy as np
import pytest
import torch
from helpers import write_image
from skimage.color import rgb2ycbcr
from skimage.data import astronaut, camera
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import structural_similarity_index_measure

from srlab.data.image_sets import ImageSet, Picture
from srlab.errors import SrlabError
from srlab.imaging.color import luma, rgb_to_ycbcr, ycbcr_to_rgb
from srlab.imaging.files import to_tensor
from srlab.imaging.resize import imresize
from srlab.metrics.protocol import PROTOCOLS, protocol
from srlab.metrics.quality import ssim


def photo() -> np.ndarray:
    return astronaut()[100:244, 140:260]


def degraded(image: np.ndarray, scale: int) -> np.ndarray:
    return imresize(imresize(image, 1 / scale), scale)


def valid_ssim(x: np.ndarray, y: np.ndarray) -> float:
    _, full = structural_similarity(
        x, y, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    return full[5:-5, 5:-5].mean()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_luma_agrees_with_scikit_image(scale):
    hr, sr = photo(), degraded(photo(), scale)
    ours = protocol("luma").measure(sr, hr, scale)
    y_sr, y_hr = (rgb2ycbcr(x)[scale:-scale, scale:-scale, 0] for x in (sr, hr))
    assert ours.psnr == pytest.approx(peak_signal_noise_ratio(y_hr, y_sr, data_range=255), abs=1e-4)
    assert ours.ssim == pytest.approx(valid_ssim(y_hr, y_sr), abs=1e-4)


@pytest.mark.parametrize(("name", "extra"), [("rgb", 0), ("div2k", 6)])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_rgb_agrees_with_scikit_image(name, extra, scale):
    hr, sr = photo(), degraded(photo(), scale)
    ours = protocol(name).measure(sr, hr, scale)
    border = scale + extra
    sr, hr = (x[border:-border, border:-border].astype(np.float64) for x in (sr, hr))
    assert ours.psnr == pytest.approx(peak_signal_noise_ratio(hr, sr, data_range=255), abs=1e-4)
    assert ours.ssim == pytest.approx(np.mean([valid_ssim(hr[..., c], sr[..., c]) for c in range(3)]), abs=1e-4)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_grey_is_measured_as_it_is(name):
    hr = camera()[:96, :120]
    sr = degraded(hr, 2)
    border = 2 + PROTOCOLS[name].extra_crop_border
    expected = peak_signal_noise_ratio(
        hr[border:-border, border:-border], sr[border:-border, border:-border], data_range=255
    )
    assert protocol(name).measure(sr, hr, 2).psnr == pytest.approx(expected, abs=1e-4)


def test_classic_luma_is_rounded_and_its_lr_is_not():
    classic, hr = protocol("classic"), photo()
    reference = classic.reference(hr)
    np.testing.assert_array_equal(reference, np.floor(rgb2ycbcr(hr)[..., 0] + 0.5).astype(np.uint8))
    lr = ImageSet("one", (Picture("a", lambda: hr),)).pair(0, 2, classic).lr
    np.testing.assert_allclose(lr[0, 0].numpy() * 255, imresize(reference.astype(np.float64), 1 / 2), atol=1e-4)
    assert not torch.equal(lr * 255, (lr * 255).round())


def test_lr_of_an_image_protocol_is_8_bit_and_the_sets_own_where_it_has_one(tmp_path):
    hr, path = photo(), tmp_path / "own.png"
    images = ImageSet("one", (Picture("a", lambda: hr, lambda scale: path),))
    lr = images.pair(0, 3, protocol("luma")).lr
    np.testing.assert_array_equal((lr * 255).round()[0].permute(1, 2, 0).numpy(), imresize(hr, 1 / 3))
    own = np.full((hr.shape[0] // 3, hr.shape[1] // 3, 3), 7, np.uint8)
    write_image(path, own)
    assert torch.equal(images.pair(0, 3, protocol("luma")).lr, to_tensor(own))


def test_ssim_equals_the_cropped_full_map_of_torchmetrics():
    hr, sr = (x.transpose(2, 0, 1).astype(np.float64) for x in (photo(), degraded(photo(), 3)))
    pair = (torch.from_numpy(x)[None] for x in (sr, hr))
    _, full = structural_similarity_index_measure(*pair, data_range=255.0, sigma=1.5, return_full_image=True)
    assert ssim(sr, hr) == pytest.approx(float(full[..., 5:-5, 5:-5].mean()), abs=1e-9)


def test_equal_images_have_infinite_psnr():
    quality = protocol("luma").measure(photo(), photo(), 2)
    assert quality.psnr == float("inf") and quality.ssim == pytest.approx(1)


def test_ycbcr_agrees_with_scikit_image_and_inverts():
    rgb = to_tensor(photo()).double()
    ycbcr = rgb_to_ycbcr(rgb)
    np.testing.assert_allclose(ycbcr[0].permute(1, 2, 0).numpy() * 255, rgb2ycbcr(photo()), atol=1e-3)
    torch.testing.assert_close(ycbcr_to_rgb(ycbcr), rgb)
    assert luma(ycbcr[:, :1]) is not None and torch.equal(luma(ycbcr[:, :1]), ycbcr[:, :1])


def test_mistakes_are_named():
    with pytest.raises(SrlabError, match="Did you mean 'luma'"):
        protocol("lumma")
    with pytest.raises(ValueError, match="reference"):
        protocol("luma").measure(photo()[:-2], photo(), 2)
