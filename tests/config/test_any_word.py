"""Whatever is typed is read, or refused in one line: properties over random words."""

from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from srlab.commands.arguments import Option, Place, Tool
from srlab.commands.hydra_flags import read_command_line
from srlab.config.check_overrides import check_overrides
from srlab.config.schema import EvaluateConfig, TrainConfig
from srlab.config.text_words import with_text
from srlab.errors import SrlabError

LETTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))
# Half of the texts are of what has a meaning for Hydra or a shell.
TEXTS = st.one_of(st.text(LETTERS, max_size=12), st.text("ab1_.,'\"\\[]{}()=: $~&#-+e/", max_size=10))
KEYS = st.sampled_from(
    ["name", "ckpt", "scale", "sets", "data.train", "model", "optimizer.betas", "~x", "+seed", "", "-m"]
)
FEW = settings(max_examples=150, deadline=None)
TOOL = Tool(
    "srlab try", "Tries.", (Place("A", "a"),), (Option("size", "s", read=int), Option("kinds", "k", many=True)), max
)


@FEW
@given(st.text(LETTERS, min_size=1, max_size=12).filter(lambda text: not set(text) & set(",'\"$(")))
def test_a_name_is_what_was_typed(text):
    word = with_text(f"name={text}", TrainConfig)
    expected = text.strip()
    assert OverridesParser.create().parse_override(word).value() == (None if expected == "null" else expected)


@FEW
@given(KEYS, TEXTS)
def test_a_word_is_read_or_refused_in_one_line(key, text):
    for schema in (TrainConfig, EvaluateConfig):
        try:
            check_overrides([with_text(f"{key}={text}", schema)], schema)
        except SrlabError as error:
            assert "\n" not in str(error)


@FEW
@given(
    st.lists(
        st.one_of(TEXTS, st.builds("{}={}".format, st.sampled_from(["size", "kinds", "other"]), TEXTS)), max_size=4
    )
)
def test_the_words_of_a_tool_are_read_or_refused_in_one_line(words):
    for read in (TOOL.values, read_command_line):
        try:
            read(words)
        except SrlabError as error:
            assert "\n" not in str(error)
