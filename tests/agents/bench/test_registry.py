"""Algorithms by name, by module and by file."""

import pickle
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from llm_game_agents.bench import registry
from llm_game_agents.bench.bundled import BUNDLED
from llm_game_agents.bench.registry import (
    GROUP,
    code_of,
    find_algorithm,
    hidden,
    registered,
    row_names,
    settled,
    short_name,
)
from llm_game_env.errors import ConfigurationError

CODE = """
from llm_game_agents.bench import Players

class Mine:
    def train(self, task): pass
    def players(self): return Players(None, None)

class Half:
    def train(self, task): pass

class Greedy(Mine):
    def __init__(self, rate): pass
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any) -> str:
    """The name of a module in the working folder, different for every test."""
    name = f"entry_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(CODE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    return name


@pytest.mark.parametrize("words", ["{}:Mine", "{}.py:Mine"])
def test_a_class_of_ones_own(words: str, module: str) -> None:
    words = words.format(module)
    assert type(find_algorithm(words)()).__name__ == "Mine"
    assert short_name(words) == "Mine"


def test_an_installed_one(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find_algorithm(f"{module}:Mine")  # puts the folder on the path
    points = [EntryPoint("mine", f"{module}:Mine", GROUP)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == GROUP else [])
    assert registered() == [*BUNDLED, "mine"]
    assert type(find_algorithm("mine")()).__name__ == "Mine"


def test_an_installed_one_of_a_bundled_name(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("gpo", "nowhere:Mine", GROUP)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == GROUP else [])
    assert registered() == list(BUNDLED)
    assert hidden() == ["gpo"]


def test_the_code_of_an_entry(module: str, tmp_path: Path) -> None:
    assert code_of("gpo") == ""
    entries = [f"{module}:Mine", f"{module}.py:Mine"]
    before = {code_of(words) for words in entries}
    assert len(before) == 1
    with (tmp_path / f"{module}.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert {code_of(words) for words in entries}.isdisjoint(before)


def test_a_file_has_one_spelling(module: str, tmp_path: Path) -> None:
    spellings = [f"{module}.py:Mine", f"./{module}.py:Mine", f"{tmp_path}/a/../{module}.py:Mine"]
    assert {settled(words) for words in spellings} == {f"{module}.py:Mine"}
    assert settled("/elsewhere/x.py:Mine") == "/elsewhere/x.py:Mine"
    assert [settled(words) for words in ("gpo", "a.b:Mine")] == ["gpo", "a.b:Mine"]


def test_a_bundled_one() -> None:
    assert find_algorithm("gpo+div")().arm.name == "gpo+div"  # pyright: ignore
    assert short_name("gpo+div") == "gpo+div"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("dpo", r"no algorithm 'dpo'; choose from sft, .*psro.*, or give package\.module:Class"),
        ("nowhere:Mine", "cannot be imported .*nowhere.* on PYTHONPATH"),
        ("nowhere.py:Mine", "cannot be imported: there is no file .*nowhere.py"),
        (":Mine", "cannot be imported"),
        ("{}:Yours", "has no 'Yours'; its classes are Mine, Half, Greedy$"),
        ("{}:Greedy", "cannot be made without arguments .*rate.*; give them defaults"),
        ("{}:Half", "has no players; an entry is a class"),
        ("math:pi", "has no train and no players"),
    ],
)
def test_what_is_none(words: str, said: str, module: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        find_algorithm(words.format(module))


def test_files_of_equal_names(module: str, tmp_path: Path) -> None:
    entries = [f"{folder}/{module}.py:Mine" for folder in ("a", "b")]
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        code = f"{CODE}\nMine.folder = {folder!r}\n"
        (tmp_path / folder / f"{module}.py").write_text(code, encoding="utf-8")
    found = [find_algorithm(words) for words in entries]
    assert [getattr(made, "folder", None) for made in found] == ["a", "b"]
    assert found == [find_algorithm(str(tmp_path / words)) for words in entries]  # Run once each.
    assert [pickle.loads(pickle.dumps(made)) for made in found] == found
    assert row_names([*entries, "gpo", "x:Yours"]) == {
        **{words: words for words in entries},
        "gpo": "gpo",
        "x:Yours": "Yours",
    }


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("class Mine(", "SyntaxError: "),
        ("Mine = Yours", "NameError: name 'Yours' is not defined"),
        ("raise RuntimeError('no\\nluck')", "RuntimeError: no luck"),
    ],
)
@pytest.mark.parametrize("words", ["{}:Mine", "{}.py:Mine", "mine"])
def test_one_that_is_broken(
    words: str, code: str, said: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = f"broken_{module}"
    (tmp_path / f"{broken}.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    points = [EntryPoint("mine", f"{broken}:Mine", GROUP)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == GROUP else [])
    words = words.format(broken)
    for _ in range(2):  # Nothing of it is left behind that a second try would take for whole.
        with pytest.raises(ConfigurationError) as caught:
            find_algorithm(words)
        assert f"algorithm={words!r} cannot be imported" in str(caught.value)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
