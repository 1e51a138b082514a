"""What hypothesis draws: games, and legal and illegal actions in them."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from conformance_kit.games import (
    BEST,
    SEEDS,
    TOKENIZER,
    UNSAFE_BELOW,
    AnyGame,
    MatrixGame,
    TextGame,
    keeps,
    letters,
    score,
)
from llm_game_env import jailbreak_v0, matrix_v0, red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.rewards import FunctionIntent, FunctionReward

ODD_TEXTS = ["", " ", "red key", "no", "no\x00", "é中🙂\n\u2028", "\ud83d", np.str_("open")]
DIVERSITIES = [
    None,
    Diversity(self_bleu=1.0, ngrams=(1, 2)),
    Diversity(self_bleu=0.5, embedding=2.0, encoder=letters, ngrams=(1,), window=2),
]
MASKS = [None, {"adversary_0": ["red key", "red", "open door no"]}, {"defender_0": ["no", "key"]}]


def legal_actions(game: AnyGame, space: Any, observation: Any) -> st.SearchStrategy[Any]:
    """What the agent that sees this may do, in the forms that are accepted."""
    if not hasattr(space, "n"):
        texts = st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=8))
        return texts.map(lambda text: text[: space.max_chars])
    numbers = np.flatnonzero(_taken(game, space, observation)).tolist()
    forms = st.sampled_from([int, np.int64, np.int32, np.array])
    return st.tuples(forms, st.sampled_from(numbers)).map(lambda drawn: drawn[0](drawn[1]))


def illegal_actions(game: AnyGame, space: Any, observation: Any) -> st.SearchStrategy[Any]:
    """Actions of wrong types, too long, out of range, or masked."""
    if not hasattr(space, "n"):
        wrong: list[Any] = [None, 0, 1.5, b"no", ["no"], {"content": "no"}]
        return st.sampled_from([*wrong, "x" * (space.max_chars + 1)])
    wrong = [None, 0.0, np.float64(0), "0", b"0", [0], np.array([0]), np.array(0.0)]
    masked = np.flatnonzero(~_taken(game, space, observation)).tolist()
    return st.sampled_from([*wrong, -1, int(space.n), *masked])


def _taken(game: AnyGame, space: Any, observation: Any) -> np.ndarray:
    """Which numbers of a `Discrete` space are taken, bool [n]."""
    if isinstance(game, MatrixGame) or game.arguments["illegal"] == "end_message":
        return np.ones(space.n, dtype=bool)
    return observation["action_mask"].astype(bool)


@st.composite
def text_games(draw: st.DrawFn, module: Any) -> TextGame:
    """A game in the text format."""
    arguments: dict[str, Any] = {
        "seed_prompts": SEEDS,
        "reward_model": FunctionReward(score, best=BEST),
        "instruction": "reword {seed_prompt}",
        "max_turns": draw(st.integers(1, 3)),
        "turn_reward": draw(st.sampled_from(["each", "end"])),
        "stop_when_unsafe": draw(st.booleans()),
        "unsafe_below": UNSAFE_BELOW,
        "max_chars": draw(st.sampled_from([40, 5])),
        "diversity": draw(st.sampled_from(DIVERSITIES)),
        "system_prompts": draw(st.sampled_from([None, {"defender_0": "open door"}])),
    }
    if module is jailbreak_v0:
        arguments["intent"] = FunctionIntent(keeps)
    else:
        arguments["benign_share"] = draw(st.sampled_from([None, 0.5]))
    return TextGame(module, arguments)


@st.composite
def token_games(draw: st.DrawFn, module: Any) -> TextGame:
    """A game in the tokens format."""
    tokens = {
        "action_format": "tokens",
        "tokenizer": TOKENIZER,
        "vocabulary": draw(st.sampled_from([None, ["red key open door no"]])),
        "max_tokens": draw(st.integers(1, 3)),
        "max_context": draw(st.sampled_from([30, 4])),
        "action_mask": draw(st.sampled_from(MASKS)),
        "illegal": draw(st.sampled_from(["raise", "end_message"])),
    }
    return TextGame(module, draw(text_games(module)).arguments | tokens)


@st.composite
def matrix_games(draw: st.DrawFn) -> MatrixGame:
    """A matrix game of quarters."""
    quarters = st.integers(-8, 8).map(lambda number: number / 4)
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 3)))
    row = st.lists(quarters, min_size=shape[1], max_size=shape[1])
    everything, nothing = list(range(shape[0])), [0] * shape[0]
    arguments = {
        "payoff": draw(st.lists(row, min_size=shape[0], max_size=shape[0])),
        "information": draw(st.sampled_from([None, everything[::-1], nothing])),
        "likeness": draw(st.none() | st.lists(quarters, min_size=shape[0], max_size=shape[0])),
    }
    return MatrixGame(matrix_v0, arguments)


GAMES: dict[str, st.SearchStrategy[AnyGame]] = {
    "red_team-text": text_games(red_team_v0),
    "red_team-tokens": token_games(red_team_v0),
    "jailbreak-text": text_games(jailbreak_v0),
    "jailbreak-tokens": token_games(jailbreak_v0),
    "matrix": matrix_games(),
}
