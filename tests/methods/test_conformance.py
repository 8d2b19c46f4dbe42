"""What every method promises, for every yaml in conf/model: a new one is tested without touching this file."""

from pathlib import Path

import pytest
import torch
from helpers import MODELS as ALL_MODELS
from helpers import (
    build,
    has_weights,
    learns_by_steps,
    published_size,
    random_batch,
    random_condition,
    scales_of,
)
from programs import finished, script

from srlab.errors import SrlabError
from srlab.methods.loading import load_checkpoint

MODELS = [model for model in ALL_MODELS if scales_of(model)]  # test_new_model.py says what is wrong with the others
MODELS_AND_SCALES = [(model, scale) for model in MODELS for scale in scales_of(model)]


@pytest.mark.parametrize(("model", "scale"), MODELS_AND_SCALES)
def test_builds_with_the_published_number_of_parameters(model, scale):
    with torch.device("meta"):
        method = build(model, small=False, scale=scale)
    count = sum(p.numel() for p in method.network.parameters() if p.requires_grad)
    expected = published_size(model, scale)
    if expected is None and has_weights(method):
        pytest.skip("published.yaml has no count; test_new_model.py says so")
    assert count == (expected or 0)


@pytest.mark.parametrize("model", MODELS)
def test_a_step_at_every_scale_moves_every_trainable_parameter(model):
    method = build(model, scale=scales_of(model)[0])
    if not learns_by_steps(method):
        with pytest.raises(SrlabError, match="no weights to train"):
            method.configure_optimizers()
        return
    configured = method.configure_optimizers()
    optimizer = (configured[0] if isinstance(configured, tuple) else configured)["optimizer"]
    before = {name: p.detach().clone() for name, p in method.network.named_parameters() if p.requires_grad}
    for scale in 2 * (method.traits.scales or (2,)):  # what ends in weights of 0 has a gradient from the second step on
        optimizer.zero_grad()
        method.objective(random_batch(method, scale))[0].backward()
        optimizer.step()
    now = dict(method.network.named_parameters())
    unmoved = [name for name, value in before.items() if torch.equal(now[name], value)]
    # A convolution's bias before BatchNorm has no effect and hence no gradient but rounding.
    assert [name for name in unmoved if not name.endswith("bias")] == []
    assert len(unmoved) < len(before) / 4


@pytest.mark.parametrize("model", MODELS)
def test_checkpoint_round_trip(model, tmp_path):
    scale = scales_of(model)[0]
    method = build(model, scale=scale).eval()
    checkpoint = {"state_dict": method.state_dict(), "hyper_parameters": dict(method.hparams)}
    method.on_save_checkpoint(checkpoint)
    path = tmp_path / "a.ckpt"
    torch.save(checkpoint, path)
    loaded = load_checkpoint(path)
    assert type(loaded) is type(method) and loaded.label == Path(model).name
    lr, condition = torch.rand(1, 3, 9, 11), random_condition(method, 1)
    assert torch.equal(loaded.upscale(lr, scale, condition=condition), method.upscale(lr, scale, condition=condition))


@pytest.mark.parametrize(("model", "scale"), MODELS_AND_SCALES)
@pytest.mark.parametrize("channels", [1, 3])
def test_upscales_odd_sizes(model, channels, scale):
    method = build(model, scale=scale)
    sr = method.upscale(torch.rand(1, channels, 13, 7), scale, condition=random_condition(method, 1))
    assert sr.shape == (1, channels, 13 * scale, 7 * scale)
    assert sr.dtype == torch.float32 and sr.min() >= 0 and sr.max() <= 1


@pytest.mark.parametrize(("model", "scale"), MODELS_AND_SCALES)
def test_tiles_equal_the_whole(model, scale):
    method = build(model, scale=scale)
    lr = torch.rand(1, 3, 41, 37)
    if method.traits.receptive_field is None:
        pytest.skip("sees everywhere")
    condition = random_condition(method, 1)
    whole = method.upscale(lr, scale, condition=condition)
    torch.testing.assert_close(method.upscale(lr, scale, condition=condition, tile=10), whole, atol=2e-5, rtol=0)


@pytest.mark.parametrize(("model", "scale"), MODELS_AND_SCALES)
def test_sees_no_further_than_its_receptive_field(model, scale):
    method = build(model, scale=scale).eval()
    reach = method.traits.receptive_field
    if reach is None:
        pytest.skip("sees everywhere")
    side = 2 * reach + 9
    side += -side % method.traits.size_multiple
    lr = torch.rand(1, method.traits.channels or 1, side, side, requires_grad=True)
    centre = side // 2 * scale
    sr = method.network(lr, scale, random_condition(method, 1))
    sr[..., centre : centre + scale, centre : centre + scale].sum().backward()
    rows = lr.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    assert side // 2 - reach <= rows.min() and rows.max() <= side // 2 + reach
    assert len(rows) > 0


@pytest.mark.parametrize("model", MODELS)
def test_a_scale_that_it_does_not_have_is_refused(model):
    method = build(model, scale=scales_of(model)[0])
    if method.traits.scales is None:
        pytest.skip("has every scale")
    with pytest.raises(SrlabError, match="scale=5"):
        method.upscale(torch.rand(1, 3, 8, 8), 5)


@pytest.mark.parametrize("model", MODELS)
def test_hyper_parameters_are_plain_values(model):
    def plain(value) -> bool:
        if isinstance(value, dict):
            return all(isinstance(key, str) and plain(item) for key, item in value.items())
        if isinstance(value, list):
            return all(map(plain, value))
        return value is None or type(value) in (bool, int, float, str)

    assert plain(dict(build(model, scale=scales_of(model)[0]).hparams))


def test_one_ddp_step_of_every_method(tmp_path):
    """Two real processes over gloo: each has the gradient that one process has on the whole batch."""
    step = Path(__file__).with_name("ddp_step.py")
    assert finished([script(step, str(rank), str(tmp_path / "meet")) for rank in range(2)]) == [0, 0]


@pytest.mark.parametrize("model", MODELS)
def test_a_state_dict_shows_its_networks_arguments(model):
    method = build(model, scale=scales_of(model)[0])
    network, given = method.network, method.hparams["network"]
    if not has_weights(method):
        assert network.arguments_of(network.state_dict()) is None
        return
    arguments = network.arguments_of(network.state_dict())
    assert arguments is not None, f"{type(network).__name__}.infer_arguments does not give arguments of its own weights"
    assert {key: value for key, value in given.items() if key not in network.unseen}.items() <= arguments.items()
    assert network.arguments_of({**network.state_dict(), "extra": torch.zeros(1)}) is None


def test_clipping_bounds_the_gradient_norm():
    method = build("edsr_baseline")
    optimizer = method.configure_optimizers()["optimizer"]
    method.objective(random_batch(method, 2))[0].backward()
    norm = torch.cat([p.grad.flatten() for p in method.network.parameters()]).norm()
    method.configure_gradient_clipping(optimizer, float(norm) / 3, "norm")
    clipped = torch.cat([p.grad.flatten() for p in method.network.parameters()]).norm()
    assert float(clipped) == pytest.approx(float(norm) / 3, rel=1e-4)


def test_a_result_that_is_not_finite_is_an_error():
    method = build("edsr_baseline")
    torch.nn.init.constant_(method.network.head.weight, float("nan"))
    with pytest.raises(SrlabError, match="the result is not finite"):
        method.upscale(torch.rand(1, 3, 8, 8), 2)
