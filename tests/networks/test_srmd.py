"""SRMD against the paper's figure in plain functions, the authors' networks, and what it is told of a blurred image."""

import numpy as np
import pytest
import torch
from helpers import SHARED, benchmark_files, build, needs_shared, read_image
from safetensors.torch import load_file
from torch.nn import functional as F

from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.errors import SrlabError
from srlab.evaluation.complexity import multiply_adds
from srlab.imaging.blur_kernels import blur, delta_kernel, gaussian_kernel, isotropic_kernel, random_kernel, told
from srlab.imaging.files import to_tensor
from srlab.imaging.resize import imresize
from srlab.methods import find_method
from srlab.methods.loading import load_weights
from srlab.methods.super_resolver import SuperResolver
from srlab.networks.arguments import check_arguments
from srlab.networks.srmd import SRMDNetwork, principal_directions
from srlab.weights.conversion import convert
from srlab.weights.files import read_file


@pytest.mark.parametrize(
    ("scale", "noise", "parameters"),
    [(2, False, 1510540), (3, False, 1527835), (4, False, 1552048), (2, True, 1511692), (4, True, 1553200)],
)
def test_parameters(scale, noise, parameters):
    assert sum(p.numel() for p in SRMDNetwork(scale, noise=noise).parameters()) == parameters


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("scale", [2, 3])
def test_equals_the_papers_figure_in_plain_functions(scale, noise):
    """Each pixel sees its colours, the 15 products of the basis and the kernel, and the noise level."""
    torch.manual_seed(0)
    network = SRMDNetwork(scale, features=6, convolutions=4, noise=noise).double()
    lr, kernels = torch.rand(2, 3, 5, 7, dtype=torch.double), torch.rand(2, 15, 15, dtype=torch.double)
    sigmas = torch.tensor([0.1, 0.2], dtype=torch.double)
    condition = torch.cat([kernels.flatten(1), sigmas[:, None]], dim=1)
    state, maps = network.state_dict(), lr.new_zeros(2, 15 + noise, 5, 7)
    for i in range(2):
        for j in range(15):
            maps[i, j] = (state["basis"][j].reshape(15, 15) * kernels[i]).sum()
        if noise:
            maps[i, 15] = sigmas[i]
    x = torch.cat([lr, maps], dim=1)
    for j in range(4):
        x = F.conv2d(x.relu() if j else x, state[f"body.{2 * j}.weight"], state[f"body.{2 * j}.bias"], padding=1)
    torch.testing.assert_close(network(lr, scale, condition), F.pixel_shuffle(x, scale), atol=1e-12, rtol=0)


def test_the_basis_holds_the_kernels_of_every_scale():
    """Section 3.2: 15 directions hold 99.8 % of the energy. The kernels here are others than those it is made of."""
    basis, random = principal_directions(), np.random.default_rng(5)
    np.testing.assert_allclose(basis @ basis.T, np.eye(15), atol=1e-12)
    for scale in (2, 3, 4):
        kernels = np.stack([random_kernel(random, scale).ravel() for _ in range(200)])
        assert np.square(kernels @ basis.T).sum() > 0.998 * np.square(kernels).sum()
    assert np.square(basis @ delta_kernel().ravel()).sum() > 0.9999


def test_the_basis_is_kept_with_the_weights():
    network = SRMDNetwork(2, features=4, convolutions=2)
    assert network.state_dict()["basis"].shape == (15, 225) and not network.basis.requires_grad
    assert torch.equal(network.basis, SRMDNetwork(4, features=8, convolutions=3).basis)


def test_the_noise_level_is_seen_by_srmd_alone():
    lr, kernel = torch.rand(1, 3, 6, 6), isotropic_kernel(1.0)
    quiet, loud = (torch.from_numpy(told(kernel, noise))[None] for noise in (0.0, 0.2))
    for noise in (False, True):
        network = SRMDNetwork(2, features=4, convolutions=2, noise=noise)
        assert torch.equal(network(lr, 2, quiet), network(lr, 2, loud)) is not noise


