"""Networks between two: their ends, their mean, what becomes of BatchNorm, the file, and what is refused."""

import json

import pytest
import torch
from helpers import build

from srlab.commands.interpolate import TOOL, main
from srlab.commands.network_interpolation import Request, interpolated
from srlab.commands.network_interpolation import run as write_between
from srlab.errors import SrlabError
from srlab.evaluation.interpolation_curve import curve
from srlab.methods import METHODS, find_method
from srlab.methods.loading import load_checkpoint
from srlab.metrics.metric import PSNR, SSIM, Metric, Quality
from srlab.weights.checkpoint import write_checkpoint
from srlab.weights.interpolation import interpolated_state


def requested(words) -> Request:
    values = TOOL.values(["a.ckpt", "b.ckpt", *words])
    return Request.of(values["alpha"], values["out"], values["options"])


def run(first, second, words):
    return write_between(first, second, requested(words))


def network(model="srresnet", seed=0, name=None, **arguments):
    """A small one, with BatchNorm statistics that differ, as after training."""
    method = build(model)
    torch.manual_seed(seed)
    method = type(method)(
        {**method.hparams["network"], **arguments}, {**method.hparams["recipe"], "name": name or model}
    )
    with torch.no_grad():
        for buffer in method.network.buffers():
            buffer.copy_(
                torch.full_like(buffer, 7 + seed) if not buffer.is_floating_point() else torch.rand_like(buffer)
            )
    return method.eval()


def keep(method, path) -> None:
    write_checkpoint(path, method.key, method.hparams, method.state_dict())


@pytest.fixture
def ends(tmp_path):
    paths = [tmp_path / "a.ckpt", tmp_path / "b.ckpt"]
    for seed, (path, name) in enumerate(zip(paths, ("plain", "sharp"), strict=True)):
        keep(network(seed=seed, name=name), path)
    return paths


def test_the_ends_are_the_networks_to_the_bit():
    a, b = network(seed=0), network(seed=1)
    for alpha, end in ((0.0, a), (1.0, b)):
        state = interpolated(a, b, alpha).network.state_dict()
        expected = end.network.state_dict()
        assert state.keys() == expected.keys()
        assert all(torch.equal(state[k], v) for k, v in expected.items() if v.is_floating_point())
    lr = torch.rand(1, 3, 9, 11, generator=torch.Generator().manual_seed(0))
    assert torch.equal(interpolated(a, b, 1.0)(lr, 2), b(lr, 2))


def test_the_middle_is_the_mean_also_of_batch_norm_and_counts_are_as():
    a, b = (network(seed=seed).network.state_dict() for seed in (0, 1))
    middle = interpolated_state(a, b, 0.5)
    assert any(key.endswith("running_var") for key in a) and any(key.endswith("num_batches_tracked") for key in a)
    for key, value in middle.items():
        expected = (a[key] + b[key]) / 2 if value.is_floating_point() else a[key]
        torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-8)


def test_a_blend_of_two_methods_of_one_network_is_the_plain_ones():
    plain = network(name="srresnet")
    srgan = METHODS["srgan"](plain.hparams["network"], {"name": "srgan", "loss": {}, "ema": 0.0})
    for a, b, name in ((plain, srgan, "srresnet-srgan_0.25"), (srgan, plain, "srgan-srresnet_0.25")):
        blend = interpolated(a, b, 0.25)
        assert (blend.key, blend.label) == ("srresnet", name)
    assert interpolated(plain, plain, 0.5).label == "srresnet_0.5"


def test_averaged_weights_are_the_ones_that_are_interpolated():
    a, b = network(seed=0), network(seed=1)
    averaging = type(a)(a.hparams["network"], {**a.hparams["recipe"], "ema": 0.9})
    averaging.averaged.load_state_dict(b.network.state_dict())
    assert torch.equal(
        interpolated(averaging, a, 0.0).network.state_dict()["head.0.weight"], b.network.state_dict()["head.0.weight"]
    )


def test_the_file_is_a_checkpoint_of_ours(ends, tmp_path, capsys):
    (path,) = run(*ends, ["alpha=0.3", str(tmp_path / "blend.ckpt")])
    assert path == tmp_path / "blend.ckpt" and f"written: {path}" in capsys.readouterr().out
    blend, (a, b) = load_checkpoint(path), map(load_checkpoint, ends)
    expected = interpolated(a, b, 0.3).network.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in blend.network.state_dict().items())
    assert blend.label == "plain-sharp_0.3"
    again = find_method("srresnet").load_from_checkpoint(path, weights_only=True)
    assert torch.equal(again.network.state_dict()["head.0.weight"], expected["head.0.weight"])
    origin = torch.load(path, weights_only=True)["srlab"]["interpolation"]
    assert origin == {"a": str(ends[0]), "b": str(ends[1]), "alpha": 0.3}


def test_a_list_makes_a_folder_of_files(ends, tmp_path):
    run(*ends, ["alpha=[1,0,0.25]", str(tmp_path / "blends")])
    names = sorted(path.name for path in (tmp_path / "blends").iterdir())
    assert names == ["alpha_0.25.ckpt", "alpha_0.ckpt", "alpha_1.ckpt"]


@pytest.mark.filterwarnings("ignore:weights.*random")
def test_sets_evaluate_and_draw(ends, tmp_path):
    out = tmp_path / "blends"
    words = ["sets=[sample]", "metrics=[psnr,lpips]", "weights.alexnet=random", "trainer=cpu"]
    run(*ends, ["alpha=[0,1]", str(out), *words])
    rows = json.loads((out / "results.json").read_text())["rows"]
    assert [row["method"] for row in rows] == ["plain-sharp_0", "plain-sharp_1"]
    assert (out / "curve.png").is_file() and "lpips_random" in rows[0]


