"""This package's environments, as subjects of the benchmarks.

The reward is constant and there is no diversity term, so that nothing but the environment is
measured. No message is said twice: what might be remembered by text is of no help.
"""

from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from interleaved import Subject
from loops import play_aec, play_gymnasium, play_gymnasium_vector, play_parallel, play_vector
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from llm_game_env import matrix_v0, red_team_v0
from llm_game_env.players import EchoPlayer
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.rules import AGENTS

NUM_ROWS = 1024
NUM_ACTIONS = 512  # V: the tokenizer's tokens, and the end of a message
MAX_TOKENS = 32

_numbers = count()
_rng = np.random.default_rng(0)


def single_games() -> list[Subject]:
    """Every format behind the APIs of one game."""
    return [*_text_games(), *_token_games(), *_matrix_games()]


def batches() -> list[Subject]:
    """The APIs of many games."""
    text, tokens = _arguments(), _token_arguments()
    seats = red_team_v0.single_agent_vector_env(
        NUM_ROWS, autoreset_mode="SameStep", **_seat_arguments()
    )
    return [
        Subject(
            f"text, vector_env({NUM_ROWS})",
            partial(_text_batches, 2),
            partial(play_vector, red_team_v0.vector_env(NUM_ROWS, **text)),
        ),
        Subject(
            f"8 tokens, vector_env({NUM_ROWS})",
            partial(_token_batch, 8),
            partial(play_vector, red_team_v0.vector_env(NUM_ROWS, **tokens)),
        ),
        Subject(
            f"text, single agent, {NUM_ROWS} rows",
            partial(_text_batches, 2),
            partial(play_gymnasium_vector, seats),
        ),
    ]


def _text_games() -> list[Subject]:
    game = _arguments()
    long = _arguments() | dict[str, Any](max_turns=10)
    seat = red_team_v0.single_agent_env(**_seat_arguments())
    parallel = red_team_v0.parallel_env(**game)
    short_games, long_games = partial(_texts, 500, 2), partial(_texts, 50, 20)
    return [
        Subject("text, raw", short_games, partial(play_aec, red_team_v0.raw_env(**game))),
        Subject("text, env()", short_games, partial(play_aec, red_team_v0.env(**game))),
        Subject("text, 10 turns, raw", long_games, partial(play_aec, red_team_v0.raw_env(**long))),
        Subject("text, 10 turns, env()", long_games, partial(play_aec, red_team_v0.env(**long))),
        Subject("text, parallel", _pairs, partial(play_parallel, parallel)),
        Subject("text, single agent", partial(_texts, 500, 1), partial(play_gymnasium, seat)),
    ]


def _token_games() -> list[Subject]:
    game = _token_arguments()
    raw, env = red_team_v0.raw_env(**game), red_team_v0.env(**game)
    few, many = partial(_token_moves, 50, 8), partial(_token_moves, 12, MAX_TOKENS)
    return [
        Subject("8 tokens, raw", few, partial(play_aec, raw)),
        Subject("8 tokens, env()", few, partial(play_aec, env)),
        Subject(f"{MAX_TOKENS} tokens, raw", many, partial(play_aec, raw)),
        Subject(f"{MAX_TOKENS} tokens, env()", many, partial(play_aec, env)),
    ]


def _matrix_games() -> list[Subject]:
    return [
        Subject("matrix, raw", _choices, partial(play_aec, matrix_v0.raw_env())),
        Subject("matrix, env()", _choices, partial(play_aec, matrix_v0.env())),
    ]


def _arguments() -> dict[str, Any]:
    return {
        "seed_prompts": [f"Tell me about the matter number {i}." for i in range(100)],
        "reward_model": FunctionReward(_constant),
    }


def _token_arguments() -> dict[str, Any]:
    words = ["<unk>", *(f"word{i}" for i in range(1, NUM_ACTIONS))]
    vocabulary = {word: i for i, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")
    return _arguments() | {"action_format": "tokens", "tokenizer": fast, "max_tokens": MAX_TOKENS}


def _seat_arguments() -> dict[str, Any]:
    return _arguments() | {"agent": AGENTS[0], "opponent": EchoPlayer()}


def _constant(exchanges: Sequence[Exchange]) -> list[float]:
    return [1.0] * len(exchanges)


def _texts(num_games: int, length: int) -> list[list[str]]:
    return [
        [f"This is the message number {next(_numbers)}." for _ in range(length)]
        for _ in range(num_games)
    ]


def _text_batches(num_batches: int) -> list[list[list[str]]]:
    """By batch, step and row."""
    return [_texts(2, NUM_ROWS) for _ in range(num_batches)]


def _pairs() -> list[list[dict[str, str]]]:
    return [
        [{agent: text} for agent, text in zip(AGENTS, texts, strict=True)]
        for texts in _texts(500, 2)
    ]


def _choices() -> list[list[int]]:
    return _rng.integers(0, 2, (500, 2)).tolist()


def _token_moves(num_games: int, length: int) -> list[list[int]]:
    """Two messages a game of random tokens, up to the longest message, or to 0, which ends it."""
    tokens = _rng.integers(1, NUM_ACTIONS, (num_games, 2, length))
    if length < MAX_TOKENS:
        tokens[:, :, -1] = 0
    return tokens.reshape(num_games, 2 * length).tolist()


def _token_batch(length: int) -> list[list[list[int]]]:
    """One batch, by step and row."""
    return [np.transpose(_token_moves(NUM_ROWS, length)).tolist()]
