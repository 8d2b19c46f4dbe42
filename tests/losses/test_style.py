"""The texture loss against NumPy."""

import numpy as np
import pytest
import torch
from torchvision.transforms.functional import normalize

from srlab.losses.style import StyleLoss, gram_matrix


def test_equals_gram_matrices_by_numpy(vgg, images):
    features, weights = vgg
    sr, hr, lr = images
    losses = []
    for end in (2, 7, 12):  # the ReLUs of conv1_1, conv2_1 and conv3_1
        grams = []
        for image in (sr, hr):
            seen = features[:end](normalize(image, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])).numpy()
            n, c, h, w = seen.shape
            rows = seen.reshape(n, c, h * w)
            grams.append(np.stack([row @ row.T for row in rows]) / (c * h * w))
        losses.append(((grams[0] - grams[1]) ** 2).mean())
    found = StyleLoss(weights=weights).double()(sr, hr, lr)
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-6)


def test_texture_does_not_depend_on_place(vgg, images):
    sr, _, lr = images
    loss = StyleLoss(["conv1_1"], weights=vgg[1]).double()
    inside = sr.clone()
    inside[..., [0, 1, 2, -3, -2, -1], :] = 0  # so that the roll moves nothing across the edge
    moved = inside.roll(1, dims=2)
    assert float(loss(moved, inside, lr)) < 1e-3 * float(loss(sr.square(), inside, lr))


def test_half_precision_does_not_overflow():
    assert gram_matrix(torch.full((1, 2, 64, 64), 100.0, dtype=torch.float16)).equal(torch.full((1, 2, 2), 5000.0))
