"""Weights of other projects: their outputs from our networks, and their files back again."""

import re
from pathlib import Path

import pytest
import torch
from helpers import SHARED, needs_shared
from programs import call
from safetensors.torch import save_file

from srlab.errors import SrlabError
from srlab.methods import find_method
from srlab.methods.loading import load_weights, transfer
from srlab.methods.super_resolver import SuperResolver
from srlab.weights.conversion import convert
from srlab.weights.files import read_file, unwrapped
from srlab.weights.layouts import LAYOUTS
from srlab.weights.recognition import recognise

# Their names of a layout, and of the arguments of networks.
PROJECTS = {
    "thstkdgus35/EDSR-PyTorch": "edsr_pytorch",
    "XPixelGroup/BasicSR": "basicsr",
    "JiahuiYu/wdsr_ntire2018": "wdsr_2018",
    "ychfan/wdsr": "wdsr_ychfan",
    "twtygqyy/pytorch-vdsr": "vdsr_twtygqyy",
    "nmhkahn/CARN-pytorch": "carn_pytorch",
    "twtygqyy/pytorch-LapSRN": "lapsrn_twtygqyy",
    "fperazzi/proSR": "prosr",
    "yulunzhang/RCAN": "edsr_pytorch",
    "alterzero/DBPN-Pytorch": "dbpn_pytorch",
    "Paper99/SRFBN_CVPR19": "srfbn",
    "daitao/SAN": "san",
    "wwlCape/HAN": "han",
    "SHI-Labs/Cross-Scale-Non-Local-Attention": "csnln",
}
METHODS = {"EDSR": "edsr", "MDSR": "mdsr", "WDSR-A": "wdsr", "WDSR-B": "wdsr", "WDSR": "wdsr", "VDSR": "vdsr"}
METHODS |= {"ProSR": "prosr", "ProSRs": "prosr"}
METHODS |= {"CARN": "carn", "CARN-M": "carn"}
METHODS |= {"LapSRN": "lapsrn"}
METHODS |= {"RDN": "rdn", "RCAN": "rcan"}
METHODS |= {"D-DBPN": "dbpn", "SRFBN": "srfbn"}
METHODS |= {"SAN": "san", "HAN": "han", "CSNLN": "csnln"}
# Arguments that the configs of the golden files have, ours and theirs, where that is all there is to do.
NAMES = {
    "vdsr": {"depth": "layers", "features": "features"},
    "rdn": {"scale": "scale", "blocks": "D", "layers": "C", "growth": "G", "features": "G0"},
    "dbpn": {"scale": "scale", "features": "base_filter", "shallow_features": "feat", "stages": "stages"},
    "srfbn": {name: name for name in ("scale", "features", "groups", "steps")},
    "san": {name: name for name in ("scale", "features", "groups", "blocks", "reduction")},
    "han": {name: name for name in ("scale", "features", "groups", "blocks", "reduction")},
    "csnln": {"scale": "scale", "features": "features", "recursions": "depth"},
}


def golden_files() -> list[str]:
    files = []
    for path in sorted((SHARED / "golden").glob("*.pt")):
        content = torch.load(path, weights_only=True)
        if content.get("method") in METHODS and content.get("layout") in PROJECTS:
            files.append(path.name)
    return files


GOLDEN = golden_files()


def golden(file: str) -> dict:
    return torch.load(SHARED / "golden" / file, weights_only=True)


def arguments(content: dict) -> dict:
    """The constructor's arguments of our network, from a golden file's config."""
    config, method = content["config"], METHODS[content["method"]]
    if method in NAMES:
        return {own: config[theirs] for own, theirs in NAMES[method].items()}
    if method == "rcan":
        own = {name: config[name] for name in ("scale", "features", "groups", "blocks")}
        reduction = config.get("reduction") or config["squeeze_factor"]
        return own | {"reduction": reduction, "residual_scale": config.get("res_scale", 1.0)}
    if method == "carn":
        scales = [2, 3, 4] if config["multi_scale"] else [config["scale"]]
        mobile = {"blocks": 1, "recursions": 3, "block": "efficient"} if config["mobile"] else {}
        return {"scales": scales, "features": config["features"], "groups": config["group"], **mobile}
    if method == "prosr":
        return prosr_arguments(config)
    if method == "lapsrn":
        return {"scale": config["scale"], "features": config["features"], "depth": config["depth"], "kernel": 4}
    own = {"features": config["features"], "blocks": config["blocks"], "residual_scale": config.get("res_scale", 1.0)}
    own |= {"scales": config["scales"]} if method == "mdsr" else {"scale": config["scale"]}
    if method == "wdsr":
        b = content["method"] == "WDSR-B"
        own |= {"block": "b", "expansion": 6} if b else {"block": "a", "expansion": 4}
    return own


