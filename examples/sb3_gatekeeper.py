"""MaskablePPO learns to play the built-in world from scratch, against its language models.

    python examples/sb3_gatekeeper.py                       as the defender
    python examples/sb3_gatekeeper.py --agent adversary_0   as the adversary

The mask leaves what the world's grammar allows: 356 tokens, of which a handful at a time. The
rewards are those of the ground truth. The defender soon learns to refuse, which half of the prompts
deserve, and the adversary to ask for secrets in unusual ways.
"""

import argparse

import torch
from sb3_contrib import MaskablePPO
from sb3_ppo import SETTINGS, mean_reward
from small_gate import Means
from stable_baselines3.common.vec_env import VecMonitor

from llm_game_env import red_team_v0


def train(agent: str, *, seed: int, steps: int = 20_480) -> Means:
    """Trains one agent against the world's model of the other."""
    games = red_team_v0.sb3_vec_env(
        32, agent=agent, reward_model="judge", action_mask="grammar", max_context=64
    )
    env = VecMonitor(games)
    model = MaskablePPO(env=env, seed=seed, **SETTINGS)
    before = mean_reward(model, env, games=300)
    model.learn(steps)
    return Means(before, mean_reward(model, env, games=300))


def main() -> None:
    """Reads the command line, trains, and prints the mean rewards."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--agent", choices=["adversary_0", "defender_0"], default="defender_0")
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    torch.set_num_threads(1)  # More only get in each other's way, with networks this small.
    means = train(flags.agent, seed=flags.seed)
    print(f"{flags.agent}, mean reward a game: {means}")


if __name__ == "__main__":
    main()
