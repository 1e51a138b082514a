"""Command-line flags from dataclasses."""

import argparse
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import pytest

from llm_game_agents.main_job.flags import RunFlags, add_flags, flag, read_flags
from llm_game_env import ConfigurationError


def parse(kind: type, *words: str) -> Any:
    parser = argparse.ArgumentParser(argument_default=argparse.SUPPRESS)
    add_flags(parser, kind)
    return read_flags(vars(parser.parse_args(words)), kind)


def test_without_words_all_flags_have_their_defaults() -> None:
    assert parse(RunFlags) == RunFlags()


def test_every_field_is_a_flag_of_its_type() -> None:
    given: dict[str, Any] = {}
    for i, field in enumerate(fields(RunFlags)):
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
    assert asdict(parse(RunFlags, *words)) == asdict(RunFlags()) | given


def test_help_says_what_each_flag_is_and_its_default() -> None:
    @dataclass(frozen=True)
    class Kind:
        seed: int = flag(0, "random seed")
        rate: float = flag(0.5, "a rate")
        name: str = flag("", "a name")

    parser = argparse.ArgumentParser(prog="p")
    add_flags(parser, Kind)
    text = " ".join(parser.format_help().split())
    assert "--seed SEED random seed (default: 0)" in text
    assert "--rate RATE a rate (default: 0.5)" in text
    assert "--name NAME a name (default: none)" in text
    assert all(field.metadata["help"] for field in fields(RunFlags))


@pytest.mark.parametrize("words", [("--games", "x"), ("--games", "1.5"), ("--nonsense", "1")])
def test_words_that_are_no_flags_end_with_status_two(
    words: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        parse(RunFlags, *words)
    assert stop.value.code == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["adversary", "defender", "reward_model", "seed_prompts"])
def test_any_path_means_own_models(name: str) -> None:
    assert not RunFlags().names_own_models
    assert replace(RunFlags(), **{name: "x"}).names_own_models


@pytest.mark.parametrize("name", ["threads", "rounds", "defend_updates", "attack_updates", "games"])
def test_counts_start_at_one(name: str) -> None:
    assert getattr(replace(RunFlags(), **{name: 1}), name) == 1
    with pytest.raises(ConfigurationError, match=f"{name}=0 must be at least 1"):
        replace(RunFlags(), **{name: 0})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"schedule": "never", "adversary": "a"}, r"schedule='never' must be"),
        ({"device": "cuda"}, r"--device is for own models only; name --adversary"),
        ({"past_share": 0.25, "adversary": "a"}, r"--past-share is for demo only; leave it out"),
        ({"adversary": "a", "arms": "gpo"}, r"--arms is for demo only; leave it out"),
    ],
)
def test_a_flag_of_the_other_mode_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        RunFlags(**given)