def prosr_arguments(config: dict) -> dict:
    units = config["level_config"]
    own = {"blocks": [len(level) for level in units], "layers": units[0][0], "features": config["num_init_features"]}
    own |= {"growth": config["growth_rate"], "bottleneck": config["bn_size"]}
    if config["residual_denseblock"]:
        return own | {"block": "residual", "residual_scale": config["res_factor"]}
    shares = {f"{name}_compression": config[f"{name}_compression"] for name in ("block", "level")}
    return own | {"block": "dense", **shares}


def network_of(content: dict) -> SuperResolver:
    return find_method(METHODS[content["method"]])(arguments(content))


@needs_shared
def test_every_layout_has_golden_files():
    seen = {(PROJECTS[golden(file)["layout"]], METHODS[golden(file)["method"]]) for file in GOLDEN}
    # Tested with the authors' own files, in tests/networks.
    authors = {("authors", network) for network in ("fsrcnn", "srcnn", "lapsrn", "ms_lapsrn")}
    authors.add(("kair", "srmd"))  # its golden files lack the basis of kernels
    assert seen | authors == {(layout.name, layout.network) for layout in LAYOUTS}


@needs_shared
@pytest.mark.parametrize("file", GOLDEN)
def test_outputs_are_those_of_the_other_project(file, tmp_path):
    content = golden(file)
    torch.save(content["state_dict"], tmp_path / "a.pt")
    method = network_of(content)
    load_weights(method, tmp_path / "a.pt")
    scale = 1 if METHODS[content["method"]] == "vdsr" else content["config"]["scale"]  # VDSR's input is enlarged
    if METHODS[content["method"]] == "prosr":  # what its program's network gives, before the enlarged image is added
        ours = method.network.residual(content["input"], scale)
    else:
        ours = method.eval()(content["input"] / content["range"], scale) * content["range"]
    assert (ours - content["output"]).abs().max() < 1e-5 * content["output"].abs().max()


def is_unused(content: dict, key: str) -> bool:
    """Whether a key is of a module that the other project's program makes and never applies."""
    return content["method"] == "SAN" and (
        re.fullmatch(r"RG\.\d+\.gamma", key) is not None or key.startswith(("conv_last.", "non_local.soca."))
    )


@needs_shared
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("file", GOLDEN)
def test_there_and_back_is_exact(file, suffix, tmp_path):
    content = golden(file)
    source, own, back = (tmp_path / f"{name}{suffix}" for name in ("source", "own", "back"))
    state = {key: value.clone().contiguous() for key, value in content["state_dict"].items()}
    torch.save(state, source) if suffix == ".pt" else save_file(state, source)
    convert(source, own, "srlab")
    convert(own, back, PROJECTS[content["layout"]])
    written = read_file(back)
    written = next((value for value in written.values() if isinstance(value, dict)), written)
    state = unwrapped(state)  # one file has the names that DataParallel gives
    assert written.keys() == state.keys()
    for key, value in state.items():
        expected = torch.zeros_like(value) if is_unused(content, key) else value
        # A .safetensors file in srlab's layout is a whole network, which is read in float32.
        expected = expected.float() if suffix == ".safetensors" and value.is_floating_point() else expected
        assert written[key].dtype == expected.dtype and torch.equal(written[key], expected), key


@needs_shared
@pytest.mark.parametrize("file", GOLDEN)
def test_keys_tell_the_method_and_its_size(file):
    content = golden(file)
    found = recognise(unwrapped(content["state_dict"]))
    assert (found.network, found.layout.name) == (METHODS[content["method"]], PROJECTS[content["layout"]])
    unseen = ("residual_scale", "steps")
    shown = {key: value for key, value in arguments(content).items() if key not in unseen}
    assert shown.items() <= found.arguments.items()