def test_the_self_ensemble_turns_the_kernel_with_the_image():
    method = build("srmd").eval()
    lr = torch.rand(1, 3, 9, 7)
    condition = torch.from_numpy(told(gaussian_kernel(np.array([[4.0, 1.8], [1.8, 1.0]])), 0.1))[None]
    results = []
    for flipped in (False, True):
        for quarters in range(4):
            image, kernel = lr, condition[:, :-1].reshape(1, 15, 15)
            image, kernel = (x.flip(-1) if flipped else x for x in (image, kernel))
            image, kernel = (torch.rot90(x, quarters, (-2, -1)) for x in (image, kernel))
            sr = method.network(image, 2, torch.cat([kernel.flatten(1), condition[:, -1:]], dim=1))
            sr = torch.rot90(sr, -quarters, (-2, -1))
            results.append(sr.flip(-1) if flipped else sr)
    expected = torch.stack(results).mean(dim=0).clamp(0, 1)
    torch.testing.assert_close(method.upscale(lr, 2, condition=condition, ensemble=True), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 8}, "scale=8: SRMD has 2, 3, 4, one at a time"),
        ({"scale": 2, "convolutions": 1}, r"model\.network\.convolutions=1: expected at least 2"),
        ({"scale": 2, "noise": "maybe"}, r"model\.network\.noise=maybe: expected true or false"),
    ],
)
def test_other_arguments_are_refused(arguments, message):
    with pytest.raises(SrlabError, match=message):
        check_arguments(SRMDNetwork, arguments, "SRMD")
        SRMDNetwork(**arguments)


def test_without_a_condition_it_says_what_it_needs():
    with pytest.raises(SrlabError, match="condition: srmd needs 226 values for each of 1 images and got none"):
        build("srmd").upscale(torch.rand(1, 3, 8, 8), 2)


# Weights of other projects


def small(noise: bool = True) -> SuperResolver:
    torch.manual_seed(0)
    return find_method("srmd")({"scale": 3, "features": 4, "convolutions": 3, "noise": noise})


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_our_own_weights_as_kair_has_them_and_back(noise, suffix, tmp_path):
    """Their basis has kernels by columns: what it says of a kernel is what ours says of the same kernel."""
    source, target = small(noise), SRMDNetwork(3, features=4, convolutions=3, noise=noise)
    source.network.basis.copy_(torch.linalg.qr(torch.randn(225, 15))[0].T)
    own, theirs = tmp_path / f"own.{suffix}", tmp_path / f"theirs.{suffix}"
    torch.save(source.network.state_dict(), tmp_path / "a.pt")
    convert(tmp_path / "a.pt", theirs, "kair")
    convert(theirs, own, "srlab")
    target.load_state_dict(load_file(own) if suffix == "safetensors" else read_file(own))
    assert all(torch.equal(value, target.state_dict()[key]) for key, value in source.network.state_dict().items())
    content = read_file(theirs)
    assert {*content} == {f"model.{i}.{kind}" for i in (0, 2, 4) for kind in ("weight", "bias")} | {"pca"}
    kernel = gaussian_kernel(np.array([[4.0, 1.5], [1.5, 2.0]]))
    code = content["pca"].numpy() @ kernel.reshape(-1, order="F").astype(np.float32)
    ours = target.code(torch.from_numpy(told(kernel))[None])[0, :15].numpy()
    np.testing.assert_allclose(ours, code, atol=1e-6)


def by_kairs_keys(method: SuperResolver) -> dict[str, torch.Tensor]:
    """As KAIR's files are: without the basis."""
    state = method.network.state_dict()
    return {key.replace("body.", "model."): value for key, value in state.items() if key != "basis"}


def test_weights_without_their_basis_are_refused_with_advice(tmp_path):
    state = by_kairs_keys(small())
    torch.save(state, tmp_path / "bare.pth")
    advice = r"look like srmd by cszn/KAIR, but its basis of kernels is not in them: KAIR keeps it in kernels/srmd_pca"
    with pytest.raises(SrlabError, match=rf"1 missing \(basis\).*{advice}") as error:
        load_weights(small(), tmp_path / "bare.pth")
    assert "\n" not in str(error.value)
    with pytest.raises(SrlabError, match=rf"bare\.pth: cannot be converted\. They {advice}") as error:
        convert(tmp_path / "bare.pth", tmp_path / "own.pt", "srlab")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_a_basis_beside_the_state_dict_is_taken(kind, tmp_path):
    source, target = small(), small()
    pca = torch.linalg.qr(torch.randn(225, 15))[0].T.to(kind)
    state = by_kairs_keys(source)
    torch.save({"state_dict": state, "pca": pca}, tmp_path / "a.pt")
    load_weights(target, tmp_path / "a.pt")
    expected = pca.float().reshape(15, 15, 15).transpose(1, 2).flatten(1)
    assert torch.equal(target.network.basis, expected)


