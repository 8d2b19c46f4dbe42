"""What is free, what a network takes, and the tiles that follow from both."""

import itertools

import pytest
import torch
from torch import nn

from srlab.inference import tile_plan
from srlab.inference.memory import GIB, LIBRARIES, free_bytes, free_bytes_of_machine, peak_bytes
from srlab.inference.tile_plan import Tiles, cut, fitting, of_side, overlap_of
from srlab.networks import NETWORKS
from srlab.networks.network import SRNetwork, Traits

MEMINFO = "MemTotal: 8000000 kB\nMemFree: 100 kB\nMemAvailable: 4000000 kB\n"


def machine(tmp_path, groups, meminfo=MEMINFO):
    """/proc and /sys/fs/cgroup of a machine whose process is in the given groups, as lines of /proc/self/cgroup."""
    proc, cgroups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    cgroups.mkdir()
    (proc / "meminfo").write_text(meminfo, encoding="ascii")
    (proc / "self" / "cgroup").write_text(groups, encoding="utf-8")
    return proc, cgroups


def group(folder, limit, usage, cached=0, version=2):
    folder.mkdir(parents=True, exist_ok=True)
    names = ("memory.max", "memory.current", "inactive_file")
    if version == 1:
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    for name, text in zip((*names[:2], "memory.stat"), (limit, usage, f"anon 5\n{names[2]} {cached}"), strict=True):
        (folder / name).write_text(f"{text}\n", encoding="ascii")


def test_a_machine_without_groups(tmp_path):
    assert free_bytes_of_machine(*machine(tmp_path, "")) == 4000000 * 1024


def test_the_limit_of_a_group_of_version_2(tmp_path):
    proc, cgroups = machine(tmp_path, "0::/a/b\n")
    group(cgroups / "a" / "b", "max", 10)
    group(cgroups / "a", 2 * GIB, GIB, cached=1000)
    assert free_bytes_of_machine(proc, cgroups) == GIB + 1000


def test_the_limit_of_a_group_of_version_1(tmp_path):
    proc, cgroups = machine(tmp_path, "3:cpuset:/\n4:memory:/a\n0::/\n")
    group(cgroups / "memory" / "a", GIB, 1000, version=1)
    group(cgroups / "memory", 2**63 - 4096, 5, version=1)
    assert free_bytes_of_machine(proc, cgroups) == GIB - 1000


def test_a_container_whose_own_group_is_the_root(tmp_path):
    proc, cgroups = machine(tmp_path, "0::/docker/123\n")
    group(cgroups, GIB, 100)
    assert free_bytes_of_machine(proc, cgroups) == GIB - 100


def test_more_used_than_allowed_is_nothing_left(tmp_path):
    proc, cgroups = machine(tmp_path, "0::/\n")
    group(cgroups, 100, 200)
    assert free_bytes_of_machine(proc, cgroups) == 0


def test_this_machine_has_memory():
    assert free_bytes(torch.device("cpu")) > 2**20


class Chain(SRNetwork):
    """Convolutions of so many features, one after the other."""

    def __init__(self, features=16, field=2, attention=False) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, features, 3, padding=1), nn.Conv2d(features, 3, 3, padding=1))
        self.attention, self.traits = attention, Traits((1,), 3, receptive_field=field)

    def forward(self, lr, scale, condition=None):
        if self.attention:
            pixels = lr.flatten(2)
            lr = lr + (pixels.transpose(1, 2) @ pixels).mean()
        return self.layers(lr)


@pytest.mark.parametrize("simulated", [False, True])
def test_the_peak_is_what_is_alive_at_once(simulated):
    """While the second convolution runs: its 16 features, its 3 outputs; the input is counted apart."""
    assert peak_bytes(Chain(), 1, 2, 3, 20, 30, simulated) == 4 * 2 * 20 * 30 * (16 + 3) + 4 * 2 * 20 * 30 * 3


def test_the_peak_of_attention_is_quadratic():
    pixels = 40 * 40
    assert peak_bytes(Chain(attention=True), 1, 1, 3, 40, 40, simulated=True) >= 4 * pixels**2


@pytest.mark.parametrize("key", ["edsr", "wdsr", "rcan", "srmd"])
def test_simulated_and_real_agree(key):
    network = NETWORKS[key](**{**NETWORKS[key].tiny, "scale": 2}).eval()
    real, simulated = (peak_bytes(network, 2, 1, 3, 24, 20, simulated) for simulated in (False, True))
    assert real == simulated
    assert all(parameter.device.type == "cpu" for parameter in network.parameters())


