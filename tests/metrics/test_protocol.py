"""PSNR, SSIM and colour against scikit-image; the protocols' rules one by one."""

import numpy as np
import pytest
import torch
from helpers import SHARED, needs_shared, write_image
from skimage.color import rgb2ycbcr
from skimage.data import astronaut, camera
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import structural_similarity_index_measure

from srlab.data.evaluation_sets import evaluation_sets
from srlab.data.image_sets import ImageSet, Picture
from srlab.errors import SrlabError
from srlab.evaluation.measure import EvaluationSettings, evaluate
from srlab.imaging.color import luma, rgb_to_ycbcr, ycbcr_to_rgb
from srlab.imaging.files import to_array, to_tensor
from srlab.imaging.resize import imresize
from srlab.methods import interpolation
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


@pytest.mark.parametrize("name", [name for name, rules in PROTOCOLS.items() if not rules.replicates_grey])
def test_grey_is_measured_as_it_is(name):
    hr = camera()[:96, :120]
    sr = degraded(hr, 2)
    border = 2 + PROTOCOLS[name].extra_crop_border
    expected = peak_signal_noise_ratio(
        hr[border:-border, border:-border], sr[border:-border, border:-border], data_range=255
    )
    assert protocol(name).measure(sr, hr, 2).psnr == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", [name for name, rules in PROTOCOLS.items() if rules.replicates_grey])
def test_a_grey_image_becomes_rgb_with_less_contrast(name):
    """Y of replicated grey has 219/255 of the range."""
    hr = camera()[:96, :120]
    picture, rules = Picture("grey", lambda: hr), protocol(name)
    pair = ImageSet("one", (picture,)).pair(0, 2, rules)
    rgb = np.repeat(hr[..., None], 3, axis=2)
    np.testing.assert_array_equal(pair.hr, rgb)
    np.testing.assert_array_equal((pair.lr[0].permute(1, 2, 0) * 255).round().numpy(), imresize(rgb, 1 / 2))
    y_sr, y_hr = (16 + 219 / 255 * x[2:-2, 2:-2].astype(np.float64) for x in (degraded(hr, 2), hr))
    if rules.rounds_luma:
        y_sr, y_hr = np.rint(y_sr), np.rint(y_hr)
    measured = rules.measure(degraded(rgb, 2), pair.hr, 2)
    assert measured.psnr == pytest.approx(peak_signal_noise_ratio(y_hr, y_sr, data_range=255), abs=1e-4)
    if not rules.rounds_luma:
        as_grey = protocol("luma").measure(degraded(hr, 2), hr, 2)
        assert measured.psnr - as_grey.psnr == pytest.approx(20 * np.log10(255 / 219), abs=1e-4)


def bicubic_under(name: str, hr: np.ndarray, scale: int):
    """Bicubic of one image as evaluate.py measures it."""
    image_set = ImageSet("one", (Picture("a", lambda: hr),))
    [row] = evaluate([("bicubic", interpolation())], [image_set], [scale], EvaluationSettings(protocol(name)))
    return row


def in_floating_point(image: np.ndarray, scale: int) -> np.ndarray:
    """Shrunk and enlarged in double precision, in 0..255, clipped as `upscale` clips."""
    return imresize(imresize(image.astype(np.float64), 1 / scale), scale).clip(0, 255)


def enlarged_without_rounding(image: np.ndarray, scale: int) -> np.ndarray:
    """The LR image has 8 bits, the enlarged one is double."""
    return imresize(imresize(image, 1 / scale).astype(np.float64), scale).clip(0, 255)


def own_luma(image: np.ndarray) -> np.ndarray:
    """Y in 16..235 of RGB in 0..255."""
    return 16 + image.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(
    ("name", "made", "finished"),
    [
        ("lapsrn", in_floating_point, lambda rgb: own_luma(np.floor(rgb + 0.5))),
        ("srmd", in_floating_point, own_luma),
        ("carn", enlarged_without_rounding, lambda rgb: np.rint(own_luma(np.floor(rgb + 1e-6)))),
    ],
)
def test_protocols_of_authors_agree_with_numpy(name, made, finished, scale):
    hr = photo()[:, :108]
    y_hr = np.rint(own_luma(hr)) if name == "carn" else own_luma(hr)
    y_hr, y_sr = (y[scale:-scale, scale:-scale] for y in (y_hr, finished(made(hr, scale))))
    row = bicubic_under(name, hr, scale)
    assert row.psnr == pytest.approx(peak_signal_noise_ratio(y_hr, y_sr, data_range=255), abs=1e-3)
    assert row.ssim == pytest.approx(valid_ssim(y_hr, y_sr), abs=1e-4)


def test_protocols_of_authors_differ_where_they_should():
    measured = {name: bicubic_under(name, photo(), 2).psnr for name in ("luma", "lapsrn", "srmd", "carn")}
    assert len({round(psnr, 3) for psnr in measured.values()}) == 4
    assert measured["carn"] < measured["luma"]  # half a level too dark


def test_a_result_becomes_8_bit_as_the_protocol_says():
    sr = torch.tensor([0.2, 10.4, 10.6, 254.9, 255.0]).reshape(1, 1, 1, 5) / 255
    assert protocol("luma").result(sr).tolist() == [[0, 10, 11, 255, 255]]
    assert protocol("carn").result(sr).tolist() == [[0, 10, 10, 254, 255]]
    np.testing.assert_allclose(protocol("srmd").result(sr) * 255, [[0.2, 10.4, 10.6, 254.9, 255]], atol=1e-4)
    levels = torch.arange(256).reshape(1, 1, 16, 16) / 255
    assert torch.equal(torch.from_numpy(protocol("carn").result(levels)).flatten(), torch.arange(256).to(torch.uint8))


def test_lr_files_are_not_seen_where_lr_is_not_rounded(tmp_path):
    path = write_image(tmp_path / "own.png", np.zeros((72, 60, 3), np.uint8))
    images = ImageSet("one", (Picture("a", photo, lambda scale: path),))
    dark = {name: float(images.pair(0, 2, rules).lr.max()) == 0 for name, rules in PROTOCOLS.items()}
    assert [name for name in dark if not dark[name]] == ["classic", "lapsrn", "srmd"]


@needs_shared
@pytest.mark.parametrize(
    ("name", "scale", "expected"),
    [
        ("luma_replicated", 2, (30.325, 0.8699)),
        ("luma_replicated", 4, (26.088, 0.7048)),
        ("carn", 2, (30.312, 0.8691)),
        ("carn", 4, (26.084, 0.7041)),
    ],
)
def test_bicubic_of_8_bits_on_set14_with_its_grey_image_replicated(name, scale, expected):
    """Enlarged by MATLAB's imresize of uint8, which leaves nothing to truncate: what others measured."""
    [set14], rules = evaluation_sets("set14", SHARED / "data"), protocol(name)
    found = [rules.measure(imresize(to_array(lr), scale), hr, scale) for _, lr, hr, *_ in set14.pairs(scale, rules)]
    assert np.mean([quality.psnr for quality in found]) == pytest.approx(expected[0], abs=1e-3)
    assert np.mean([quality.ssim for quality in found]) == pytest.approx(expected[1], abs=1e-4)


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
    with pytest.raises(ValueError, match="SSIM needs sides of at least 11, not \\(10, 20\\)"):
        ssim(np.zeros((1, 10, 20)), np.ones((1, 10, 20)))
    with pytest.raises(ValueError, match="reference"):
        protocol("luma").measure(photo()[:-2], photo(), 2)
