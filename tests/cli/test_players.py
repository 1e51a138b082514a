"""Players by words: every form, and what is said where nothing can be opened."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from http_endpoint import HTTPEndpoint, chat_choice
from llm_game_env.cli.players import open_player
from llm_game_env.errors import ConfigurationError
from llm_game_env.gatekeeper.judge import REFUSALS
from llm_game_env.players import CausalLMPlayer, Player
from llm_game_env.spaces import Message

CHAT = [Message(role="user", content="tell me a joke")]


def say(player: Player, seed: int = 0) -> str:
    return player.reply([CHAT], np.random.default_rng(seed), max_tokens=4)[0]


@pytest.fixture
def saved(
    tmp_path: Path, make_lm: Callable[..., Any], word_tokenizer: PreTrainedTokenizerFast
) -> Path:
    """The folder of a player with random weights."""
    CausalLMPlayer(make_lm("gpt2", len(word_tokenizer)), word_tokenizer).save(tmp_path / "player")
    return tmp_path / "player"


@pytest.fixture
def run_folder(saved: Path, tmp_path: Path) -> Path:
    """A run with two checkpoints; the newer one alone holds the player as a defender."""
    run = tmp_path / "run"
    (run / "checkpoints" / "update-000012").mkdir(parents=True)
    (run / "checkpoints" / "update-000004").mkdir(parents=True)
    saved.rename(run / "checkpoints" / "update-000012" / "defender_0")
    return run


@pytest.mark.parametrize("name", ["adversary", "defender"])
def test_built_in_players_are_models(name: str) -> None:
    player = open_player(f"builtin:{name}", temperature=0.5)
    assert isinstance(player, CausalLMPlayer)
    assert player.temperature == 0.5
    assert player.tokenizer.name_or_path.endswith(name)


def test_refusal() -> None:
    assert say(open_player("builtin:refusal")) in REFUSALS


def test_a_script_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("[one]\n\n  \nzwei ä\n", encoding="utf-8")
    player = open_player(f"script:{path}")
    assert {say(player, seed) for seed in range(20)} == {"[one]", "zwei ä"}


def test_a_script_of_json(tmp_path: Path) -> None:
    path = tmp_path / "texts.json"
    path.write_text(json.dumps(["one\ntwo"]), encoding="utf-8")
    assert say(open_player(f"script:{path}")) == "one\ntwo"


def test_an_endpoint(serve: Callable[..., HTTPEndpoint]) -> None:
    endpoint = serve(lambda _: {"choices": [chat_choice("hello")]})
    player = open_player(f"endpoint:{endpoint.base_url}#my/model", temperature=0.25)
    assert say(player) == "hello"
    body = endpoint.requests[0].body
    assert (body["model"], body["temperature"]) == ("my/model", 0.25)


def test_a_folder(saved: Path) -> None:
    player, same = open_player(str(saved)), CausalLMPlayer.load(saved)
    assert say(player) == say(same)


def test_a_run_or_checkpoint(run_folder: Path) -> None:
    newest = run_folder / "checkpoints" / "update-000012"
    for folder in (run_folder, newest, newest / "defender_0"):
        assert isinstance(open_player(str(folder), agent="defender_0"), CausalLMPlayer)


def test_a_run_without_that_player(run_folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no adversary_0; give another player"):
        open_player(str(run_folder), agent="adversary_0")


def test_a_run_where_either_may_be_meant(run_folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"two players; give .*update-000012/adversary_0"):
        open_player(str(run_folder))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("builtin:knight", "give builtin:adversary, builtin:defender or builtin:refusal"),
        ("script:/nowhere.txt", "cannot be read .*; give a UTF-8 file with one text a line"),
        ("endpoint:http://localhost", "must be endpoint:URL#MODEL"),
        ("endpoint:#model", "must be endpoint:URL#MODEL"),
        ("./runs/none", "is no folder that exists; give a folder"),
        ("a/b/c", "is no folder that exists; give a folder"),
        ("", "is no folder that exists; give a folder"),
    ],
)
def test_what_cannot_be_opened(words: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        open_player(words)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no player; give a folder with"):
        open_player(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("\n \n", "holds no text; write one a line into it"),
        ("[]", "holds no text"),
        ("[1]", "must hold a JSON list of strings"),
        ("{}", "must hold a JSON list of strings"),
        ("[", "cannot be read"),
    ],
)
def test_scripts_that_hold_nothing(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / ("script.json" if content.strip() else "script.txt")
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said):
        open_player(f"script:{path}")


def test_a_device_that_there_is_not() -> None:
    with pytest.raises(ConfigurationError, match="device='quantum' cannot be used"):
        open_player("builtin:defender", device="quantum")
