"""What the words of the main job's command line come to, of new runs and of resumed ones."""

import argparse
import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.main_job import demo, own_setup
from llm_game_agents.main_job.flags import RunFlags
from llm_game_agents.main_job.knob_flags import knob_names
from llm_game_agents.main_job.request import Request, add_arguments, read_request
from llm_game_agents.main_job.run_folder import fresh_folder
from llm_game_agents.opponents import LatestAndPast, MetaNash, Opponents, UniformPast
from llm_game_agents.schedules import Stage
from llm_game_agents.update_rules import GRPOConfig, PPOConfig, RLOOConfig, UpdateRule
from llm_game_env import ConfigurationError
from llm_game_env.cli import main

OWN = ("--adversary", "a")


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser


def read(*words: str) -> Request:
    return read_request(vars(make_parser().parse_args(words)))


def test_without_words_everything_has_its_default() -> None:
    request = read()
    assert request.flags == RunFlags()
    assert request.learning.defender == request.learning.adversary == PPOConfig()
    assert request.learning.defender_plays == GPOConfig().defender_plays
    assert request.learning.adversary_plays == LatestAndPast()
    assert request.given == {}


def test_kinds_and_their_knobs() -> None:
    words = "--defender-rule grpo --defender-group-size 3 --no-defender-scale-advantages "
    words += "--defender-token-weights token --adversary-rule rloo --adversary-kl-coef 0.25 "
    words += "--defender-micro-batch-size auto --adversary-micro-batch-size 4 "
    words += "--defender-plays meta-nash --defender-plays-games 7 --adversary-plays uniform-past"
    learning = read(*OWN, *words.split()).learning
    assert learning.defender == GRPOConfig(
        group_size=3, scale_advantages=False, token_weights="token", micro_batch_size="auto"
    )
    assert learning.adversary == RLOOConfig(kl_coef=0.25, micro_batch_size=4)
    assert learning.defender_plays == MetaNash(games=7)
    assert learning.adversary_plays == UniformPast()


def concrete(kind: type[Any]) -> list[type[Any]]:
    found = [] if inspect.isabstract(kind) else [kind]
    shipped = [k for k in kind.__subclasses__() if k.__module__.startswith("llm_game_agents.")]
    return found + [one for child in shipped for one in concrete(child)]


@pytest.mark.parametrize("agent", ["defender", "adversary"])
@pytest.mark.parametrize(("kind", "infix"), [(UpdateRule, ""), (Opponents, "plays_")])
def test_every_knob_of_every_kind_has_a_flag(kind: type[Any], infix: str, agent: str) -> None:
    flags = set(knob_names())
    for shipped in concrete(kind):
        assert {f"{agent}_{infix}{field.name}" for field in fields(shipped)} <= flags


def test_help_has_the_docstrings_words_and_the_defaults() -> None:
    text = " ".join(make_parser().format_help().split())
    assert "--defender-clip-coef X ε of the clipped surrogate (default: 0.2)" in text
    assert "passes over a rollout (default: ppo 2, grpo 2, rloo 1, reinforce 1)" in text
    assert "--adversary-vf-coef X ppo: weight of the value loss (default: 0.1)" in text
    assert "latest-and-past: probability of a past state, in [0, 1]; where" in text
    parser = make_parser()
    assert all(action.help for action in parser._actions)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("--defender-vf-coef 0.5 --defender-rule grpo", "--defender-vf-coef is no knob of"),
        ("--adversary-plays-games 5", "--adversary-plays-games is no knob of --adversary-plays"),
        ("--defender-learning-rate -1", "learning_rate=-1.0 must be"),
        ("--defender-plays-past-share 2", "past_share=2.0 must be in"),
    ],
)
def test_knobs_that_do_not_fit_are_refused(words: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        read(*OWN, *words.split())


def test_knobs_are_for_own_models() -> None:
    with pytest.raises(ConfigurationError, match="--defender-rule is for own models only; name"):
        read("--defender-rule", "ppo")


def test_abbreviations_are_no_flags(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--round", "3"]) == 2
    assert "--round" in capsys.readouterr().err


def test_flags_become_gpos_knobs() -> None:
    words = ["--seed", "3", "--rounds", "5", "--defend-updates", "6", "--attack-updates", "7"]
    shown = demo.knobs(read(*words, "--past-share", "0.25").flags)
    assert shown == GPOConfig(6, 7, 5, False, defender_plays=LatestAndPast(0.25), seed=3)
    more = "--temperature 0.5 --anchor stage --adversary-max-tokens 9 --adversary-kl-coef 0.5"
    own = own_setup.knobs(read(*OWN, *words, *more.split()))
    assert (own.seed, own.rounds, own.defend_updates, own.attack_updates) == (3, 5, 6, 7)
    assert (own.temperature, own.anchor, own.adversary_max_tokens) == (0.5, "stage", 9)
    assert own.adversary == PPOConfig(kl_coef=0.5)


@pytest.mark.parametrize(
    ("words", "stages"),
    [
        ("", [Stage("defend", 2), Stage("attack", 4)] * 2),
        ("--safe-below 0.1", [Stage("defend", 2, 0.1), Stage("attack", 4)] * 2),
        ("--broken-above 0.6", [Stage("defend", 2), Stage("attack", 4, 0.6)] * 2),
        ("--schedule simultaneous", [Stage("both", 3)] * 2),
        ("--schedule defender-only", [Stage("defend", 4)]),
        ("--schedule adversary-only", [Stage("attack", 8)]),
    ],
)
def test_schedules_by_hand(words: str, stages: list[Stage]) -> None:
    given = "--rounds 2 --defend-updates 2 --attack-updates 4 " + words
    assert list(own_setup.stages(read(*OWN, *given.split()).flags)) == stages


# A run that is resumed


@pytest.fixture
def started(tmp_path: Path) -> Path:
    words = ["--rounds", "3", "--games", "8", "--defender-kl-coef", "0.5"]
    request = read(*OWN, *words)
    return fresh_folder(str(tmp_path / "run"), request.given)


def test_a_resumed_run_has_the_flags_it_was_started_with(started: Path) -> None:
    checkpoint = started / "checkpoints" / "update-000001"
    checkpoint.mkdir(parents=True)
    (started / "checkpoint").symlink_to(checkpoint)
    for folder in (started, checkpoint, started / "checkpoint"):
        request = read("--resume", str(folder), "--rounds", "3", "--threads", "2")
        assert request.flags.resume == str(folder)
        assert (request.flags.rounds, request.flags.games, request.flags.threads) == (3, 8, 2)
        assert request.flags.names_own_models
        assert request.learning.defender == PPOConfig(kl_coef=0.5)


@pytest.mark.parametrize(
    "change",
    ["--rounds 4", "--seed 1", "--adversary b", "--defender-kl-coef 0.25", "--adversary-rule rloo"],
)
def test_a_resumed_run_cannot_become_another(started: Path, change: str) -> None:
    flag, value = change.split()
    with pytest.raises(ConfigurationError, match=f"{flag} {value} is not what .*run was started"):
        read("--resume", str(started), flag, value)


def test_a_folder_is_never_used_twice(tmp_path: Path) -> None:
    wanted = tmp_path / "a" / "run"
    made = [fresh_folder(str(wanted), {}) for _ in range(3)]
    assert [folder.name for folder in made] == ["run", "run-2", "run-3"]
    assert all(folder.is_dir() and folder.parent == wanted.parent for folder in made)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"cannot be made .*--out"):
        fresh_folder(str(tmp_path / "file" / "run"), {})
