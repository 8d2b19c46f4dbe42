"""The command `srlab`: what it lists, how its words are read, what the tab key completes."""

import re
import signal
import subprocess
import sys

import pytest
from helpers import ROOT
from programs import environment

from srlab.commands import arguments, hydra_program, web
from srlab.commands.arguments import Option, Place, Tool, run_one_of, yes_or_no
from srlab.commands.cli import COMMANDS
from srlab.commands.hydra_flags import SWITCHES, VALUES, read_command_line
from srlab.config.schema import EvaluateConfig, TrainConfig
from srlab.errors import SrlabError
from srlab.sweeps.forgotten_flag import not_asked


def started(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=ROOT, env=environment(**variables), capture_output=True, text=True, check=False)


def test_alone_it_lists_its_commands_without_importing_what_they_need():
    done = started("-X", "importtime", "-m", "srlab")
    assert done.returncode == 0 and [name for name in COMMANDS if f"\n  {name} " not in done.stdout] == []
    assert not re.search(r"\| +(torch|hydra|omegaconf|numpy|yaml)$", done.stderr, re.MULTILINE)
    assert started("-m", "srlab", "--help").stdout == done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name):
    done = started("-X", "importtime", "-m", "srlab", name, "--help")
    assert done.returncode == 0 and len(done.stdout.splitlines()) > 5, done.stderr
    assert not re.search(r"\| +torch$", done.stderr, re.MULTILINE)


def test_a_word_that_is_no_command():
    done = started("-m", "srlab", "trian")
    assert done.returncode == 2 and done.stderr.startswith("error: srlab trian: no such command. Did you mean 'train'?")


SEEN = []
TOOL = Tool(
    name="srlab try",
    about="Tries things.",
    places=(Place("FIRST", "the first"), Place("REST", "the others", many=True, optional=True)),
    options=(
        Option("size", "how large", read=int, default=3),
        Option("data.root", "where", read=arguments.path),
        Option("kinds", "which", choices=("a", "b"), many=True),
        Option("force", "again", read=yes_or_no, default=False),
    ),
    run=SEEN.append,
)


def test_words_in_any_order():
    assert TOOL.values(["size=5", "x", "kinds=[b,a]", "./y=1", "force=true"]) == {
        "first": "x", "rest": ["./y=1"], "size": 5, "data.root": None, "kinds": ["b", "a"], "force": True,
    }  # fmt: skip
    switched = TOOL.values(["--force", "x", "y"])
    assert (switched["force"], switched["first"], switched["rest"]) == (True, "x", ["y"])
    values = TOOL.values(["x", "kinds=a"])
    assert (values["size"], values["kinds"], values["rest"]) == (3, ["a"], [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "srlab try: FIRST is needed: the first. usage: srlab try FIRST [REST...] [size=...]"),
        (["x", "size=large"], "size=large: expected an integer."),
        (["x", "kinds=[a,bb]"], "kinds=[a,bb]: expected one of a, b. Did you mean 'b'?"),
        (["x", "kinds="], "kinds=: expected one of a, b."),
        (["x", "force=yes"], "force=yes: expected true or false."),
        (["x", "sise=4"], "sise=4: srlab try has no such option. Did you mean 'size'?"),
        (["x", "--force=no"], "--force=no: options are written KEY=VALUE. Say force=no."),
        (["x", "-force"], "-force: options are written KEY=VALUE. Say force=VALUE."),
        (["x", "--root", "y"], "--root: options are written KEY=VALUE. Say data.root=VALUE."),
        (["x", "--sise"], "--sise: srlab try has no such option. Did you mean 'size'?"),
    ],
)
def test_a_mistake_in_the_words_of_a_tool(words, message):
    with pytest.raises(SrlabError) as error:
        TOOL.values(words)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_a_word_that_names_no_tool():
    with pytest.raises(SrlabError) as error:
        run_one_of("srlab all", "Has tools.", {"try": TOOL, "ask": TOOL}, ["tri", "x"])
    assert str(error.value) == "srlab all tri: expected one of try, ask. Did you mean 'try'?" and SEEN == []


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("megapixels=0", "megapixels=0: expected more than 0, and 16 at most."),
        ("megapixels=16.5", "megapixels=16.5: expected more than 0, and 16 at most."),
        ("minutes=-1", "minutes=-1: expected more than 0, and 1440 at most."),
        ("line=0", "line=0: expected more than 0, and 1000 at most."),
    ],
)
def test_limits_of_the_page_that_cannot_be(word, message, capsys):
    pytest.importorskip("starlette")
    pytest.importorskip("uvicorn")
    with pytest.raises(SystemExit, match="1"):
        web.main([word])
    assert capsys.readouterr().err == f"error: {message}\n"


def test_the_help_of_a_tool_names_everything(capsys):
    assert TOOL.main(["x", "--help"]) == 0 and SEEN == []
    printed = capsys.readouterr().out
    assert "Tries things." in printed and "(now 3)" in printed and "which: a, b" in printed
    assert [name for name in ("FIRST", "REST", "size=", "data.root=", "kinds=", "force=") if name not in printed] == []


