"""A+: Adjusted Anchored Neighborhood Regression for Fast Super-Resolution (Timofte et al., ACCV 2014)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.imaging.resize import imresize
from srlab.networks.layers import without_autocast
from srlab.networks.network import SRNetwork, State, Traits

PATCH = 3  # side of a patch, in LR pixels
BORDER = 1  # LR pixels on every side whose derivatives would need pixels outside the image
SMALLEST = PATCH + 2 * BORDER  # side of the smallest LR image that has a patch
DERIVATIVES = 4
AT_ONCE = 2048  # patches whose regressors are gathered at a time, up to 35 MB at x4


class APlusNetwork(SRNetwork):
    """Every patch of 3 x 3 LR pixels is completed by the linear map of the atom that its features are nearest to.

    The image is enlarged by bicubic interpolation. Features of a patch are the first and second derivatives of the
    enlarged image, reduced by PCA. The atom with the largest absolute correlation has a regressor, which gives what the
    enlarged patch lacks. Patches overlap by 2 LR pixels and are averaged.

    Nothing here learns by gradients: `srlab.methods.aplus` computes the buffers from training images. Until then they
    are 0, and the result is that of bicubic interpolation. Arithmetic is in float32 under any autocast, since half the
    digits would choose other atoms.

    On every side the outermost LR pixel keeps bicubic interpolation. The authors' program (scaleup_ANR.m) leaves it
    black, and crops it.

    Args:
        scale: of the super-resolution, at least 2.
        atoms: number of atoms, each with a regressor; 1,024 in the paper.
        components: features that PCA keeps.

    Raises:
        SrlabError: the scale is 1, or there are more components than derivatives in a patch.
    """

    projection: Tensor  # (components, DERIVATIVES, PATCH * scale, PATCH * scale)
    atoms: Tensor  # (atoms, components), of length 1
    regressors: Tensor  # (atoms, (PATCH * scale)^2, components)
    tiny: ClassVar[Mapping[str, Any]] = {"atoms": 8, "components": 5}

    def __init__(self, scale: int, atoms: int = 1024, components: int = 30) -> None:
        super().__init__()
        if scale < 2:
            raise SrlabError(f"scale={scale}: A+ enlarges by 2 or more.")
        side = PATCH * scale
        if components > DERIVATIVES * side * side:
            raise SrlabError(f"model.network.components={components}: a patch has {DERIVATIVES * side * side} in all.")
        self.register_buffer("projection", torch.zeros(components, DERIVATIVES, side, side))
        self.register_buffer("atoms", torch.zeros(atoms, components))
        self.register_buffer("regressors", torch.zeros(atoms, side * side, components))
        # A patch around the pixel reaches 2, its derivatives 1, and bicubic interpolation 2.
        self.traits = Traits((scale,), channels=1, receptive_field=5)

    def forward(self, lr: Tensor, scale: int, condition: Tensor | None = None) -> Tensor:
        with without_autocast(lr.device):
            enlarged = imresize(lr.float(), scale)
            if min(lr.shape[-2:]) < SMALLEST:
                return enlarged
            return enlarged + F.pad(self._missing(enlarged, scale), 4 * (BORDER * scale,))

    def _missing(self, enlarged: Tensor, scale: int) -> Tensor:
        """Returns what the enlarged image lacks, without the border: the mean over all patches that cover a pixel."""
        features = self.features(enlarged)
        images, components, rows, columns = features.shape
        patches = self.regressed(features.permute(0, 2, 3, 1).reshape(-1, components))
        patches = patches.reshape(images, rows * columns, -1).transpose(1, 2)
        height, width = (side - 2 * BORDER * scale for side in enlarged.shape[-2:])
        counts = F.fold(torch.ones_like(patches[:1]), (height, width), PATCH * scale, stride=scale)
        return F.fold(patches, (height, width), PATCH * scale, stride=scale) / counts

    def features(self, enlarged: Tensor) -> Tensor:
        """Returns the features of all patches: (N, 1, scale * h, scale * w) -> (N, components, h - 4, w - 4)."""
        scale = self.projection.shape[-1] // PATCH
        return F.conv2d(derivatives(enlarged, scale), self.projection, stride=scale)

    def regressed(self, features: Tensor) -> Tensor:
        """Applies to the features of each patch the regressor of its atom.

        Args:
            features: (patches, components).

        Returns:
            (patches, (PATCH * scale)^2), what each enlarged patch lacks.
        """
        parts = []
        for part in features.split(AT_ONCE):
            nearest = (part @ self.atoms.T).abs().argmax(dim=1)
            parts.append((self.regressors[nearest] @ part[:, :, None])[:, :, 0])
        return torch.cat(parts)

    @staticmethod
    def infer_arguments(state: State) -> dict[str, Any]:
        components, _, side, _ = state["projection"].shape
        return {"scale": side // PATCH, "atoms": len(state["atoms"]), "components": components}


def derivatives(enlarged: Tensor, scale: int) -> Tensor:
    """Returns the first and second derivatives along rows and columns, over differences of one LR pixel.

    They are the authors' filters [1 0 -1] and [1 0 -2 0 1] / 2 with scale - 1 zeros at each 0. At odd scales the first
    one cannot be centred, and is placed as MATLAB's conv2(..., 'same') places it.

    Args:
        enlarged: (N, 1, H, W), an image that was enlarged by `scale`.
        scale: at least 2.

    Returns:
        (N, DERIVATIVES, H - 2 * scale, W - 2 * scale): without the border, where they need pixels outside the image.
    """
    height, width = enlarged.shape[-2:]

    def moved(down: int, right: int) -> Tensor:
        return enlarged[..., scale + down : height - scale + down, scale + right : width - scale + right]

    ahead, behind = (scale + 1) // 2, (scale + 1) // 2 - scale
    first = [moved(0, ahead) - moved(0, behind), moved(ahead, 0) - moved(behind, 0)]
    centre = moved(0, 0)
    second = [(moved(0, -scale) + moved(0, scale)) / 2 - centre, (moved(-scale, 0) + moved(scale, 0)) / 2 - centre]
    return torch.cat([*first, *second], dim=1)
