"""How A+ is computed (Timofte et al. 2014): PCA, a dictionary and a regressor for each of its atoms.

It follows the authors' program: learn_dict.m (Zeyde et al. 2012, doi:10.1007/978-3-642-27413-8_47), and
go_run_Set5_x2_Aplus1024.m with collectSamplesScales.m.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from srlab.data.degradations import Degradation
from srlab.data.training_set import TrainingSet
from srlab.methods.fitted import FittedMethod
from srlab.methods.k_svd import k_svd
from srlab.methods.patch_samples import PatchSamples
from srlab.networks.aplus import BORDER, PATCH, SMALLEST, APlusNetwork, derivatives

FLAT = 0.1  # length of features, of images in [0, 1], below which a patch counts as flat
ATOMS_AT_ONCE = 16  # whose correlation with all samples is computed at a time: 320 MB for 5 million


@dataclass(frozen=True)
class APlusOptions:
    """What may stand under model.fit.

    Attributes:
        samples: at most so many patches for the regressors.
        dictionary_samples: at most so many for PCA and the dictionary, which the authors learn from about 50,000 at x4
            and 240,000 at x2.
        iterations: of K-SVD.
        nonzeros: atoms that K-SVD codes a patch with.
        neighbours: nearest samples that an atom's regressor is computed from.
        ridge: weight of the squared length of a regressor's rows, lambda.
        copies: sizes of every image that samples are from.
        shrink: each size over the one before.
    """

    samples: int = 5_000_000
    dictionary_samples: int = 100_000
    iterations: int = 20
    nonzeros: int = 3
    neighbours: int = 2048
    ridge: float = 0.1
    copies: int = 12
    shrink: float = 0.98


class APlus(FittedMethod):
    """A+: everything is computed from the training images, in minutes on one core."""

    key = "aplus"
    Network = APlusNetwork
    Options = APlusOptions
    network: APlusNetwork

    def fit(self, images: TrainingSet, degradation: Degradation, seed: int, say: Callable[[str], None]) -> None:
        options: APlusOptions = self.options()
        (scale,) = self.network.traits.scales or ()

        def patches(copies: int) -> PatchSamples:
            return PatchSamples(images, degradation, scale, SMALLEST, copies, options.shrink, seed)

        raw = self._derivatives(patches(1), options.dictionary_samples)
        basis, kept = principal_components(raw, len(self.network.projection))
        self.network.projection.copy_(basis.reshape(self.network.projection.shape))
        say(f"PCA: {len(basis)} of {raw.shape[1]} components hold {kept:.2%} of the energy of {len(raw):,} patches")
        atoms = len(self.network.atoms)
        self.network.atoms.copy_(k_svd(raw @ basis.T, atoms, options.nonzeros, options.iterations, seed, say))
        features, missing = self._pairs(patches(options.copies), options.samples)
        say(f"regressors: {atoms}, from {len(features):,} patches")
        regressors = anchored_regressors(self.network.atoms, features, missing, options.neighbours, options.ridge)
        self.network.regressors.copy_(regressors)

    def _derivatives(self, samples: PatchSamples, most: int) -> Tensor:
        """Returns the derivatives of drawn patches, (n, DERIVATIVES * (PATCH * scale)^2)."""
        device, scale = self.network.atoms.device, samples.scale
        return torch.cat(
            [
                patches_of(derivatives(drawn.enlarged, scale), scale)[drawn.chosen]
                for drawn in samples.draw(most, device)
            ]
        )

    def _pairs(self, samples: PatchSamples, most: int) -> tuple[Tensor, Tensor]:
        """Returns features of drawn patches, (n, components), and what these lack, (n, (PATCH * scale)^2)."""
        network, scale, device = self.network, samples.scale, self.network.atoms.device
        count, border, start = samples.count(most), BORDER * samples.scale, 0
        features = torch.empty(count, len(network.projection), device=device)
        missing = torch.empty(count, (PATCH * scale) ** 2, device=device)
        for drawn in samples.draw(most, device):
            end = start + len(drawn.chosen)
            inner = (drawn.hr - drawn.enlarged)[..., border:-border, border:-border]
            features[start:end] = network.features(drawn.enlarged)[0].flatten(1).T[drawn.chosen]
            missing[start:end] = patches_of(inner, scale)[drawn.chosen]
            start = end
        return features, missing


def patches_of(image: Tensor, scale: int) -> Tensor:
    """Returns the patches of an image in the order of rows: (1, C, H, W) -> (patches, C * (PATCH * scale)^2)."""
    return F.unfold(image, PATCH * scale, stride=scale)[0].T


def principal_components(patches: Tensor, count: int) -> tuple[Tensor, float]:
    """Returns the directions that hold most of the energy; as the authors do, no mean is subtracted.

    Args:
        patches: (n, length).
        count: of the directions.

    Returns:
        (count, length), of length 1 and at right angles, the largest first; and the share of the energy that they hold.
    """
    energy, vectors = torch.linalg.eigh(patches.T.double() @ patches.double())
    return vectors[:, -count:].flip(1).T.float(), float(energy[-count:].sum() / energy.sum())


def anchored_regressors(atoms: Tensor, features: Tensor, missing: Tensor, neighbours: int, ridge: float) -> Tensor:
    """Computes for each atom the linear map from features to what is missing, by ridge regression on its neighbours.

    Samples are scaled to features of length 1, and their neighbourhood is by distance from the atom. What a flat sample
    lacks is not scaled, as in the authors' program.

    Args:
        atoms: (atoms, components), each of length 1.
        features: (n, components), scaled in place.
        missing: (n, pixels), scaled in place.
        neighbours: how many samples an atom's map is computed from; all, where there are fewer.
        ridge: lambda.

    Returns:
        (atoms, pixels, components).
    """
    length = features.norm(dim=1, keepdim=True)
    features.div_(length.clamp_min(torch.finfo(length.dtype).eps))
    missing.div_(torch.where(length < FLAT, 1, length))
    eye = ridge * torch.eye(features.shape[1], dtype=torch.float64, device=features.device)
    regressors = []
    for part in atoms.split(ATOMS_AT_ONCE):
        # Among vectors of length 1, the nearest have the largest product.
        nearest = (part @ features.T).topk(min(neighbours, len(features)), dim=1, sorted=False).indices
        for indices in nearest:
            x, y = features[indices].double(), missing[indices].double()
            regressors.append(torch.linalg.solve(x.T @ x + eye, x.T @ y).T.float())
    return torch.stack(regressors)
