"""imresize against MATLAB's own files, published hashes, and an independent rational-arithmetic implementation."""

import hashlib
from fractions import Fraction

import numpy as np
import pytest
import torch
from helpers import SHARED, benchmark_files, needs_shared, read_image

from srlab.imaging.resize import imresize

HASHES = {
    1 / 2: "9faf0377670fe61ebf468f7ba83d031283217174af63cbd3ade77b2af7835b83",
    1 / 3: "689d094f00ba0b6f6b7622c84fa25633ab26cdaff4188e9dba2101d2d8e35f83",
    1 / 4: "0db343d630e834bed5d610261a3df87ff50393005e8ebe26890fb8ec385894ac",
    2: "aa931c3a9211c86e80ad405e62fee415c123400aa69670d43ca9fbe8c6f6b9b1",
    3: "9eea0a312cba9ed24e32497133621450aa5df502add7e73c5eea0d2aa52a24b0",
    4: "ce84b217330929a78dc3ac55130aeaa95e5146fd07e68046cfd6ed802febe2a8",
}


def known_image() -> np.ndarray:
    i, j, c = np.meshgrid(np.arange(48), np.arange(36), np.arange(3), indexing="ij")
    return ((7 * i + 13 * j + 29 * c + (i * j) % 31) % 256).astype(np.uint8)


@pytest.mark.parametrize("scale", HASHES)
def test_uint8_has_the_published_hash(scale):
    assert hashlib.sha256(imresize(known_image(), scale).tobytes()).hexdigest() == HASHES[scale]


@needs_shared
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", ["Set5", "Set14"])
def test_every_pixel_equals_the_published_lr_files(name, scale):
    files = benchmark_files(name)
    assert len(files) == {"Set5": 5, "Set14": 14}[name]
    for path in files:
        lr = read_image(path.parents[1] / "LR_bicubic" / f"X{scale}" / f"{path.stem}x{scale}.png")
        hr = read_image(path)[: lr.shape[0] * scale, : lr.shape[1] * scale]
        np.testing.assert_array_equal(imresize(hr, 1 / scale), lr, err_msg=path.name)


@needs_shared
def test_equals_the_golden_file():
    golden = torch.load(SHARED / "golden" / "imresize.pt", weights_only=True)
    assert len(golden["cases"]) >= 21
    for case in golden["cases"]:
        image = golden["images"][case["image"]].numpy()
        scale = case["num"] / case["den"]
        np.testing.assert_array_equal(imresize(image, scale), case["uint8"].numpy(), err_msg=str(case["scale"]))
        if "float" in case:
            ours = imresize(image.astype(np.float64), scale)
            np.testing.assert_allclose(ours, case["float"].numpy(), atol=1e-4)


def exact_row(row: list[int], scale: Fraction) -> list[int]:
    """One pass over one row of uint8 in exact arithmetic, straight from the definition; rounded half up."""

    def kernel(x: Fraction) -> Fraction:
        x = abs(x)
        if x <= 1:
            return Fraction(3, 2) * x**3 - Fraction(5, 2) * x**2 + 1
        return -Fraction(1, 2) * x**3 + Fraction(5, 2) * x**2 - 4 * x + 2 if x <= 2 else Fraction(0)

    shrink, side, result = min(scale, Fraction(1)), len(row), []
    for out in range(1, -(-side * scale.numerator // scale.denominator) + 1):
        centre = out / scale + (1 - 1 / scale) / 2
        reach = 2 / shrink
        taps = range(int(centre - reach) - 2, int(centre + reach) + 3)
        weights = [kernel(shrink * (centre - tap)) for tap in taps]
        mirrored = row + row[::-1]
        total = sum(w * mirrored[(tap - 1) % (2 * side)] for w, tap in zip(weights, taps, strict=True)) / sum(weights)
        result.append(min(255, max(0, int((total + Fraction(1, 2)) // 1))))
    return result


@pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(1, 3), Fraction(2), Fraction(3), Fraction(2, 3)])
def test_uint8_equals_exact_arithmetic(scale):
    image = np.random.default_rng(0).integers(0, 256, (13, 10), dtype=np.uint8)
    rows = np.array([exact_row(list(map(int, column)), scale) for column in image.T]).T
    both = np.array([exact_row(list(map(int, row)), scale) for row in rows])
    np.testing.assert_array_equal(imresize(image, float(scale)), both)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
def test_tensor_and_array_agree(dtype):
    tensor = torch.from_numpy(known_image()).permute(2, 0, 1)[None].to(dtype)
    array = tensor[0].permute(1, 2, 0).numpy()
    ours = imresize(tensor, 1 / 3)
    assert ours.dtype == dtype and ours.shape == (1, 3, 16, 12)
    np.testing.assert_array_equal(ours[0].permute(1, 2, 0).numpy(), imresize(array, 1 / 3))


def test_gradient_is_the_transpose_of_the_resize():
    image = torch.rand(1, 2, 6, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: imresize(x, 2), (image,))
    assert torch.autograd.gradcheck(lambda x: imresize(x, 1 / 2), (image,))


def test_nearest_replicates_pixels():
    image = known_image()
    np.testing.assert_array_equal(imresize(image, 3, "nearest"), image.repeat(3, axis=0).repeat(3, axis=1))


@pytest.mark.parametrize("kernel", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_every_kernel_keeps_a_flat_image(kernel):
    flat = np.full((9, 7), 0.3)
    np.testing.assert_allclose(imresize(flat, 2.5, kernel), np.full((23, 18), 0.3), atol=1e-12)


def test_rounding_of_the_output_side_is_safe():
    assert imresize(np.zeros((30, 255)), 0.1).shape == (3, 26)


@pytest.mark.parametrize(
    ("image", "scale", "error"),
    [
        (np.zeros((4, 4)), 0, "greater than 0"),
        (np.zeros((0, 4)), 2, "empty"),
        (np.zeros(4), 2, "H, W"),
        (torch.zeros(3, 4, 4), 2, "N, C, H, W"),
    ],
)
def test_bad_input_is_refused(image, scale, error):
    with pytest.raises(ValueError, match=error):
        imresize(image, scale)


def test_a_kernel_that_there_is_not():
    with pytest.raises(ValueError, match=r"kernel must be one of nearest, .*bicubic.*, not 'cubic'"):
        imresize(np.zeros((4, 4)), 2, "cubic")


def test_integers_other_than_uint8_are_refused():
    with pytest.raises(TypeError, match="uint8 or floating point"):
        imresize(np.zeros((4, 4), np.int32), 2)
