"""Names in checkpoints, and our own, through a whole evaluation: labels, never paths, markup or mathematics."""

import json

import pytest
import torch
from helpers import write_image
from mutated_checkpoints import checkpoint_content

from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.data.photos import photo

NAMES = ["x/../../../ESCAPED", "[/b]", "a\0b", "n" * 300, "$\\frac{$", "\x1b[2J\u202e", "_", "con"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets") / "tiny"
    write_image(folder / "a.png", photo("astronaut")[100:148, 200:248])
    return folder


def checkpoint(path, name):
    content = checkpoint_content("edsr")
    content["hyper_parameters"]["recipe"]["name"] = name
    torch.save(content, path)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_a_checkpoint(tiny, tmp_path, capsys, name):
    ckpt, out = checkpoint(tmp_path / "a.ckpt", name), tmp_path / "a" / "b" / "out"
    options = [f"sets=[{tiny}]", "trainer.accelerator=cpu", f"out={out}", "save_images=true", f"ckpt={ckpt}"]
    (row,) = evaluate_config(compose("evaluate", options))
    assert row.method == name
    assert json.loads((out / "results.json").read_text(encoding="utf-8"))["rows"][0]["method"] == name
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "\0" not in printed and "\u202e" not in printed
    everything = {path for path in tmp_path.rglob("*") if path.is_file()} - {ckpt}
    assert all(out in path.parents for path in everything)
    (image,) = out.glob("images/tiny_x2/*.png")
    assert image.name.startswith("a_") and (out / "comparison_x2.png").is_file()


def test_results_are_there_before_the_table(tiny, tmp_path, monkeypatch):
    """Whatever happens to the table, or to the figure after it."""

    def fail(*_):
        raise BrokenPipeError

    monkeypatch.setattr("srlab.commands.evaluation.print_table", fail)
    options = [f"sets=[{tiny}]", "trainer.accelerator=cpu", f"out={tmp_path}", "model=bicubic", "scale=2"]
    with pytest.raises(BrokenPipeError):
        evaluate_config(compose("evaluate", options))
    assert (tmp_path / "results.json").is_file() and (tmp_path / "results.csv").is_file()