def test_tiles_cover_an_image_once():
    tiles = cut(100, 70, 3, 2, 5, multiple=8)
    for parts, side in ((tiles.rows, 100), (tiles.columns, 70)):
        assert parts[0][0] == 0 and parts[-1][1] == side
        assert all(a[1] == b[0] and b[0] % 8 == 0 for a, b in itertools.pairwise(parts))
    assert tiles.side == 40


def test_tiles_of_a_given_side():
    network = Chain(field=7)
    assert of_side(30, 20, 16, network) == Tiles(((0, 16), (16, 30)), ((0, 16), (16, 20)), 7)
    assert of_side(30, 20, None, network) == Tiles(((0, 30),), ((0, 20),), 7)


def largest(tiles: Tiles, height, width):
    """Pixels of the largest tile with its overlap."""

    def extended(parts, side):
        return max(min(side, to + tiles.overlap) - max(0, start - tiles.overlap) for start, to in parts)

    return extended(tiles.rows, height) * extended(tiles.columns, width)


@pytest.mark.parametrize(("key", "scale"), [("edsr", 2), ("fsrcnn", 2), ("vdsr", 3), ("rdn", 4)])
@pytest.mark.parametrize("free", [64 * 2**20, 512 * 2**20])
def test_tiles_fit_into_the_memory(monkeypatch, key, scale, free):
    """The largest tile, as it is in truth, takes no more than the share."""
    monkeypatch.setattr(tile_plan, "free_bytes", lambda device: free)
    options = {} if key == "vdsr" else {"scale": scale}
    network = NETWORKS[key](**{**NETWORKS[key].tiny, **options}).eval()
    tiles = fitting(network, scale, 1, 3, 3000, 4000, torch.device("cpu"))
    pixels = largest(tiles, 3000, 4000)
    taken = LIBRARIES * peak_bytes(network, scale, 1, 3, 1, pixels, simulated=True)
    assert taken <= 1.02 * tile_plan.SHARE["cpu"] * free
    assert tiles.overlap == overlap_of(network)


def test_a_limit_holds_too(monkeypatch):
    monkeypatch.setattr(tile_plan, "free_bytes", lambda device: 8 * GIB)
    network, limit = Chain(), 2**24
    tiles = fitting(network, 1, 1, 3, 3000, 4000, torch.device("cpu"), limit)
    assert LIBRARIES * peak_bytes(network, 1, 1, 3, 1, largest(tiles, 3000, 4000)) <= 1.02 * limit


def test_overlaps_cost_no_more_than_they_need_where_memory_is_plenty(monkeypatch):
    monkeypatch.setattr(tile_plan, "free_bytes", lambda device: 16 * GIB)
    network = NETWORKS["edsr"](2, features=8, blocks=16)
    tiles = fitting(network, 2, 1, 3, 3000, 4000, torch.device("cpu"))
    work = sum(
        (min(3000, bottom + 36) - max(0, top - 36)) * (min(4000, right + 36) - max(0, left - 36))
        for top, bottom in tiles.rows
        for left, right in tiles.columns
    )
    assert work <= tile_plan.ENOUGH * 3000 * 4000
    assert largest(tiles, 3000, 4000) < 800 * 800


def test_a_small_image_is_not_cut(monkeypatch):
    monkeypatch.setattr(tile_plan, "peak_bytes", None)
    tiles = fitting(NETWORKS["edsr"](2), 2, 1, 3, 128, 128, torch.device("cpu"))
    assert (len(tiles.rows), len(tiles.columns)) == (1, 1)


def test_attention_gets_tiles_by_what_it_takes_in_truth(monkeypatch):
    monkeypatch.setattr(tile_plan, "free_bytes", lambda device: 2**28)
    network = Chain(field=None, attention=True)
    tiles = fitting(network, 1, 1, 3, 200, 300, torch.device("cpu"))
    pixels = largest(tiles, 200, 300)
    assert len(tiles.rows) * len(tiles.columns) > 1 and 4 * pixels**2 < 2**27


def test_memory_that_hardly_suffices_gives_the_smallest_tiles(monkeypatch):
    monkeypatch.setattr(tile_plan, "free_bytes", lambda device: 1000)
    tiles = fitting(NETWORKS["edsr"](2), 2, 1, 3, 300, 300, torch.device("cpu"))
    assert tiles.side == tile_plan.SMALLEST
