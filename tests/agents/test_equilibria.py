"""A game whose equilibrium is mixed: no last policy is one, averages and mixtures are.

Matching pennies between two language models. The adversary shows a side, the defender guesses it
without having seen it, and scores 1 for heads, a quarter for tails, 0 for a wrong guess. In
equilibrium both say heads one time in five: 1 · p = ¼ · (1 - p). Two players that always do the same
lose to one that learns; players that say either as often are 0.3 away.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from word_policies import READS_NOTHING, make_word_policy

from llm_game_agents.average import average_policy
from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.opponents import LatestAndPast, MetaNash, Opponents, UniformPast
from llm_game_agents.schedules import Stage, alternating, simultaneous
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

WORTH = {"heads": 1.0, "tails": 0.25}
HEADS = 0.2
NUM_GAMES = 32


def guessed(exchanges: Sequence[Exchange]) -> list[float]:
    """What a guess is worth; a prompt that shows no side is the defender's gain."""
    return [
        WORTH.get(e.prompt, 1.0) if e.response == e.prompt or e.prompt not in WORTH else 0.0
        for e in exchanges
    ]


def make_run(rule: UpdateRule, stages: Iterable[Stage], opponents: Opponents, seed: int) -> GPO:
    """Two policies that read nothing: the adversary need not, the defender must not."""
    adversary, defender = (
        make_word_policy(list(WORTH), seed=100 * i + seed, chat_template=READS_NOTHING)
        for i in range(2)
    )
    env = red_team_v0.vector_env(
        NUM_GAMES, seed_prompts=["choose"], reward_model=FunctionReward(guessed)
    )
    config = GPOConfig(
        defender=rule,
        adversary=rule,
        defender_plays=opponents,
        adversary_plays=opponents,
        defender_max_tokens=1,
        adversary_max_tokens=1,
        seed=seed,
    )
    return GPO(env, adversary, defender, config, stages)


def probabilities(player: Any) -> np.ndarray:
    """Of heads and of tails as a player's message, float [2]."""
    with torch.no_grad():
        (prompt,) = player.encode([[]])
        logits = player.model(input_ids=torch.tensor([prompt])).logits[0, -1]
    words = player.tokenizer.convert_tokens_to_ids(list(WORTH))
    return logits.softmax(-1).numpy()[words]


def share_of_heads(shown: Any) -> float:
    """Of what shows a side at all."""
    heads, tails = np.asarray(shown)
    return float(heads / (heads + tails))


def players_of(run: GPO) -> dict[str, Any]:
    return {agent: getattr(player, "player", player) for agent, player in run.players.items()}


SLOW: dict[str, Any] = {"warmup_updates": 0, "update_epochs": 1, "num_minibatches": 1}
SLOW |= {"learning_rate": 7e-4, "kl_coef": 0.0, "ent_coef": 0.05}
RULES = [
    GRPOConfig(**SLOW, scale_advantages=False),
    PPOConfig(**SLOW),
    RLOOConfig(**SLOW, group_size=8),
    ReinforceConfig(**SLOW),
]