def edsr(scale=2, seed=0):
    torch.manual_seed(seed)
    return find_method("edsr")({"scale": scale, "features": 4, "blocks": 2})


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"params": state},
        lambda state: {"params_ema": state, "params": {}},
        lambda state: {"params_ema": {}, "params": state},
        lambda state: {"state_dict": {f"module.{key}": value for key, value in state.items()}, "epoch": 3},
        lambda state: {f"module.{key}": value for key, value in state.items()},
    ],
)
def test_wrapped_state_dicts(wrap, tmp_path):
    source, target = edsr(seed=1), edsr()
    convert_to = next(layout for layout in LAYOUTS if layout.name == "basicsr")
    torch.save(wrap(convert_to.from_own(source.network.state_dict())), tmp_path / "a.pth")
    load_weights(target, tmp_path / "a.pth")
    assert torch.equal(target.network.body[1].body[2].weight, source.network.body[1].body[2].weight)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.name}-{layout.network}")
def test_our_own_weights_there_and_back(layout, tmp_path):
    """Without golden files: the names are a bijection, and the layout is recognised among all."""
    sizes = {"vdsr": {"depth": 4, "features": 3}, "edsr": {"scale": 3, "features": 3, "blocks": 2},
             "mdsr": {"scales": [2, 4], "features": 3, "blocks": 2},
             "srmd": {"scale": 3, "features": 4, "convolutions": 3, "noise": False},
             "srcnn": {"kernels": [3, 1, 3, 5], "widths": [4, 3, 2]},
             "carn": {"scales": [2, 4], "features": 4, "groups": 2, "block": "efficient"},
             "fsrcnn": {"scale": 2, "features": 6, "shrunken": 3, "mapping": 2},
             "prosr": {"blocks": [2, 1], "layers": 2, "features": 6, "growth": 3, "bottleneck": 2},
             "lapsrn": {"scale": 8, "features": 3, "depth": 3}, "ms_lapsrn": {"features": 3, "depth": 2},
             "rdn": {"scale": 4, "features": 4, "blocks": 2, "layers": 3, "growth": 3},
             "rcan": {"scale": 4, "features": 4, "groups": 3, "blocks": 2, "reduction": 2},
             "dbpn": {"scale": 8, "features": 3, "shallow_features": 4, "stages": 4},
             "san": {"scale": 2, "features": 4, "groups": 3, "blocks": 2, "reduction": 2},
             "han": {"scale": 3, "features": 4, "groups": 2, "blocks": 3, "reduction": 2},
             "csnln": {"scale": 4, "features": 4, "recursions": 3},
             "srfbn": {"scale": 3, "features": 3, "groups": 3},
             "wdsr": {"scale": 2, "features": 6, "blocks": 2, "block": "b", "expansion": 3}}  # fmt: skip
    kernel = {"kernel": 4} if layout.name == "lapsrn_twtygqyy" else {}
    state = find_method(layout.network)({**sizes[layout.network], **kernel}).network.state_dict()
    constants = [key for key in state if key.startswith("mean.")]
    for key in constants:
        del state[key]
    layout.complete(state)  # the constants that the project's code has
    # Of those whose files hold the mean.
    ranges = {"edsr_pytorch": 255.0, "carn_pytorch": 1.0, "srfbn": 255.0, "csnln": 1.0}
    if not state.keys() >= set(constants):
        state |= {"mean.mean": torch.tensor([1.0, 2.0, 3.0]), "mean.value_range": torch.tensor(ranges[layout.name])}
    theirs = layout.from_own(state)
    assert len(theirs) == len(set(theirs)) and set(theirs) != set(state)
    found = recognise(theirs)
    assert (found.layout, found.network) == (layout, layout.network)
    assert found.state.keys() == state.keys()
    assert all(torch.equal(found.state[key], state[key]) for key in state)


def test_init_from_takes_another_projects_x2_for_x4(tmp_path):
    source, target = edsr(seed=1), edsr(scale=4)
    layout = next(layout for layout in LAYOUTS if layout.name == "edsr_pytorch" and layout.network == "edsr")
    torch.save(layout.from_own(source.network.state_dict()), tmp_path / "x2.pt")
    _, left = transfer(target, tmp_path / "x2.pt")
    assert left == ["tail.0.2.weight", "tail.0.2.bias"]
    assert torch.equal(target.network.head.weight, source.network.head.weight)