class Measured:
    set, scale, protocol = "set5", 4, "luma"

    def __init__(self, alpha, psnr, lpips):
        self.method, self.means = f"a-b_{alpha:g}", Quality(psnr=psnr, ssim=0.9, lpips=lpips)


def test_the_points_of_a_curve_are_in_the_order_of_alpha():
    rows = [Measured(1, 29.0, 0.1), Measured(0, 32.0, 0.2), Measured(0.5, 31.0, float("inf"))]
    alphas = {"a-b_0": 0.0, "a-b_0.5": 0.5, "a-b_1": 1.0}
    lpips, alpha = Metric("lpips", "LPIPS", "lower", 4), Metric("alpha", "α", None, 2)
    plane = curve(rows, alphas, PSNR.metric, lpips)
    points = [("α = 0", (32.0, 0.2)), ("α = 0.5", (31.0, float("inf"))), ("α = 1", (29.0, 0.1))]
    assert list(plane["set5 x4, protocol luma"].items()) == points  # the figure leaves out what is not finite
    line = curve(rows, alphas, alpha, SSIM.metric)
    assert list(line["set5 x4, protocol luma"].values()) == [(0.0, 0.9), (0.5, 0.9), (1.0, 0.9)]


def test_bare_weights_are_of_the_other_files_network_or_of_the_model(ends, tmp_path):
    bare = [tmp_path / "a.pt", tmp_path / "b.safetensors"]
    from srlab.weights.files import write_state

    for source, target in zip(ends, bare, strict=True):
        write_state(load_checkpoint(source).network.state_dict(), target)
    whole = load_checkpoint(run(*ends, ["alpha=0.5", str(tmp_path / "1.ckpt")])[0])
    half = load_checkpoint(run(ends[0], bare[1], ["alpha=0.5", str(tmp_path / "2.ckpt")])[0])
    sizes = [f"model.network.{key}={value}" for key, value in whole.hparams["network"].items() if key != "scale"]
    words = ["alpha=0.5", str(tmp_path / "3.ckpt"), "model=srresnet", "scale=2", *sizes]
    none = load_checkpoint(run(*bare, words)[0])
    for other in (half, none):
        assert all(torch.equal(v, other.network.state_dict()[k]) for k, v in whole.network.state_dict().items())
    with pytest.raises(SrlabError, match=r"a.pt: bare weights do not say of which network. Say model=NAME"):
        run(*bare, ["alpha=0.5", str(tmp_path / "4.ckpt")])


def test_networks_that_differ_are_refused(ends, tmp_path):
    other = tmp_path / "other.ckpt"
    keep(network(features=4), other)
    with pytest.raises(SrlabError, match="different networks, with nothing between: features is 8 and 4"):
        run(ends[0], other, ["alpha=0.5", str(tmp_path / "x.ckpt")])
    keep(network("edsr_baseline"), other)
    with pytest.raises(SrlabError, match=r"a\.ckpt is srresnet and .*other\.ckpt is edsr"):
        run(ends[0], other, ["alpha=0.5", str(tmp_path / "x.ckpt")])
    assert not (tmp_path / "x.ckpt").exists()


def test_checkpoints_need_no_model(ends):
    with pytest.raises(SrlabError, match="model=edsr: A and B are checkpoints"):
        run(*ends, ["alpha=0.5", "model=edsr", "scale=2"])


def test_an_end_is_not_overwritten(ends):
    before = ends[0].read_bytes()
    with pytest.raises(SrlabError, match="would be overwritten"):
        run(*ends, ["alpha=0.5", str(ends[0])])
    assert ends[0].read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "srlab interpolate: alpha=VALUE is needed: a number from 0 to 1"),
        (["out"], "alpha=VALUE is needed"),
        (["alpha=1.2"], "alpha=1.2: expected a number from 0"),
        (["alpha=[0,half]"], r"alpha=\[0,half\]: expected a number"),
        (["alpha=nan"], "alpha=nan: expected a number"),
        (["alpha=0.5", "a", "b"], "b: there is nothing left that it could be. usage: srlab interpolate A B"),
        (["--alpha", "0.5"], "--alpha: options are written KEY=VALUE. Say alpha=VALUE."),
        (["alpha=[0,1]", "a.ckpt"], "a.ckpt: there are several files to write"),
        (["alpha=0.5", "a.ckpt", "sets=[set5]"], "a.ckpt: there are several files to write"),
        (["alpha=0.5", "metrics=[lpips]"], "metrics=.* needs sets="),
        (["alpha=0.5", "ckpt=a.ckpt"], "ckpt=a.ckpt: here the weights are A and B"),
        (["alpha=0.5", "sets=[set5]", "metrcs=[lpips]"], "Did you mean 'metrics'"),
    ],
)
def test_mistakes(words, message):
    with pytest.raises(SrlabError, match=message):
        requested(words)


def test_words_in_any_order():
    request = requested(["runs/x=1/out", "sets=[set5]", "alpha=[1,0,1]", "metrics=[psnr]"])
    assert (request.alphas, str(request.out), request.options) == (
        [0.0, 1.0], "runs/x=1/out", ["sets=[set5]", "metrics=[psnr]"]
    )  # fmt: skip
    assert str(requested(["alpha=.8"]).path(0.8)) == "runs/interpolation/alpha_0.8.ckpt"


def test_the_command_shows_one_line(ends, capsys):
    with pytest.raises(SystemExit, match="1"):
        main([*map(str, ends), "alpha=2"])
    assert capsys.readouterr().err == (
        "error: alpha=2: expected a number from 0 (A) to 1 (B), or a list such as [0,0.5,1].\n"
    )
