"""Self-play with Stable-Baselines3: both sides of the small game learn, in turns.

    python examples/sb3_self_play.py

A stage trains one side against a frozen copy of the other. Stable-Baselines3 knows one agent only,
so each side sees the game from its own seat, and the copy sits inside as the opponent.
"""

import argparse
from typing import NamedTuple

import torch
from sb3_ppo import SETTINGS, mean_reward
from small_gate import GAME, PROMPTS, TOKENS, Means
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv, VecMonitor

from llm_game_env import red_team_v0
from llm_game_env.adapters import TokenPlayer, frozen_policy
from llm_game_env.players import Player, ScriptedPlayer

SIDES = ("adversary_0", "defender_0")


class Stage(NamedTuple):
    """Who learnt, and how it did against the other's frozen copy."""

    agent: str
    means: Means


def seat(agent: str, opponent: Player, seed: int) -> VecEnv:
    """One side's seat in 16 games."""
    env = VecMonitor(red_team_v0.sb3_vec_env(16, agent=agent, opponent=opponent, **GAME))
    env.seed(seed)
    return env


def train(seed: int, *, rounds: int = 2, steps: int = 6144) -> list[Stage]:
    """Trains the adversary, then the defender, `rounds` times."""
    nobody = ScriptedPlayer(PROMPTS)  # A model must be made with games; these are never played.
    models = {agent: PPO(env=seat(agent, nobody, seed), seed=seed, **SETTINGS) for agent in SIDES}
    stages: list[Stage] = []
    for number in range(2 * rounds):
        learner, other = SIDES[number % 2], SIDES[1 - number % 2]
        opponent = TokenPlayer(other, frozen_policy(models[other]), **TOKENS)
        env = seat(learner, opponent, seed + number)
        models[learner].set_env(env)
        before = mean_reward(models[learner], env)
        models[learner].learn(steps)
        stages.append(Stage(learner, Means(before, mean_reward(models[learner], env))))
        print(f"stage {number + 1}: {learner} {stages[-1].means}")
    return stages


def main() -> None:
    """Trains; prints either side's mean reward a game, before and after each of its stages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    torch.set_num_threads(1)  # More only get in each other's way, with networks this small.
    train(flags.seed)


if __name__ == "__main__":
    main()
