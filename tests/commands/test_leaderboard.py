"""`srlab leaderboard`: its numbers are evaluate.py's, its files, its options, and what it says."""

import csv

import numpy as np
import pytest
import torch
from helpers import ROOT, SHARED, build, needs_shared, read_image, write_image
from leaderboard_folder import rows_and_images

from srlab.commands import leaderboard_run
from srlab.commands.evaluation import evaluate_config
from srlab.commands.leaderboard import main
from srlab.commands.leaderboard_entrants import entrants_of, labelled
from srlab.config.compose import compose
from srlab.errors import SrlabError
from srlab.evaluation.board_file import Board
from srlab.folder_lock import owned
from srlab.methods.loading import load_checkpoint
from srlab.metrics.protocol import protocol
from srlab.weights import zoo
from srlab.weights.checkpoint import write_checkpoint

PLAIN = "metrics=[psnr,ssim]"
TWO = "only=[bicubic,srcnn_x2]"


@pytest.fixture(autouse=True)
def _quick(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("srlab.evaluation.costs.ENOUGH", 0.0)
    monkeypatch.setattr("srlab.evaluation.costs.LR_SIDE", 32)


@pytest.fixture
def few(tmp_path) -> str:
    """A folder of two images."""
    draws = np.random.default_rng(3)
    for i in range(2):
        image = np.kron(draws.integers(0, 255, (10, 12, 3)), np.ones((4, 4, 1))).astype(np.uint8)
        write_image(tmp_path / "few" / f"{i}.png", image)
    return f"sets=[{tmp_path / 'few'}]"


def zoo_network_with_other_weights(path):
    method = load_checkpoint(zoo.path("srcnn_x2"))
    for value in method.network.parameters():
        value.data *= 1.01
    write_checkpoint(path.with_suffix(".ckpt"), method.key, method.hparams, method.state_dict())
    return path.with_suffix(".ckpt")


def test_numbers_are_those_of_evaluate_and_without_sets_the_sample_photos_are_measured(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("srlab.data.photos.TEST", ("coffee",))
    assert main([TWO, "scales=[2]", "out=board", "data.root=nowhere"]) == 0
    said = capsys.readouterr()
    assert "data.root=nowhere: has no benchmark set, so the sample photos are measured." in said.err
    assert "LPIPS is left out" in said.err and "DISTS is left out" in said.err
    assert "alexnet-owt-7be5be79.pth is not there. Say weights.alexnet=FILE, or metrics=[psnr,ssim,lpips]" in said.err
    given = ["ckpt=pretrained:srcnn_x2", "sets=[sample]", f"out={tmp_path / 'alone'}"]
    (alone,) = evaluate_config(compose("evaluate", given))
    rows, images = rows_and_images(tmp_path / "board")
    ours = rows[1]
    assert (ours.method, ours.images, ours.input) == ("srcnn", alone.images, alone.input)
    assert [row.method for row in rows] == ["bicubic", "srcnn"]
    name = "coffee_srcnn.png"
    assert images["sample", 2, "coffee", "srcnn"] == tmp_path / "board" / "images" / "sample_x2" / name
    saved, hr = (read_image(images["sample", 2, "coffee", method]) for method in ("srcnn", "HR"))
    assert protocol("luma").measure(saved, hr, 2) == alone.images["coffee"]
    assert f"{alone.psnr:.2f} / {alone.ssim:.4f}" in (tmp_path / "board" / "results.md").read_text(encoding="utf-8")
    assert f"{alone.psnr:.2f} / {alone.ssim:.4f}" in said.out


def test_files(tmp_path, few, capsys):
    main([TWO, few, "scales=[2]", "out=board", "weights.alexnet=random", "metrics=[psnr,ssim,lpips]"])
    out = tmp_path / "board"
    there = {path.name for path in out.iterdir()} - {".lock"}
    figures = {f"{name}.{end}" for name in ("quality_over_cost", "perception_distortion") for end in ("png", "pdf")}
    assert there == {"results.json", "results.md", "results.csv", "costs.csv", "index.html", "images", *figures}
    assert read_image(out / "quality_over_cost.png").shape[0] > 500
    table = list(csv.DictReader((out / "results.csv").open(encoding="utf-8")))
    assert [row["method"] for row in table] == ["bicubic", "srcnn"] and float(table[1]["lpips_random"]) > 0
    costs = list(csv.DictReader((out / "costs.csv").open(encoding="utf-8")))
    assert costs[1]["parameters"] == "57281" and costs[1]["multiply_adds"] == "52700774400"
    assert "<html" in (out / "index.html").read_text(encoding="utf-8")[:200]
    assert str(out.name) in capsys.readouterr().out


def test_a_second_command_measures_what_is_new(few, monkeypatch):
    measured = []
    evaluate = leaderboard_run.measure_board

    def watched(board, entrants, *arguments):
        measured.append({entry.place for entry in board.entries})
        return evaluate(board, entrants, *arguments)

    monkeypatch.setattr(leaderboard_run, "measure_board", watched)
    words = [few, "scales=[2]", PLAIN, "images=false", "out=board"]
    main([*words, "only=[bicubic]"])
    main([*words, "only=[lanczos]"])
    main([*words, "only=[lanczos]", "overwrite=true"])
    assert [{place[0] for place in places} for places in measured] == [set(), {"bicubic"}, set()]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["only=[srcnn_x3]"], "only=srcnn_x3: expected some of bicubic, lanczos, edsr_baseline_x2"),
        (["scales=[1]"], "scales=1: expected 2, 3, 4 or more."),
        (["scales=[3]", "only=[srcnn_x2]"], r"scales=[3]: no method that was asked for has any of them."),
        (["metrics=[psnr,lpipz]"], "Did you mean 'lpips'"),
        (["protocol=lumma"], "Did you mean 'luma'"),
        (["weights.vgg16=a.pt", PLAIN], "weights.vgg16: no metric that was asked for needs it."),
        (["methods=[nobody.ckpt]", "only=[]"], "nobody.ckpt: no such file"),
        (["sets=[set6]"], "'set6' is not a set"),
    ],
)
def test_mistakes_are_said_before_anything_is_measured(tmp_path, capsys, words, message):
    with pytest.raises(SystemExit):
        main(["out=board", *words])
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1
    assert not (tmp_path / "board").exists()