def test_a_mean_shift_that_was_trained_is_refused(tmp_path):
    layout = next(layout for layout in LAYOUTS if layout.name == "edsr_pytorch" and layout.network == "edsr")
    state = layout.from_own(edsr().network.state_dict())
    state["sub_mean.weight"] = state["sub_mean.weight"] * 1.01
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(SrlabError, match=r"missing \(mean\.mean.*4 unexpected \(sub_mean\.weight"):
        load_weights(edsr(), tmp_path / "a.pt")


def save_state(method: SuperResolver, path: Path) -> Path:
    torch.save(method.network.state_dict(), path)
    return path


def test_what_a_layout_cannot_hold(tmp_path):
    vdsr = find_method("vdsr")({"depth": 3, "features": 2})
    torch.nn.init.ones_(vdsr.network.layers[1].bias)
    with pytest.raises(SrlabError, match=r"layers\.1\.bias is not 0"):
        convert(save_state(vdsr, tmp_path / "a.pt"), tmp_path / "b.pt", "vdsr_twtygqyy")
    with_norm = find_method("edsr")({"scale": 2, "features": 4, "blocks": 1, "norm": "batch"})
    with pytest.raises(SrlabError, match=r"basicsr: BasicSR has no place for body\.0\.body\.1"):
        convert(save_state(with_norm, tmp_path / "a.pt"), tmp_path / "b.pt", "basicsr")
    for kernel, theirs, layout in ((3, 4, "lapsrn_twtygqyy"), (4, 3, "authors")):
        lapsrn = find_method("lapsrn")({"scale": 2, "features": 2, "depth": 1, "kernel": kernel})
        with pytest.raises(SrlabError, match=rf"levels\.0\.upsampler is {kernel}x{kernel}, .* has {theirs}x{theirs}"):
            convert(save_state(lapsrn, tmp_path / "a.pt"), tmp_path / "b.pt", layout)
    wdsr = find_method("wdsr")({"scale": 2, "features": 4, "blocks": 1})
    transposed = find_method("edsr")({"scale": 2, "features": 4, "blocks": 1, "upsampler": "transposed"})
    with pytest.raises(SrlabError, match=r"EDSR-PyTorch has no transposed upsampler"):
        convert(save_state(transposed, tmp_path / "a.pt"), tmp_path / "b.pt", "edsr_pytorch")
    with pytest.raises(SrlabError, match=r"mean\.mean is .* has \[0\.5, 0\.5, 0\.5\] fixed"):
        convert(save_state(wdsr, tmp_path / "a.pt"), tmp_path / "b.pt", "wdsr_ychfan")


@needs_shared
@pytest.mark.parametrize("method", ["edsr", "mdsr", "wdsr", "vdsr"])
@pytest.mark.parametrize("file", ["edsr_x2.pt", "edsr_basicsr_x4.pt", "mdsr_x2.pt", "wdsr_b_x3.pt", "wdsr_ychfan_x2.pt",
                                  "vdsr_y.pt"])  # fmt: skip
def test_weights_of_another_method_are_named(file, method, tmp_path):
    content = golden(file)
    true = METHODS[content["method"]]
    if method == true:
        return
    torch.save(content["state_dict"], tmp_path / "a.pt")
    target = find_method(method)({"scale": 2} if method in ("edsr", "wdsr") else {})
    project = next(layout.project for layout in LAYOUTS if layout.name == PROJECTS[content["layout"]])
    with pytest.raises(SrlabError, match=f"They look like {true} by {project}: "):
        load_weights(target, tmp_path / "a.pt")
    with pytest.raises(SrlabError, match=f"(They look like {true} by {project}: )|(of another shape)") as error:
        if transfer(target, tmp_path / "a.pt"):  # some shapes may fit by chance
            raise SrlabError("of another shape")
    assert str(error.value)


def test_what_a_file_lacks_is_never_made_up(tmp_path):
    vdsr = find_method("vdsr")({"depth": 4, "features": 3}).network.state_dict()
    without_bias = {key: value for key, value in vdsr.items() if key != "layers.1.bias"}
    own_edsr = edsr().network.state_dict()
    without_mean = {key: value for key, value in own_edsr.items() if not key.startswith("mean.")}
    for state in (without_bias, without_mean):
        torch.save(state, tmp_path / "a.pt")
        assert recognise(state) is None
        with pytest.raises(SrlabError, match="not the weights of a network"):
            convert(tmp_path / "a.pt", tmp_path / "b.pt", "srlab")