@needs_shared
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_golden_outputs(scale):
    """The file has the maps as part of the input, and so no basis."""
    content = torch.load(SHARED / "golden" / f"srmdnf_x{scale}.pt", weights_only=True)
    network = SRMDNetwork(scale, features=16, convolutions=5, noise=False)
    network.body.load_state_dict({key.removeprefix("model."): value for key, value in content["state_dict"].items()})
    output = network.body(content["input"])
    assert (output - content["output"]).abs().max() < 1e-5 * content["output"].abs().max()


def authors(scale: int) -> tuple[SuperResolver, dict]:
    path = SHARED / "weights" / f"authors_srmdnf_x{scale}.pt"
    method = find_method("srmd")({"scale": scale, "noise": False})
    load_weights(method, path)
    return method.eval(), torch.load(path, weights_only=True)


@needs_shared
@pytest.mark.parametrize("scale", [2, 4])
def test_the_authors_weights_give_their_output(scale, tmp_path):
    """Not to the last digit: the weights of the file are rounded to 16 bits, and their output is not of those."""
    method, content = authors(scale)
    condition = torch.from_numpy(told(delta_kernel()))[None]
    assert torch.equal(method.network.code(condition)[0], content["delta_code"])
    with torch.no_grad():
        assert (method(content["input"], scale, condition) - content["output"]).abs().max() < 1.5e-3
    path = SHARED / "weights" / f"authors_srmdnf_x{scale}.pt"
    convert(path, tmp_path / "own.pt", "srlab")
    convert(tmp_path / "own.pt", tmp_path / "back.pt", "kair")
    back, expected = read_file(tmp_path / "back.pt"), {**content["state_dict"], "pca": content["pca"]}
    assert back.keys() == expected.keys()
    assert all(torch.equal(back[key], value) and back[key].dtype == value.dtype for key, value in expected.items())


@needs_shared
def test_the_authors_network_restores_what_it_is_told():
    """A blur that is told as it is, is undone; told with rows for columns, or as none, it is not."""
    method, _ = authors(4)
    kernel = gaussian_kernel(np.array([[8.0, 4.0], [4.0, 4.0]]))
    hr = read_image(benchmark_files("Set5")[2]) / 255  # butterfly
    hr = hr[64:192, 64:192]
    lr = to_tensor((imresize(blur(hr, kernel), 1 / 4) * 255 + 0.5).astype(np.uint8))
    quality = {}
    for name, said in (("true", kernel), ("transposed", kernel.T), ("none", delta_kernel())):
        sr = method.upscale(lr, 4, condition=torch.from_numpy(told(said))[None])[0].permute(1, 2, 0).numpy()
        quality[name] = -10 * np.log10(np.square(sr - hr)[8:-8, 8:-8].mean())
    assert quality["true"] > quality["transposed"] + 2 and quality["true"] > quality["none"] + 2


@needs_shared
@pytest.mark.slow
def test_the_authors_weights_give_the_published_numbers(tmp_path):
    """31.94 dB by another program with these weights, 31.96 in print."""
    path = SHARED / "weights" / "authors_srmdnf_x4.pt"
    words = ["model=srmdnf", f"weights={path}", "scale=4", "protocol=srmd", f"data.root={SHARED / 'data'}"]
    (row,) = evaluate_config(compose("evaluate", [*words, "sets=[set5]", f"out={tmp_path}"]))
    assert row.psnr == pytest.approx(31.939, abs=0.02) and row.ssim == pytest.approx(0.8923, abs=2e-4)
    assert row.published == {"psnr": 31.96, "ssim": 0.8925} and abs(row.psnr - 31.96) < 0.05
    assert round(row.multiply_adds / 1e9, 1) == 89.3


def test_multiply_adds():
    """347.7, 156.4 and 89.3 G for 1280 x 720 pixels, as counted on the authors' PyTorch network."""
    counts = [multiply_adds(find_method("srmd")({"scale": scale, "noise": False}), scale) / 1e9 for scale in (2, 3, 4)]
    assert [round(count, 1) for count in counts] == [347.7, 156.4, 89.3]
