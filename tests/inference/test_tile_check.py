"""Tiles of a network that sees the whole image: a warning where they change the result, and only there."""

import warnings

import pytest
import torch

from srlab.imaging.resize import imresize
from srlab.inference import tile_check
from srlab.inference.upscale import upscale
from srlab.networks.network import SRNetwork, Traits

# The left is dark and the right is bright, so no tile has the mean of the whole.
LR = torch.linspace(0.2, 0.7, 96).expand(1, 3, 40, 96).contiguous()
NOISE = 0.01 * torch.randn(1, 3, 80, 192, generator=torch.Generator().manual_seed(0))  # an error of 40 dB


class MeanNetwork(SRNetwork):
    """Enlarges, and adds a share of the mean over the whole image."""

    def __init__(self, share: float, receptive_field: int | None = None) -> None:
        super().__init__()
        self.share, self.calls = share, 0
        self.traits = Traits((2,), 3, receptive_field=receptive_field)

    def forward(self, lr, scale, condition=None):
        self.calls += 1
        return imresize(lr, scale, "nearest") + self.share * lr.mean(dim=(2, 3), keepdim=True)


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setattr(tile_check, "_warned", set())


def messages_of(network, lr=LR, label="mean", **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        upscale(network, lr, 2, label=label, **options)
    return [str(warning.message) for warning in caught]


def psnr(sr, hr):
    return float(-10 * (sr - hr).square().mean().log10())


@pytest.mark.parametrize(("share", "changed"), [(0.0, False), (0.0005, False), (0.1, True)])
def test_it_warns_where_psnr_changes_by_more_than_a_hundredth(share, changed):
    """PSNR is that of the whole and of the tiles, against the whole with an error of 40 dB."""
    network = MeanNetwork(share)
    whole = upscale(network, LR, 2)
    tiles = upscale(network, LR, 2, tile=16, label="another")
    hr = whole + NOISE
    assert (abs(psnr(tiles, hr) - psnr(whole, hr)) > 0.01) == changed
    assert bool(messages_of(network, tile=16)) == changed


def test_it_warns_once_for_each_label_and_says_what_to_do():
    network = MeanNetwork(0.1)
    (message,) = messages_of(network, tile=16, ensemble=True)
    assert message.startswith("tile=16: mean looks at the whole image") and "Larger tiles" in message
    calls = network.calls
    assert messages_of(network, tile=16) == []
    assert network.calls - calls == 3 * 6  # nothing but the tiles
    assert len(messages_of(network, tile=16, label="other")) == 1


def test_it_says_what_the_difference_is():
    """The middle tile begins at 48: with 32 pixels around, half of it sees columns 16 to 88, all of it 16 to 96."""
    columns = LR[0, 0, 0]
    difference = 255 * 0.1 * abs(float(columns[16:88].mean() - columns[16:].mean()))
    (message,) = messages_of(MeanNetwork(0.1), tile=16)
    assert f"differ by {difference:.2f} of 255" in message


def test_it_is_silent_where_one_tile_is_the_image_or_the_overlap_is_enough():
    assert messages_of(MeanNetwork(0.1), tile=96) == []
    assert messages_of(MeanNetwork(0.1)) == []
    assert messages_of(MeanNetwork(0.1, receptive_field=1), tile=16) == []


def test_the_result_is_that_of_the_tiles():
    warned, silent = (upscale(MeanNetwork(0.1), LR, 2, tile=16, label="mean") for _ in range(2))
    assert torch.equal(warned, silent)
