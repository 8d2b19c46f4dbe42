"""The prior loss with networks of a user's module."""

import pytest
import torch

from srlab.errors import SrlabError
from srlab.losses.prior import Prior

MODULE = """
import torch
from torch import nn

class Marks(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3)

    def forward(self, image):
        marks = self.conv(image)
        return marks, marks.mean((2, 3))

def marks() -> Marks:
    return Marks()

def nothing() -> nn.Module:
    return 3

def unannotated():
    raise AssertionError("called")

def unknown() -> "Nowhere":
    raise AssertionError("called")
"""


@pytest.fixture
def users_module(tmp_path, monkeypatch) -> None:
    (tmp_path / "users_prior.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(
    ("distance", "of_one"),
    [
        ("l2", lambda a, b: ((a - b) ** 2).mean()),
        ("l1", lambda a, b: (a - b).abs().mean()),
        ("cosine", lambda a, b: (1 - (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))).mean()),
    ],
)
def test_averages_over_the_networks_outputs(users_module, distance, of_one, images):
    term = Prior("users_prior:marks", distance).double()
    sr, hr, lr = images
    pairs = zip(term.network(sr), term.network(hr), strict=True)
    expected = torch.stack([of_one(found.flatten(1), wanted.flatten(1)) for found, wanted in pairs]).mean()
    assert float(term(sr, hr, lr)) == pytest.approx(float(expected))


def test_the_network_is_frozen(users_module, images):
    term = Prior("users_prior:Marks").double()  # the class itself
    sr, hr, lr = images
    sr.requires_grad_()
    term(sr, hr, lr).backward()
    assert sr.grad.abs().sum() > 0 and not list(term.parameters()) and not term.state_dict()
    assert all(p.grad is None and not p.requires_grad for p in term.network.network.parameters())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("users_priors:marks", r"cannot be imported \(No module named 'users_priors'\)\. Start in the module's folder"),
        ("users_prior:mark", "cannot be imported .module 'users_prior' has no attribute 'mark'"),
        ("users_prior:nothing", "returned a int; expected a torch.nn.Module"),
        ("users_prior:unannotated", r"annotated to return one: def unannotated\(\) -> torch.nn.Module"),
        ("users_prior:unknown", "annotated to return one"),
        ("os:abort", "expected a subclass of torch.nn.Module"),
        ("os:system", "expected a subclass of torch.nn.Module"),
        ("pathlib:Path", "expected a subclass of torch.nn.Module"),
    ],
)
def test_mistakes(users_module, name, message):
    with pytest.raises(SrlabError, match=message) as error:
        Prior(name)
    assert "\n" not in str(error.value)