def test_a_folder_has_one_protocol_and_one_owner(tmp_path, few, capsys):
    words = [few, "scales=[2]", PLAIN, "images=false", "out=board", "only=[bicubic]"]
    main(words)
    with pytest.raises(SystemExit):
        main([*words, "protocol=rgb"])
    assert "protocol=rgb: board was measured under luma. Say overwrite=true" in capsys.readouterr().err
    main([*words, "protocol=rgb", "overwrite=true"])
    assert [row.protocol for row in rows_and_images(tmp_path / "board")[0]] == ["rgb"]
    with owned(tmp_path / "board", "evaluating", "out=OTHER"), pytest.raises(SystemExit):
        main(words)
    assert "is evaluating there. Wait until it has ended, or say out=OTHER." in capsys.readouterr().err


def test_a_folder_that_cannot_be_made(tmp_path, few, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SystemExit):
        main([few, "scales=[2]", PLAIN, "out=file/board", "only=[bicubic]"])
    assert "out=file/board: cannot be made" in capsys.readouterr().err


def test_what_is_passed_over_in_a_folder_is_said(tmp_path, few, capsys):
    (tmp_path / "few" / "._0.png").touch()
    assert main([few, "scales=[2]", PLAIN, "images=false", "out=board", "only=[bicubic]"]) == 0
    assert "few: hidden files and those of systems are ignored (._0.png)" in capsys.readouterr().err


def test_the_networks_of_srlab_take_part_at_the_scales_that_they_learned():
    found = {entrant.origin: entrant for entrant in entrants_of(None, [], [2, 3, 4])}
    assert len(found) == 1 + len(zoo.names())  # both kinds of interpolation have no origin
    assert found["pretrained:srcnn_x2"].scales == (2,) and found["pretrained:vdsr"].scales == (2, 3, 4)
    assert found["pretrained:srcnn_x2"].weights == zoo.card("srcnn_x2").sha256
    assert {entrant.label for entrant in found.values()} >= {"edsr_baseline", "srgan_vgg22", "lanczos"}


def test_a_method_whose_name_is_taken_gets_its_files_too(tmp_path):
    copy = tmp_path / "mine.safetensors"
    copy.write_bytes(zoo.path("srcnn_x2").read_bytes())
    found = labelled(entrants_of(["srcnn_x2"], [str(copy), str(copy)], [2]), Board("luma"))
    assert [entrant.label for entrant in found] == ["srcnn", "srcnn (mine)", "srcnn #2"]