def test_the_flags_are_those_that_hydra_has():
    """Our own list, since Hydra's parser is private; where a later Hydra has others, this says so."""
    from hydra._internal.utils import get_args_parser

    theirs = {tuple(action.option_strings) for action in get_args_parser()._actions if action.option_strings}
    assert {frozenset(names) for names in [*SWITCHES, *VALUES]} == {frozenset(names) for names in theirs}


@pytest.mark.parametrize(
    ("words", "overrides", "flags"),
    [
        (["seed=1", "-m", "scale=2,3"], ["seed=1", "scale=2,3"], {"multirun": True}),
        (["-sc", "query=bash"], ["query=bash"], {"shell_completion": True}),
        (["--info"], [], {"info": "all"}),
        (["--cfg", "job", "seed=1", "-p", "model"], ["seed=1"], {"cfg": "job", "package": "model"}),
    ],
)
def test_flags_stand_anywhere(words, overrides, flags):
    line = read_command_line(words)
    assert (line.overrides, line.flags) == (overrides, flags)
    assert read_command_line(line.words) == line


@pytest.mark.parametrize("words", [["--nothing"], ["--cfg"], ["--cfg", "jobs"]])
def test_a_wrong_flag_is_one_line(words):
    with pytest.raises(SrlabError, match=r"--help lists the flags\.$"):
        read_command_line(words)


@pytest.mark.parametrize(
    ("schema", "word", "message"),
    [
        (TrainConfig, "scale=2,4", "or 'scale=[2,4]' for one job with all of them."),
        (TrainConfig, "logger=wandb,tensorboard", "or 'logger=[wandb,tensorboard]' for one job with all of them."),
        (TrainConfig, "data.train=a,b", "or 'data.train=[a,b]' for one job with all of them."),
        (EvaluateConfig, "ckpt=a.ckpt,b.ckpt", "or 'ckpt=[a.ckpt,b.ckpt]' for one job with all of them."),
        (TrainConfig, "logger.notes=first,second", """or 'logger.notes="first,second"' for one text with a comma."""),
        (TrainConfig, "seed=1,2", "Say -m for a job with each of them."),
        (TrainConfig, "seed=range(3)", "Say -m for a job with each of them."),
    ],
)
def test_several_values_without_m(schema, word, message):
    text = str(not_asked(word, schema))
    assert text.startswith(f"{word}: several values are a sweep. Say -m for a job with each of them")
    assert text.endswith(message)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["optimizer.learning_rate=abc"], "optimizer.learning_rate=abc: expected a number."),
        (["trainer.max_steps=-1"], "trainer.max_steps=-1: expected 1 or more."),
        (["scale=2,4"], "scale=2,4: several values are a sweep."),
        (["resume=src"], "resume=src: is not a run of srlab"),
        (["-m", "seed=1,2", "--config-name", "train"], "-m with --config-path or --config-name: a sweep is of conf/."),
    ],
)
def test_a_mistake_is_answered_without_pytorch(words, message):
    done = started("-X", "importtime", "train.py", *words)
    errors = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert done.returncode == 1 and len(errors) == 1 and errors[0].startswith(f"error: {message}")
    assert not re.search(r"\| +torch$", done.stderr, re.MULTILINE)


@pytest.mark.parametrize(
    ("line", "words", "expected"),
    [
        ("python train.py model=wdsr", ["train.py"], "model=wdsr_a model=wdsr_b"),
        ("srlab train trainer.accel", ["-m", "srlab"], "trainer.accelerator="),
        ("srlab evaluate protocol=d", ["-m", "srlab"], "protocol=div2k"),
        ("srlab ", ["-m", "srlab"], " ".join(COMMANDS)),
    ],
)
def test_the_tab_key_completes(line, words, expected):
    """As the script of -sc install=bash asks: the line in COMP_LINE, and -sc query=bash."""
    done = started(*words, "-sc", "query=bash", COMP_LINE=line, COMP_POINT=str(len(line)))
    assert (done.stdout.strip(), done.stderr) == (expected, "")


@pytest.mark.parametrize("words", [["train.py"], ["evaluate.py"], ["-m", "srlab"]])
def test_the_script_for_the_tab_key(words):
    done = started(*words, "-sc", "install=bash")
    program = "python" if words[0].endswith(".py") else "srlab"
    assert done.stdout.rstrip().endswith(f"-F hydra_bash_completion {program}") and done.stderr == ""
    if words[0].endswith(".py"):  # what the script looks for before it asks
        assert "@hydra.main" in (ROOT / words[0]).read_text()


def test_hydras_own_flags_pass(tmp_path):
    assert "devices: 1" in started("train.py", "trainer=cpu", "--cfg", "job", "-p", "trainer").stdout
    assert "Defaults List" in started("train.py", "--info", "defaults").stdout
    yaml = tmp_path / "experiment" / "mine.yaml"
    yaml.parent.mkdir()
    yaml.write_text("# @package _global_\nseed: 77\n")
    words = ["train.py", "experiment=mine", "--cfg", "job", "--config-dir", str(tmp_path)]
    assert "seed: 77" in started(*words).stdout


def test_ctrl_c_is_one_word_and_the_code_of_shells(capsys):
    assert hydra_program._exit_code(lambda: signal.raise_signal(signal.SIGINT)) == 130
    assert capsys.readouterr().err == "interrupted\n"
