"""Enters an algorithm from outside into the benchmark: Stable-Baselines3's PPO, as the defender.

    llm-game bench --algorithms examples/bench_sb3.py:MaskedPPO sft --tasks red-team --quick

It learns to answer token by token, from scratch, against the SFT adversary; sb3-contrib's form of
PPO keeps it to what the world's grammar allows. An entry is a class with two methods, no more: it
needs to inherit nothing.
"""

from typing import Any

from sb3_contrib import MaskablePPO
from sb3_ppo import SETTINGS

from llm_game_agents.bench import Players, Task
from llm_game_env.adapters import TokenPlayer, frozen_policy

TOKENS: dict[str, Any] = {"action_mask": "grammar", "max_context": 64}
GAMES = 16
UNTIL_THE_BUDGET_IS_SPENT = 10**9


class MaskedPPO:
    """One entry; the benchmark makes one for every task and random seed."""

    def train(self, task: Task) -> None:
        """Learns until the environment raises `BudgetSpent`, which the benchmark expects."""
        games = task.sb3_vec_env(GAMES, agent="defender_0", **TOKENS)
        self.model = MaskablePPO(env=games, seed=task.seed, **SETTINGS)
        self.model.learn(UNTIL_THE_BUDGET_IS_SPENT)

    def players(self) -> Players:
        """A defender; it has no adversary of its own."""
        defender = TokenPlayer("defender_0", frozen_policy(self.model), **TOKENS)
        return Players(adversary=None, defender=defender)
