"""The errors of red_team_v0's page that come from the arguments of an environment."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from llm_game_env import TurnBudget, red_team_v0
from llm_game_env.defaults import TOKEN_ARGUMENTS
from llm_game_env.diversity import Diversity

NAN = float("nan")
NO_COUNTS = [0, -1, 1.0, "2", None, True, NAN, np.float64(2), np.array(2), [1]]
NO_NUMBERS = [NAN, np.inf, "1", None, True, [0], 10**400]
NO_FLAGS = [0, 1, None, "yes", NAN, [], np.array([True, False])]
NO_CHOICES = ["both", "", 1, True, np.array([1, 2])]
TOKENS = {"action_format": "tokens"}
NO_DICTS = [3, "x", [1], ("a", 1), True]

# Row -> argument -> values whose message names both.
PLAIN: dict[str, dict[str, list[Any]]] = {
    "`seed_prompts`: none, or malformed, with the place": {
        "seed_prompts": [3, True, b"x", {"text": "x"}, "hello", "nowhere.txt"]
    },
    "`reward_model`: no `score()` or finite `best`, or fit for no seed prompt": {
        "reward_model": ["jury", 3, len, {}]
    },
    "`benign_share`: not in [0, 1], or of a label that is missing": {
        "benign_share": [-0.1, 1.1, NAN, "half", True, [], 0.5, np.float32(0.5)]
    },
    "`diversity`: no `Diversity`": {"diversity": [1.0, "self_bleu", Diversity, {}]},
    "`instruction`: no text, or without `{seed_prompt}`": {
        "instruction": [3, "", "Say {prompt}.", b"{seed_prompt}", True]
    },
    "`system_prompts`: no dict from agents to texts": {
        "system_prompts": [*NO_DICTS, {"adversary_0": 3}, {"defender_0": None}]
    },
    "`max_turns`, `max_chars`, `num_envs`: no whole number from 1 on": {
        "max_turns": [*NO_COUNTS, 2**63],
        "max_chars": NO_COUNTS,
    },
    "`turn_reward`, `action_format`, `render_mode`: none of the choices": {
        "turn_reward": [*NO_CHOICES, None],
        "action_format": [*NO_CHOICES, None],
        "render_mode": NO_CHOICES,
    },
    "`stop_when_unsafe`: neither True nor False": {"stop_when_unsafe": NO_FLAGS},
    "`unsafe_below`: no finite number": {"unsafe_below": NO_NUMBERS},
    "`budget`: no `TurnBudget`": {"budget": [1000, "all", TurnBudget]},
    "`tokenizer`: none, or none at that path": {"tokenizer": [3, [], "/no/where"]},
    "`vocabulary`: no list of texts, or without a token": {
        "vocabulary": [3, True, "yes", b"yes", [3], [None], [], [""], np.array(2)]
    },
    "`max_tokens`, `max_context`: no whole number from 1 on": {
        "max_tokens": NO_COUNTS,
        "max_context": NO_COUNTS,
    },
    "`action_mask`: no texts by agent, or one that cannot be spelt": {
        "action_mask": ["all", 3, ["yes"], {"judge_0": ["yes"]}, np.array([1, 2])]
    },
    "`illegal`: none of the choices": {"illegal": [*NO_CHOICES, None]},
}

# Row -> arguments, and what the message says.
WORDED: dict[str, list[tuple[dict[str, Any], str]]] = {
    "a keyword that there is not": [({"max_turn": 1}, "'max_turn'")],
    "`seed_prompts`: none, or malformed, with the place": [
        ({"seed_prompts": "nowhere.csv"}, "nowhere.csv: cannot be read .*; check the path"),
        ({"seed_prompts": []}, "seed_prompts: no seed prompts in it; give at least one"),
        ({"seed_prompts": ["s", 3]}, r"seed_prompts\[1\]: must be a string.* got 3"),
        ({"seed_prompts": ["s", " "]}, r"seed_prompts\[1\]: text .* not blank, got ' '"),
        ({"seed_prompts": [{"text": "x", "label": "bad"}]}, r"\[0\]: label .* got 'bad'"),
        ({"seed_prompts": ["x", {"text": "y", "id": "0"}]}, r"\[1\]: id '0' is taken"),
        ({"seed_prompts": [{"text": "x", "context": "y"}]}, r"\[0\]: context .* got 'y'"),
    ],
    "`reward_model`: no `score()` or finite `best`, or fit for no seed prompt": [
        ({"reward_model": "judge"}, "JudgeScore can score .*'s0'.* reward_model that fits"),
    ],
    "`system_prompts`: no dict from agents to texts": [
        ({"system_prompts": {"attacker": "x"}}, r"system_prompts names \['attacker'\]"),
    ],
    "an argument of the tokens format in the text format": [
        ({name: None}, f"{name} are arguments of action_format='tokens'")
        for name in TOKEN_ARGUMENTS
    ],
    "`action_mask`: no texts by agent, or one that cannot be spelt": [
        *(
            (TOKENS | {"action_mask": {"defender_0": texts}}, f"holds {re.escape(repr(texts))}")
            for texts in ("yes", [], [3], None, 3)
        ),
        (TOKENS | {"action_mask": {"defender_0": ["yes"]}, "vocabulary": ["no"]}, "allows 'yes'"),
    ],
}


@pytest.mark.parametrize("view", ["aec", "vector"])
@pytest.mark.parametrize(
    ("row", "argument"), [(row, name) for row, arguments in PLAIN.items() for name in arguments]
)
def test_a_value_that_cannot_be_used(
    row: str, argument: str, view: str, views: Any, refused: Callable[..., None]
) -> None:
    if (view, argument) == ("vector", "render_mode"):
        return  # which it does not have
    tokens = TOKENS if argument in TOKEN_ARGUMENTS else {}
    for value in PLAIN[row][argument]:
        shown = re.escape(repr(value)[:90])
        words = f"(?s)(?=.*{argument})(?=.*{shown}).{{30,}}"
        refused(red_team_v0, row, words, lambda v=value: views[view](**tokens | {argument: v}))


@pytest.mark.parametrize("row", WORDED)
def test_what_else_cannot_be_used(row: str, views: Any, refused: Callable[..., None]) -> None:
    for arguments, words in WORDED[row]:
        for view in (views["aec"], views["vector"]):
            refused(red_team_v0, row, words, lambda v=view, a=arguments: v(**a))


@pytest.mark.parametrize("best", ["1", None, NAN, True])
def test_a_best_score_that_is_none(
    best: Any, own: dict[str, Any], views: Any, refused: Callable[..., None]
) -> None:
    own["reward_model"].best = best
    row = "`reward_model`: no `score()` or finite `best`, or fit for no seed prompt"
    refused(red_team_v0, row, f"reward_model.best={best!r} must be", lambda: views["aec"]())


@pytest.mark.parametrize("num_envs", NO_COUNTS)
def test_no_number_of_games(
    num_envs: Any, own: dict[str, Any], refused: Callable[..., None]
) -> None:
    row = "`max_turns`, `max_chars`, `num_envs`: no whole number from 1 on"
    words = f"num_envs={re.escape(repr(num_envs))} must be a whole number of at least 1"
    refused(red_team_v0, row, words, lambda: red_team_v0.vector_env(num_envs, **own))


def test_every_argument_of_the_page_is_tried(rows: Any) -> None:
    page = list(rows(red_team_v0))
    first_of_reset = next(i for i, row in enumerate(page) if row.startswith("`seed`"))
    assert {*PLAIN, *WORDED} == set(page[:first_of_reset])


def test_numbers_of_numpy_are_taken(views: Any) -> None:
    env = views["aec"](
        max_turns=np.int64(2),
        unsafe_below=np.float32(0.25),
        stop_when_unsafe=np.bool_(False),
        max_tokens=np.int32(3),
        action_format="tokens",
    )
    env.reset(seed=np.int64(3))
    assert env.observe("adversary_0")["to_move"] == 0
