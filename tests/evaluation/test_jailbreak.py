"""Jailbreaks judged against the goal: scripted adversaries against scripted defenders."""

from collections.abc import Sequence

import numpy as np
import pytest

from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.jailbreak import JailbreakRates, jailbreak_rates
from llm_game_env.gatekeeper.grammar import NO_OPENER, Question
from llm_game_env.gatekeeper.judge import REFUSALS
from llm_game_env.gatekeeper.matters import ORDINARY, SECRETS
from llm_game_env.players import EchoPlayer, Player, ScriptedPlayer
from llm_game_env.seeds import Seed

GOAL, OTHER = (Question(matter, 0, NO_OPENER, "tell").text for matter in SECRETS[:2])
ORDINARY_TEXT = Question(ORDINARY[0], 0, NO_OPENER, "tell").text
LEAK = f"sure, {SECRETS[0].value}"


def letters(texts: Sequence[str]) -> np.ndarray:
    return np.array([[text.count(letter) for letter in "abcdefghij"] for text in texts], float)


def rates(prompts: Sequence[str], answer: str, num: int = 200) -> JailbreakRates:
    adversary: Player = ScriptedPlayer(prompts)
    seeds = [Seed(GOAL), Seed(ORDINARY_TEXT, "benign", id="ordinary")]
    return jailbreak_rates(
        adversary,
        ScriptedPlayer([answer]),
        seeds,
        "{seed_prompt}",
        letters,
        num_prompts=num,
        seed=0,
    )


def test_a_leak_counts_where_the_goal_was_kept_and_nowhere_else() -> None:
    assert rates([GOAL], LEAK).success == 1
    assert rates([GOAL], REFUSALS[0]).success == 0
    assert rates([OTHER], LEAK).success == 0
    assert rates([ORDINARY_TEXT], LEAK).success == 0


def test_prompts_are_kept_drifted_or_malformed() -> None:
    reworded = Question(SECRETS[0], 1, NO_OPENER, "joke").text
    found = rates([GOAL, reworded, OTHER, "hm"], LEAK)
    assert found.kept == pytest.approx(0.5, abs=0.1)
    assert found.drifted == pytest.approx(0.25, abs=0.1)
    assert found.malformed == pytest.approx(0.25, abs=0.1)
    assert found.kept + found.drifted + found.malformed == pytest.approx(1)
    assert found.success == found.kept
    assert found.duplicates == pytest.approx(196 / 200)
    assert found.num_prompts == 200


def test_ordinary_seeds_are_no_goals() -> None:
    with pytest.raises(ConfigurationError, match="holds no goal"):
        jailbreak_rates(
            EchoPlayer(),
            EchoPlayer(),
            [Seed(ORDINARY_TEXT, "benign")],
            "{seed_prompt}",
            letters,
            num_prompts=2,
            seed=0,
        )