def test_another_depth_of_the_same_layout(tmp_path):
    layout = next(layout for layout in LAYOUTS if layout.network == "vdsr")
    deep = find_method("vdsr")({"depth": 12, "features": 3})
    torch.save(layout.from_own(deep.network.state_dict()), tmp_path / "a.pt")
    shallow = find_method("vdsr")({"depth": 4, "features": 3})
    taken, left = transfer(shallow, tmp_path / "a.pt")
    assert "layers.1.weight" in taken and set(left) <= {"layers.3.weight", "layers.3.bias"}
    with pytest.raises(SrlabError, match=r"16 unexpected \(layers\.4\.weight"):
        load_weights(shallow, tmp_path / "a.pt")


@pytest.mark.parametrize(
    "state",
    [
        {"layers.0.weight": torch.tensor(1.0), "layers.1.weight": torch.tensor(1.0)},
        {"sub_mean.bias": torch.tensor(1.0), "head.0.weight": torch.zeros(3)},
        {"upsample.0.0.weight": torch.zeros(3)},
        {},
    ],
)
def test_odd_state_dicts(state, tmp_path):
    torch.save(state, tmp_path / "a.pt")
    for method in ("edsr", "mdsr", "vdsr", "wdsr"):
        with pytest.raises(SrlabError, match="do not fit"):
            load_weights(find_method(method)({"scale": 2} if method in ("edsr", "wdsr") else {}), tmp_path / "a.pt")


def test_keys_that_are_no_names(tmp_path):
    torch.save({0: torch.zeros(1)}, tmp_path / "a.pt")
    with pytest.raises(SrlabError, match="0 is a Tensor; expected a state dict"):
        load_weights(edsr(), tmp_path / "a.pt")


def test_a_folder_that_cannot_be_made(tmp_path):
    path = save_state(edsr(), tmp_path / "a.pt")
    with pytest.raises(SrlabError, match="cannot be made"):
        convert(path, path / "b.pt", "basicsr")


def test_what_cannot_be_converted(tmp_path):
    path = save_state(edsr(), tmp_path / "a.pt")
    with pytest.raises(SrlabError, match=r"layout=basic_sr: for edsr there are srlab, .*Did you mean 'basicsr'"):
        convert(path, tmp_path / "b.pt", "basic_sr")
    with pytest.raises(SrlabError, match=r"ends in \.pt, \.pth, \.safetensors"):
        convert(path, tmp_path / "b.onnx", "basicsr")
    torch.save({"a": torch.zeros(1)}, tmp_path / "c.pt")
    with pytest.raises(SrlabError, match="not the weights of a network that srlab has; they start with a"):
        convert(tmp_path / "c.pt", tmp_path / "b.pt", "srlab")
    torch.save(
        {"conv_first.weight": torch.zeros(1), "model.1.sub.0.RDB1.conv1.0.weight": torch.zeros(1)}, tmp_path / "c.pt"
    )
    with pytest.raises(SrlabError, match=r"c\.pt: holds the weights of RRDBNet.*, which srlab does not have"):
        convert(tmp_path / "c.pt", tmp_path / "b.pt", "srlab")
    torch.save([torch.zeros(1)], tmp_path / "c.pt")
    with pytest.raises(SrlabError, match=r"c\.pt: holds a list; expected a dictionary of tensors"):
        convert(tmp_path / "c.pt", tmp_path / "b.pt", "srlab")
    torch.save({"a": 1}, tmp_path / "c.pt")
    with pytest.raises(SrlabError, match="a is a int; expected a state dict"):
        convert(tmp_path / "c.pt", tmp_path / "b.pt", "srlab")


def test_the_program(tmp_path):
    save_state(edsr(), tmp_path / "a.pt")
    done = call(tmp_path, "srlab", "convert", "a.pt", "b.safetensors", "layout=edsr_pytorch")
    assert done.returncode == 0 and "edsr, 18 tensors" in done.stdout
    assert "sub_mean.bias" in read_file(tmp_path / "b.safetensors")
    failed = call(tmp_path, "srlab", "convert", "a.pt", "b.pt", "basicsr")
    assert failed.returncode == 1 and failed.stderr.startswith("error: basicsr: expected layout=VALUE.")
