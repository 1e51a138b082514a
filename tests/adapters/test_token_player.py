"""A policy over tokens as a player."""

from typing import Any

import numpy as np
import pytest

from llm_game_env import red_team_v0
from llm_game_env.adapters import TokenPlayer
from llm_game_env.errors import ConfigurationError, IllegalAction
from llm_game_env.players import Player
from llm_game_env.spaces import Message

AGENTS = ["adversary_0", "defender_0"]
TOKEN_ARGUMENTS = ("tokenizer", "max_tokens", "max_context", "action_mask", "illegal")


def token_arguments(game: dict[str, Any]) -> dict[str, Any]:
    return {name: game[name] for name in TOKEN_ARGUMENTS if name in game}


class Digest:
    """A deterministic choice that any change of an observation would change; keeps what it saw."""

    def __init__(self) -> None:
        self.seen: list[dict[str, list[int]]] = []

    def __call__(self, observations: dict[str, np.ndarray], rng: np.random.Generator) -> list[int]:
        rows = range(len(observations["observation"]))
        return [self.one({key: array[row] for key, array in observations.items()}) for row in rows]

    def one(self, observation: dict[str, Any]) -> int:
        self.seen.append({key: np.asarray(value).tolist() for key, value in observation.items()})
        legal = np.flatnonzero(observation["action_mask"])
        place = np.arange(1, len(observation["observation"]) + 1)
        return int(legal[int(observation["observation"] @ place**2) % len(legal)])


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("mask", [None, {"adversary_0": ["the cat", "no"], "defender_0": ["yes"]}])
@pytest.mark.parametrize("max_context", [9, 60])
def test_it_sees_and_says_what_it_would_in_the_game_itself(
    game: dict[str, Any], agent: str, mask: Any, max_context: int
) -> None:
    """The AEC view with one policy for both, and one agent's seat with it as the opponent."""
    game |= {"max_context": max_context, "action_mask": mask, "max_turns": 3}
    game |= {"system_prompts": {"defender_0": "joke"}, "instruction": "tell me {seed_prompt}"}
    game["seed_prompts"] = [
        {
            "text": "the cat",
            "context": [
                {"role": "user", "content": "how are you"},
                {"role": "assistant", "content": "fine"},
            ],
        }
    ]
    whole, learner, inside = Digest(), Digest(), Digest()
    env = red_team_v0.raw_env(**game)
    env.reset(seed=0)
    seen_by: dict[str, list[Any]] = {name: [] for name in AGENTS}
    while not all(env.terminations.values()):
        mover = env.agent_selection
        token = whole.one(env.observe(mover))
        seen_by[mover].append(whole.seen[-1])
        env.step(token)
    other = AGENTS[1 - AGENTS.index(agent)]
    opponent = TokenPlayer(other, inside, **token_arguments(game))
    alone = red_team_v0.single_agent_env(agent=agent, opponent=opponent, **game)
    observation, _ = alone.reset(seed=0)
    ended = False
    while not ended:
        observation, _, ended, *_ = alone.step(learner.one(observation))
    assert alone.transcript() == env.transcript()
    assert learner.seen == seen_by[agent]
    assert inside.seen == seen_by[other]
    assert len(inside.seen) > 3


CAT, NO, TELL = 10, 11, 4  # as the tokenizer of the tests numbers them


def one_message(text: str) -> list[Message]:
    return [Message(role="user", content=text)]


def test_messages_of_a_batch_end_on_their_own(word_tokenizer: Any) -> None:
    """Those that go on are asked for alone; the call's limit holds, and the format's."""
    asked: list[int] = []

    def policy(observations: dict[str, np.ndarray], _rng: Any) -> np.ndarray:
        asked.append(len(observations["to_move"]))
        assert observations["to_move"].tolist() == [1] * asked[-1]
        return np.where(observations["observation"][:, 1] == CAT, 0, TELL)

    player = TokenPlayer("defender_0", policy, tokenizer=word_tokenizer, max_tokens=3)
    assert isinstance(player, Player)
    conversations = [one_message("cat"), one_message("no")]
    rng = np.random.default_rng(0)
    assert player.reply(conversations, rng, max_tokens=2) == ["", "tell tell"]
    assert asked == [2, 1]
    assert player.reply(conversations, rng, max_tokens=9) == ["", "tell tell tell"]


@pytest.mark.parametrize("token", [-1, 23, TELL])
def test_tokens_that_may_not_be_said(word_tokenizer: Any, token: int) -> None:
    arguments = {"tokenizer": word_tokenizer, "action_mask": {"defender_0": ["no cat"]}}

    def policy(observations: dict[str, np.ndarray], _rng: Any) -> list[int]:
        return [NO if NO not in ids.tolist() else token for ids in observations["observation"]]

    rng = np.random.default_rng(0)
    conversations = [one_message("no"), one_message("the")]
    player = TokenPlayer("defender_0", policy, **arguments)
    with pytest.raises(IllegalAction, match=f"chose {token};") as caught:
        player.reply(conversations, rng, max_tokens=9)
    assert caught.value.rows == (0,)
    lenient = TokenPlayer("defender_0", policy, **arguments, illegal="end_message")
    if token == TELL:
        assert lenient.reply(conversations, rng, max_tokens=9) == ["", "no"]
    else:
        with pytest.raises(IllegalAction, match="from 0 to 22"):
            lenient.reply(conversations, rng, max_tokens=9)


def test_bad_arguments_are_refused(word_tokenizer: Any) -> None:
    def nothing(_observations: dict[str, np.ndarray], _rng: Any) -> list[int]:
        return []

    with pytest.raises(ConfigurationError, match="agent='judge_0'"):
        TokenPlayer("judge_0", nothing, tokenizer=word_tokenizer)
    with pytest.raises(ConfigurationError, match="max_tokens=0"):
        TokenPlayer("defender_0", nothing, tokenizer=word_tokenizer, max_tokens=0)
    with pytest.raises(ConfigurationError, match="max_turns: not among"):
        TokenPlayer("defender_0", nothing, tokenizer=word_tokenizer, max_turns=2)
    player = TokenPlayer("defender_0", nothing, tokenizer=word_tokenizer)
    with pytest.raises(ConfigurationError, match="0 tokens for 1 games"):
        player.reply([one_message("no")], np.random.default_rng(0), max_tokens=1)
