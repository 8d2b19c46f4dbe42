"""imresize as a convolution with fixed filters, for programs that are recorded, equals imresize."""

import pytest
import torch

from srlab.imaging.resize import KERNELS, imresize, resize_by_convolution

SCALES = (1, 2, 3, 4, 8, 3 / 4, 1 / 2, 1 / 3, 3 / 2)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("scale", SCALES, ids=lambda scale: f"x{scale:.2f}")
def test_it_equals_imresize(kernel, scale):
    image = torch.rand(2, 3, 24, 36, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.allclose(resize_by_convolution(image, scale, kernel), imresize(image, scale, kernel), atol=1e-12)


@pytest.mark.parametrize("size", [(2, 2), (2, 9), (9, 3)])
def test_bicubic_of_small_images(size):
    """Edges are mirrored with the outermost pixel repeated, and here everything is at an edge."""
    image = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for scale in (2, 3, 4):
        assert torch.allclose(resize_by_convolution(image, scale), imresize(image, scale), atol=1e-12)


def test_a_recorded_program_holds_for_other_sizes():
    class Enlarge(torch.nn.Module):
        def forward(self, image):
            return imresize(image, 2)

    free = {2: torch.export.Dim("height"), 3: torch.export.Dim("width")}
    program = torch.export.export(Enlarge(), (torch.rand(1, 3, 8, 10),), dynamic_shapes=(free,)).module()
    image = torch.rand(1, 3, 13, 31)
    assert torch.allclose(program(image), imresize(image, 2), atol=1e-6)


def test_other_scales_are_refused():
    with pytest.raises(ValueError, match="whole numbers up to 16"):
        resize_by_convolution(torch.rand(1, 1, 8, 8), 2.7182)
