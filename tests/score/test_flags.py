"""One table of flags: nobody's is lost, and none has two meanings."""

from __future__ import annotations

import ast
import inspect
from types import ModuleType

import pytest

from engine.score import cohorts, fitting, yearly
from engine.score.flags import FLAGS
from engine.score.models import fit, gamma_gamma

RAISED = {  # who raises flags, and where the words are
    fit: fit.FLAGS,
    gamma_gamma: fit.FLAGS,
    fitting: {**fit.FLAGS, **yearly.FLAGS},
    yearly: yearly.FLAGS,
    cohorts: cohorts.FLAGS,
}


def test_each_flag_has_one_meaning_wherever_it_is_raised() -> None:
    tables = (fit.FLAGS, yearly.FLAGS, cohorts.FLAGS)

    assert sum(len(table) for table in tables) == len(FLAGS)
    for table in tables:
        assert table.items() <= FLAGS.items()


@pytest.mark.parametrize("words", FLAGS.values())
def test_words_are_one_plain_line_that_goes_behind_note(words: str) -> None:
    assert words == words.strip()
    assert words[0].islower()
    assert not words.endswith(".")
    assert "\n" not in words


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        FLAGS["new"] = "words"  # type: ignore[index]  # this is what must fail


def texts(module: ModuleType) -> set[str]:
    """The strings of a module's code, those of its table of flags left out."""
    tree = ast.parse(inspect.getsource(module))
    tables = [node for node in tree.body if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "FLAGS"]
    of_tables = {id(part) for table in tables for part in ast.walk(table)}
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in of_tables
    }


def test_every_flag_is_raised_somewhere() -> None:
    said = set().union(*(texts(module) for module in RAISED))

    assert FLAGS.keys() <= said


@pytest.mark.parametrize("module", RAISED, ids=lambda module: module.__name__)
def test_who_raises_flags_has_their_words(module: ModuleType) -> None:
    assert texts(module) & FLAGS.keys() <= RAISED[module].keys()
    assert texts(module) & FLAGS.keys()
