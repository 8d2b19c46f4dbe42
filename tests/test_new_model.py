"""What a new file in conf/model still needs, all of it in one message."""

import re

import pytest
from helpers import MODELS, ROOT, build, has_weights, scales_of

from srlab.evaluation.published import published_parameters

LARGEST_TINY = 200_000  # parameters with which the tests stay fast


def missing(model: str) -> list[str]:
    """What is not there yet, and in which file it belongs."""
    scales = scales_of(model)
    if not scales:
        return ["conf/model: the yaml builds at none of the scales 2, 3, 4 and 8"]
    method = build(model, scale=scales[0])
    network, key = type(method.network), method.key
    file = f"src/srlab/networks/{network.__module__.rpartition('.')[2]}.py"
    found = []
    if sum(p.numel() for p in method.network.parameters()) > LARGEST_TINY:
        found.append(f"{file}: {network.__name__}.tiny, arguments of a small network for the tests")
    if has_weights(method):
        if method.network.arguments_of(method.network.state_dict()) is None:
            found.append(f"{file}: {network.__name__}.infer_arguments, the arguments that shapes of weights show")
        if published_parameters(model, scales[0]) is None:
            found.append(f"src/srlab/evaluation/published.yaml: {model}: the published number of parameters, by scale")
        if not re.search(rf"`{re.escape(model)}`|`{re.escape(key)}`", (ROOT / "docs" / "methods.md").read_text()):
            found.append(f"docs/methods.md: what `{model}` introduced, and how it is trained")
    if f"`{model}`" not in (ROOT / "README.md").read_text():
        found.append(f"README.md: a row with `{model}` in the table of methods")
    return found


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_missing_of_a_model(model):
    found = missing(model)
    assert not found, f"model={model} still needs\n" + "\n".join(f"  - {text}" for text in found)
