"""Command-line flags from dataclasses."""

import argparse
from dataclasses import asdict, dataclass, fields, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from llm_game_env import ConfigurationError

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def flags(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of that name, which is no part of a package."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return import_module("flags")


def parse(flags: ModuleType, kind: type, *words: str) -> Any:
    parser = argparse.ArgumentParser(argument_default=argparse.SUPPRESS)
    flags.add_flags(parser, kind)
    return flags.read_flags(vars(parser.parse_args(words)), kind)


def test_without_words_all_flags_have_their_defaults(flags: ModuleType) -> None:
    assert parse(flags, flags.RunFlags) == flags.RunFlags()


def test_every_field_is_a_flag_of_its_type(flags: ModuleType) -> None:
    given: dict[str, Any] = {}
    for i, field in enumerate(fields(flags.RunFlags)):
        if field.metadata["only"] == "demo":  # Refused where one's own models are named.
            continue
        kinds: dict[type, Any] = {int: 100 + i, float: 0.25 + i, str: f"word {i}", bool: True}
        given[field.name] = kinds[type(field.default)]
    given |= {"schedule": "simultaneous", "critic": "model"}
    words = [
        word
        for name, value in given.items()
        for word in (f"--{name.replace('_', '-')}", str(value))[: 1 if value is True else 2]
    ]
    assert asdict(parse(flags, flags.RunFlags, *words)) == asdict(flags.RunFlags()) | given


def test_help_says_what_each_flag_is_and_its_default(flags: ModuleType) -> None:
    @dataclass(frozen=True)
    class Kind:
        seed: int = flags.flag(0, "random seed")
        rate: float = flags.flag(0.5, "a rate")
        name: str = flags.flag("", "a name")

    parser = argparse.ArgumentParser(prog="p")
    flags.add_flags(parser, Kind)
    text = " ".join(parser.format_help().split())
    assert "--seed SEED random seed (default: 0)" in text
    assert "--rate RATE a rate (default: 0.5)" in text
    assert "--name NAME a name (default: none)" in text
    assert all(field.metadata["help"] for field in fields(flags.RunFlags))


@pytest.mark.parametrize("words", [("--games", "x"), ("--games", "1.5"), ("--nonsense", "1")])
def test_words_that_are_no_flags_end_with_status_two(
    flags: ModuleType, words: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        parse(flags, flags.RunFlags, *words)
    assert stop.value.code == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["adversary", "defender", "reward_model", "seed_prompts"])
def test_any_path_means_own_models(flags: ModuleType, name: str) -> None:
    assert not flags.RunFlags().names_own_models
    assert replace(flags.RunFlags(), **{name: "x"}).names_own_models


@pytest.mark.parametrize("name", ["threads", "rounds", "defend_updates", "attack_updates", "games"])
def test_counts_start_at_one(flags: ModuleType, name: str) -> None:
    assert getattr(flags.RunFlags(**{name: 1}), name) == 1
    with pytest.raises(ConfigurationError, match=f"{name}=0 must be at least 1"):
        flags.RunFlags(**{name: 0})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"schedule": "never", "adversary": "a"}, r"schedule='never' must be"),
        ({"device": "cuda"}, r"--device is for own models only; name --adversary"),
        ({"past_share": 0.25, "adversary": "a"}, r"--past-share is for demo only; leave it out"),
        ({"adversary": "a", "arms": "gpo"}, r"--arms is for demo only; leave it out"),
    ],
)
def test_a_flag_of_the_other_mode_is_refused(
    flags: ModuleType, given: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        flags.RunFlags(**given)
