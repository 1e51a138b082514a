"""Command-line flags from a dataclass."""

import argparse
from dataclasses import asdict, dataclass, fields, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.update_rules.ppo import PPOConfig
from llm_game_env import ConfigurationError

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def flags(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of that name, which is no part of a package."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return import_module("flags")


def parse(flags: ModuleType, kind: type, *words: str) -> Any:
    parser = argparse.ArgumentParser()
    flags.add_flags(parser, kind)
    return flags.read_flags(parser.parse_args(words), kind)


def test_without_words_all_flags_have_their_defaults(flags: ModuleType) -> None:
    assert parse(flags, flags.RunFlags) == flags.RunFlags()


def test_every_field_is_a_flag_of_its_type(flags: ModuleType) -> None:
    given: dict[str, Any] = {}
    for i, field in enumerate(fields(flags.RunFlags)):
        if field.metadata["only"] == "demo":  # Refused where one's own models are named.
            continue
        kinds: dict[type, Any] = {int: 100 + i, float: 0.25 + i, str: f"word {i}"}
        given[field.name] = kinds[type(field.default)]
    words = [
        word
        for name, value in given.items()
        for word in (f"--{name.replace('_', '-')}", str(value))
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


def test_flags_become_knobs(flags: ModuleType) -> None:
    import own_models  # pyright: ignore[reportMissingImports]

    both = {
        "seed": 3,
        "rounds": 5,
        "defend_updates": 6,
        "attack_updates": 7,
    }
    demo = flags.gpo_config(flags.RunFlags(**both))
    wanted = flags.RunFlags(
        **both,
        adversary="a",
        temperature=0.5,
        defender_learning_rate=1e-3,
        defender_kl_coef=0.125,
        defender_ptx_coef=0.75,
        defender_ptx_texts="texts.jsonl",
        adversary_learning_rate=2e-3,
        adversary_kl_coef=0.25,
        adversary_ent_coef=0.5,
    )
    own = own_models.knobs(wanted)
    for config in (demo, own):
        assert (config.seed, config.rounds) == (3, 5)
        assert (config.defend_updates, config.attack_updates) == (6, 7)
    assert demo.adversary == GPOConfig().adversary
    assert own.adversary == PPOConfig(learning_rate=2e-3, kl_coef=0.25, ent_coef=0.5)
    assert own.temperature == 0.5
    assert (own.defender.learning_rate, own.defender.kl_coef) == (1e-3, 0.125)
    assert (own.defender.ptx_coef, own.defender.ptx_texts) == (0.75, "texts.jsonl")


@pytest.mark.parametrize("name", ["threads", "rounds", "defend_updates", "attack_updates", "games"])
def test_counts_start_at_one(flags: ModuleType, name: str) -> None:
    assert getattr(flags.RunFlags(**{name: 1}), name) == 1
    with pytest.raises(ConfigurationError, match=f"{name}=0 must be at least 1"):
        flags.RunFlags(**{name: 0})


def test_a_folder_is_never_used_twice(flags: ModuleType, tmp_path: Path) -> None:
    wanted = tmp_path / "a" / "run"
    made = [flags.fresh_folder(str(wanted)) for _ in range(3)]
    assert [folder.name for folder in made] == ["run", "run-2", "run-3"]
    assert all(folder.is_dir() and folder.parent == wanted.parent for folder in made)


def test_a_folder_that_cannot_be_made_is_refused(flags: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"cannot be made .*--out"):
        flags.fresh_folder(str(tmp_path / "file" / "run"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"device": "cuda"}, r"--device is for own models only; name --adversary"),
        ({"resume": "runs/x"}, r"--resume is for own models only; name --adversary"),
        ({"adversary": "a", "arms": "gpo"}, r"--arms is for demo only; leave it out"),
    ],
)
def test_a_flag_of_the_other_mode_is_refused(
    flags: ModuleType, given: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        flags.RunFlags(**given)