def test_another_network_does_not_continue_the_rows_of_one_that_was_measured(tmp_path, few):
    """Whichever methods a command names, a label stays with its network, and a network with its label."""
    mine = zoo_network_with_other_weights(tmp_path / "mine.safetensors")
    words = [few, "scales=[2]", PLAIN, "images=false", "out=board"]
    main([*words, TWO])
    main([*words, "only=[bicubic]", f"methods=[{mine}]"])
    rows = rows_and_images(tmp_path / "board")[0]
    assert [row.method for row in rows] == ["bicubic", "srcnn (mine)", "srcnn"] and rows[1].psnr != rows[2].psnr
    main([*words, "only=[]", f"methods=[{mine}]"])
    assert len(rows_and_images(tmp_path / "board")[0]) == 3


def test_metrics_are_added_to_those_that_were_measured(tmp_path, few):
    words = [few, "scales=[2]", "images=false", "out=board"]
    main([*words, TWO, PLAIN])
    main([*words, "only=[bicubic]", "metrics=[lpips]", "weights.alexnet=random"])
    main([*words, "only=[bicubic]", "metrics=[dists]", "weights.vgg16=random"])
    bicubic, srcnn = rows_and_images(tmp_path / "board")[0]
    assert list(bicubic.means) == ["psnr", "ssim", "dists_random", "lpips_random"]
    assert list(srcnn.means) == ["psnr", "ssim"]


def test_a_method_that_must_be_told_how_images_were_blurred(tmp_path):
    method = build("srmd")
    write_checkpoint(tmp_path / "srmd.ckpt", method.key, method.hparams, method.state_dict())
    with pytest.raises(SrlabError, match=r"srmd.ckpt: srmd must be told how LR images were blurred\. Leave it out"):
        entrants_of([], [str(tmp_path / "srmd.ckpt")], [2])


def test_names_of_sets_are_no_markup(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (24, 24, 3)).astype(np.uint8)
    write_image(tmp_path / r"a$\q$|b" / "0.png", image)
    assert main([rf"sets=[{tmp_path}/a$\q$|b]", "only=[bicubic]", "scales=[2]", PLAIN, "out=board"]) == 0
    head = next(line for line in (tmp_path / "board" / "results.md").read_text().splitlines() if "method" in line)
    assert r"\|b" in head


def test_bare_weights_are_recognised_by_their_size_and_their_name(tmp_path):
    torch.manual_seed(0)
    torch.save(build("fsrcnn", small=False, scale=3).network.state_dict(), tmp_path / "fsrcnn_x3.pt")
    torch.save(build("edsr_baseline", small=False, scale=4).network.state_dict(), tmp_path / "unnamed.pt")
    found = entrants_of([], [str(tmp_path / "fsrcnn_x3.pt"), str(tmp_path / "unnamed.pt")], [3, 4])
    assert [(entrant.label, entrant.scales) for entrant in found] == [("fsrcnn", (3,)), ("edsr_baseline", (4,))]


def test_bare_weights_of_no_published_size(tmp_path):
    torch.save(build("edsr_baseline").network.state_dict(), tmp_path / "small.pt")
    with pytest.raises(SrlabError, match=r"small.pt: holds edsr: .*, which is no published network at x3\. Its"):
        entrants_of([], [str(tmp_path / "small.pt")], [3])


@needs_shared
def test_numbers_in_print_on_a_benchmark(tmp_path):
    """Bicubic's published numbers are of `classic`, and come out (docs/evaluation.md)."""
    root = f"data.root={SHARED / 'data'}"
    main(["only=[bicubic]", "sets=[set5]", "scales=[3]", "metrics=[psnr]", "images=false", "out=board", root])
    rows, _ = rows_and_images(tmp_path / "board")
    assert [row.protocol for row in rows] == ["luma", "classic"]
    assert rows[1].psnr == pytest.approx(30.39, abs=0.01) and rows[1].published["psnr"] == 30.39
    assert "| bicubic | classic | 30.39 / 0.8682 | 30.39 / 0.8682 | " in (tmp_path / "board" / "results.md").read_text(
        encoding="utf-8"
    )


def test_make_results_calls_it():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "\t$(PYTHON) -m srlab leaderboard $(OPTIONS)\n" in makefile
