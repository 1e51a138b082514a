"""Both players learn, in turns, over three exchanges a game; each beats what it was at first."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.opponents import snapshot
from llm_game_agents.rollout import collect
from llm_game_agents.schedules import Stage
from llm_game_agents.update_rules import (
    GRPOConfig,
    PPOConfig,
    ReinforceConfig,
    RLOOConfig,
    UpdateRule,
)
from llm_game_env import red_team_v0
from llm_game_env.players import Player
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.rules import AGENTS
from llm_game_env.vector import VectorGame
from word_policies import make_word_policy

COLOUR_OF = {"sky": "blue", "grass": "green", "snow": "white"}
WORDS = (*COLOUR_OF, *COLOUR_OF.values())
NUM_GAMES = 64
TURNS = 3
# The adversary first: there is little to answer in what it writes untrained.
STAGES = (Stage("attack", 25), Stage("defend", 30), Stage("attack", 15), Stage("defend", 45))
KNOBS: dict[str, Any] = {"learning_rate": 3e-3, "kl_coef": 0.01, "warmup_updates": 0}
RULES: list[UpdateRule] = [
    PPOConfig(**KNOBS, vf_coef=0.5),
    GRPOConfig(**KNOBS, min_advantage_std=0.2),
    RLOOConfig(**KNOBS, group_size=8, update_epochs=2),
    ReinforceConfig(**KNOBS, update_epochs=2),
]


def answers(exchanges: Sequence[Exchange]) -> list[float]:
    """½ for a right answer to a question that is new in the game, 0 for a wrong one, else 1.

    Whoever is ahead, both have something to gain: questions are worth asking though they are
    answered, and which of them are answered badly is worth finding out.
    """
    scores = []
    for exchange in exchanges:
        asked = [m["content"] for m in exchange.history if m["role"] == "user"]
        if exchange.prompt in COLOUR_OF and exchange.prompt not in asked:
            scores.append(0.5 * (exchange.response == COLOUR_OF[exchange.prompt]))
        else:
            scores.append(1.0)
    return scores


def make_games() -> VectorGame:
    return red_team_v0.vector_env(
        NUM_GAMES,
        seed_prompts=["ask"],
        reward_model=FunctionReward(answers),
        instruction="{seed_prompt}",
        max_turns=TURNS,
    )


def mean_score(adversary: Player, defender: Player) -> float:
    """Of all exchanges of a batch of games that nobody learns from."""
    players = dict(zip(AGENTS, (adversary, defender), strict=True))
    rollout = collect(make_games(), players, dict.fromkeys(AGENTS, 1), seed=1000, iteration=0)
    assert len(rollout.exchanges) == TURNS * NUM_GAMES
    return float(np.mean([exchange.score for exchange in rollout.exchanges]))


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_both_beat_what_they_were(rule: UpdateRule) -> None:
    adversary, defender = (make_word_policy(WORDS, 100 * i) for i in range(2))
    untrained = snapshot(adversary), snapshot(defender)
    config = GPOConfig(defender=rule, adversary=rule, defender_max_tokens=1, adversary_max_tokens=1)
    GPO(make_games(), adversary, defender, config, STAGES).learn()
    # Two standard errors of such differences are 0.07 at most. Against the untrained defender, one
    # question asked three times gains less than 0.1, different questions 0.4 to 0.7.
    assert mean_score(untrained[0], untrained[1]) - mean_score(adversary, untrained[1]) > 0.3
    # Against the trained adversary, one answer to every question gains a tenth, right ones 0.4.
    assert mean_score(adversary, defender) - mean_score(adversary, untrained[1]) > 0.15
