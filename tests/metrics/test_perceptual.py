"""LPIPS and DISTS against the packages that define them, on the same untrained backbone; names and errors."""

import hashlib
import warnings

import numpy as np
import pytest
import torch
from skimage.data import astronaut, camera

from srlab.errors import SrlabError
from srlab.imaging.files import to_tensor
from srlab.imaging.resize import imresize
from srlab.metrics.by_name import check_metrics, meters_of
from srlab.metrics.dists import DISTS
from srlab.metrics.metric import PSNR, SSIM
from srlab.metrics.protocol import protocol
from srlab.weights.backbones import backbone_state

pytestmark = pytest.mark.filterwarnings("ignore:weights.*random", "ignore:.*pretrained.*:UserWarning:torchvision")
BACKBONES = {"lpips": "alexnet", "lpips_vgg": "vgg16", "lpips_squeeze": "squeezenet1_1", "dists": "vgg16"}
PHOTO = astronaut()[100:196, 140:220]
CPU = torch.device("cpu")


def pair(image: np.ndarray = PHOTO) -> tuple[np.ndarray, np.ndarray]:
    return imresize(imresize(image, 1 / 2), 2), image


def meter(name: str, source: str | None = "random"):
    return meters_of([name], {BACKBONES[name]: source}, CPU)[0]


def random_backbone(name: str):
    """torchvision's network with the same values."""
    from torchvision import models

    network = models.get_model(name, weights=None)
    network.load_state_dict(backbone_state(name, "random", list(network.state_dict())))
    return network.eval()


def cropped(image: np.ndarray, border: int = 2) -> torch.Tensor:
    """By the border of protocol luma at x2."""
    return to_tensor(image[border:-border, border:-border])


@pytest.mark.parametrize(("name", "net"), [("lpips", "alex"), ("lpips_squeeze", "squeeze"), ("lpips_vgg", "vgg")])
def test_lpips_equals_the_package(name, net, monkeypatch):
    import lpips
    from lpips import pretrained_networks

    sr, hr = pair()
    ours = protocol("luma").measure(sr, hr, 2, [meter(name)])
    function = {"alex": "alexnet", "squeeze": "squeezenet1_1", "vgg": "vgg16"}[net]
    monkeypatch.setattr(pretrained_networks.tv, function, lambda pretrained: random_backbone(function))
    theirs = lpips.LPIPS(net=net, verbose=False)(2 * cropped(sr) - 1, 2 * cropped(hr) - 1)
    assert ours[f"{name}_random"] == pytest.approx(float(theirs.detach()), abs=1e-6) and ours[f"{name}_random"] > 1e-4


def test_dists_equals_torchmetrics(monkeypatch):
    from torchmetrics.functional.image import dists

    monkeypatch.setattr(dists, "vgg16", lambda weights: random_backbone("vgg16"))
    sr, hr = pair()
    ours = protocol("luma").measure(sr, hr, 2, [meter("dists")])["dists_random"]
    assert ours == pytest.approx(float(dists.DISTSNetwork()(cropped(sr), cropped(hr)).detach()), abs=1e-6)
    assert ours > 1e-4


def test_dists_of_a_batch_is_that_of_its_images():
    network = DISTS(lambda keys: backbone_state("vgg16", "random", keys)).eval()
    x, y = torch.rand(2, 2, 3, 40, 36, generator=torch.Generator().manual_seed(0))
    single = torch.cat([network(x[i : i + 1], y[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(network(x, y), single)


@pytest.mark.parametrize("name", ["lpips", "lpips_squeeze", "dists"])
def test_equal_images_have_no_distance(name):
    _, hr = pair()
    assert protocol("rgb").measure(hr, hr, 2, [meter(name)])[f"{name}_random"] == pytest.approx(0, abs=1e-6)


def test_grey_is_replicated_and_the_border_is_the_protocols():
    sr, hr = pair(camera()[:96, :90])
    lpips = meter("lpips")
    measured = protocol("div2k").measure(sr, hr, 2, [lpips])
    rgb = (np.repeat(image[8:-8, 8:-8, None], 3, axis=2) for image in (sr, hr))
    inner = protocol("div2k").measure(*(np.pad(image, ((8, 8), (8, 8), (0, 0))) for image in rgb), 2, [lpips])
    assert measured["lpips_random"] == inner["lpips_random"] > 0


def test_the_protocols_colour_does_not_matter_to_a_perceptual_metric():
    sr, hr = pair()
    lpips = meter("lpips")
    assert protocol("luma").measure(sr, hr, 2, [lpips]) == protocol("rgb").measure(sr, hr, 2, [lpips])


def test_random_weights_are_another_metric():
    metric = meter("lpips").metric
    assert (metric.name, metric.better) == ("lpips_random", "lower")
    assert "random weights" in metric.title and "random weights" in metric.about


def test_weights_of_a_file(tmp_path):
    from torchvision import models

    torch.manual_seed(0)
    torch.save(models.alexnet(weights=None).state_dict(), tmp_path / "alexnet.pth")
    file = meter("lpips", str(tmp_path / "alexnet.pth"))
    assert (file.metric.name, file.metric.title) == ("lpips", "LPIPS")
    digits = hashlib.sha256((tmp_path / "alexnet.pth").read_bytes()).hexdigest()[:8]
    assert digits in file.metric.about and str(tmp_path) not in file.metric.about
    (tmp_path / "moved.pth").write_bytes((tmp_path / "alexnet.pth").read_bytes())
    assert meter("lpips", str(tmp_path / "moved.pth")).metric == file.metric
    sr, hr = pair()
    values = [protocol("luma").measure(sr, hr, 2, [m]) for m in (file, meter("lpips"))]
    assert values[0]["lpips"] != values[1]["lpips_random"]


def test_building_draws_nobodys_random_numbers_and_is_quiet():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="weights.*random")
        meter("lpips")
    assert torch.equal(torch.rand(1), expected)


def test_metrics_are_in_the_order_that_was_asked_for_and_once():
    assert meters_of(["ssim", "psnr", "ssim"], {}, CPU) == (SSIM, PSNR)
    assert list(protocol("luma").measure(*pair(), 2, [SSIM, PSNR])) == ["ssim", "psnr"]


@pytest.mark.parametrize(
    ("names", "weights", "message"),
    [
        (["psnr", "lpip"], {}, "metrics=lpip: expected .*Did you mean 'lpips'"),
        ([], {}, r"metrics=\[\]: expected"),
        (["psnr"], {"alexnet": "random"}, r"weights.alexnet: no metric .* Say metrics=\[psnr,lpips\]"),
        (["lpips"], {"vgg16": "random"}, r"weights.vgg16: .* Say metrics=\[lpips,lpips_vgg\]"),
    ],
)
def test_mistakes_are_named(names, weights, message):
    with pytest.raises(SrlabError, match=message):
        check_metrics(names, weights)


def test_a_file_that_lacks_layers(tmp_path):
    torch.save({"features.0.weight": torch.zeros(64, 3, 11, 11)}, tmp_path / "part.pth")
    with pytest.raises(SrlabError, match=r"weights.alexnet=.*part.pth: lacks"):
        meter("lpips", str(tmp_path / "part.pth"))


def test_an_image_that_the_backbone_cannot_see():
    sr, hr = pair(astronaut()[:30, :40])
    with pytest.raises(SrlabError, match=r"metrics=lpips: alexnet needs images of at least 31x31 .* not 36x26"):
        protocol("luma").measure(sr, hr, 2, [meter("lpips")])
