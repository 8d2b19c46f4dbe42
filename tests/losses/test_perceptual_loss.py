"""The content loss against torchvision's own networks."""

import pytest
import torch
from helpers import SHARED, needs_shared
from torchvision.models import resnet50
from torchvision.models.vgg import cfgs, make_layers
from torchvision.transforms.functional import normalize

from srlab.errors import SrlabError
from srlab.losses.perceptual import PerceptualLoss

MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
PARTIAL = SHARED / "weights" / "vgg19_conv1_1_to_conv3_4.pt"
# The end of the slice of torchvision's features that has a layer's ReLU as its last.
ENDS = {
    "conv1_1": 2, "conv1_2": 4, "conv2_2": 9, "conv3_1": 12, "conv3_4": 18, "conv4_4": 27, "conv5_1": 30, "conv5_4": 36,
}  # fmt: skip


@torch.no_grad()
def mean_square(network, sr, hr, scale=1.0) -> float:
    found, wanted = (network(normalize(image, MEAN, DEVIATION)) for image in (sr, hr))
    return float(((scale * (found - wanted)) ** 2).mean())


@pytest.mark.parametrize("after_relu", [True, False])
@pytest.mark.parametrize(("layer", "end"), ENDS.items())
def test_equals_a_slice_of_torchvisions_vgg19(layer, end, after_relu, vgg, images):
    features, weights = vgg
    loss = PerceptualLoss(layer=layer, after_relu=after_relu, weights=weights).double()
    sr, hr, lr = images
    expected = mean_square(features[: end if after_relu else end - 1], sr, hr, 1 / 12.75)
    assert expected > 1e-9 and float(loss(sr, hr, lr)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("layer", "end"), {"conv2_2": 9, "conv3_3": 16, "conv5_3": 30}.items())
def test_equals_a_slice_of_torchvisions_vgg16(layer, end, tmp_path, images):
    torch.manual_seed(0)
    features = make_layers(cfgs["D"])
    torch.save({f"features.{key}": value for key, value in features.state_dict().items()}, tmp_path / "vgg16.pth")
    loss = PerceptualLoss("vgg16", layer, weights={"vgg16": str(tmp_path / "vgg16.pth")}).double()
    sr, hr, lr = images
    expected = mean_square(features.double()[:end], sr, hr, 1 / 12.75)
    assert expected > 0 and float(loss(sr, hr, lr)) == pytest.approx(expected, rel=1e-6)


def test_only_what_is_needed_is_built(vgg):
    body = PerceptualLoss(layer="conv2_2", weights=vgg[1]).features.network.body
    assert len(body) == 9


def test_feature_scale_enters_squared(vgg, images):
    whole, tenth = (PerceptualLoss(layer="conv1_2", feature_scale=s, weights=vgg[1]).double() for s in (1.0, 0.1))
    assert float(tenth(*images)) == pytest.approx(float(whole(*images)) / 100)


def test_one_channel_is_repeated(vgg, images):
    loss = PerceptualLoss(layer="conv1_2", weights=vgg[1]).double()
    grey = [image[:, :1] for image in images]
    assert loss(*grey) == loss(*(image.repeat(1, 3, 1, 1) for image in grey))


def test_hr_gets_no_gradient(vgg, images):
    sr, hr, lr = images
    hr.requires_grad_()
    sr.requires_grad_()
    PerceptualLoss(layer="conv1_2", weights=vgg[1]).double()(sr, hr, lr).backward()
    assert hr.grad is None and sr.grad is not None


@pytest.mark.parametrize("layer", ["layer1", "layer2", "layer3", "layer4"])
def test_equals_torchvisions_resnet50(layer, tmp_path, images):
    torch.manual_seed(0)
    network = resnet50()
    for name, value in network.named_buffers():  # statistics that a batch would not give
        if "running" in name:
            value.uniform_(0.5, 1.5)
    state = {key: value for key, value in network.state_dict().items() if "num_batches" not in key}  # as in old files
    torch.save(state, tmp_path / "resnet50.pth")
    stages = list(dict(network.double().eval().named_children()).items())
    whole = torch.nn.Sequential(*(module for _, module in stages[: [name for name, _ in stages].index(layer) + 1]))
    loss = PerceptualLoss(
        "resnet50", layer, feature_scale=1.0, weights={"resnet50": str(tmp_path / "resnet50.pth")}
    ).double()
    loss.train()
    sr, hr, lr = images
    assert float(loss(sr, hr, lr)) == pytest.approx(mean_square(whole, sr, hr), rel=1e-6)


@needs_shared
@pytest.mark.parametrize("layer", ["conv2_2", "conv3_4"])
def test_equals_torchvisions_vgg19_with_real_weights(layer, images):
    state = torch.load(PARTIAL, weights_only=True)
    features = make_layers(cfgs["E"])[: ENDS[layer]]
    values = {key.removeprefix("features."): value for key, value in state.items()}
    features.load_state_dict({key: values[key] for key in features.state_dict()})
    sr, hr, lr = images
    loss = PerceptualLoss(layer=layer, feature_scale=1.0, weights={"vgg19": str(PARTIAL)}).double()
    expected = mean_square(features.double(), sr, hr)
    assert expected > 100 and float(loss(sr, hr, lr)) == pytest.approx(expected, rel=1e-6)


@needs_shared
def test_a_partial_file_serves_its_layers_only():
    with pytest.raises(SrlabError, match=r"lacks conv4_1 \(features.19\)\. Give a file that has them"):
        PerceptualLoss(layer="conv4_1", weights={"vgg19": str(PARTIAL)})


def test_patches_that_pooling_leaves_nothing_of(vgg):
    small = torch.rand(1, 3, 15, 40)
    with pytest.raises(SrlabError, match="at least 16 pixels a side for its layer, not 40x15"):
        PerceptualLoss(layer="conv5_4", weights=vgg[1])(small, small, small)
    assert PerceptualLoss(layer="conv5_4", weights=vgg[1])(*[torch.rand(1, 3, 16, 16)] * 3) == 0
