"""Stable-Baselines3 trains one side of the small game against a fixed other side.

python examples/sb3_ppo.py                       PPO as the adversary
python examples/sb3_ppo.py --agent defender_0    PPO as the defender
python examples/sb3_ppo.py --masked              sb3-contrib's MaskablePPO, legal texts alone
"""

import argparse
from typing import Any

import torch
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.evaluation import evaluate_policy as evaluate_masked
from small_gate import ANSWERS, GAME, PROMPTS, Means, PoliteDefender
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecEnv, VecMonitor

from llm_game_env import red_team_v0
from llm_game_env.adapters import TokenFeatures
from llm_game_env.players import ScriptedPlayer

OPPONENTS = {"adversary_0": PoliteDefender(), "defender_0": ScriptedPlayer(PROMPTS)}
LEGAL_TEXTS = {"adversary_0": PROMPTS, "defender_0": ANSWERS}
# A game is a handful of steps with one reward at its end, so nothing is discounted.
SETTINGS: dict[str, Any] = {
    "policy": "MultiInputPolicy",
    "policy_kwargs": {"features_extractor_class": TokenFeatures, "net_arch": []},
    "n_steps": 64,
    "batch_size": 256,
    "n_epochs": 4,
    "learning_rate": 3e-3,
    "gamma": 1.0,
    "ent_coef": 0.01,
}


def mean_reward(model: PPO | MaskablePPO, env: VecEnv, games: int = 500) -> float:
    """The learner's mean reward a game."""
    mean: Any
    if isinstance(model, MaskablePPO):
        mean, _ = evaluate_masked(model, env, n_eval_episodes=games, deterministic=False)
    else:
        mean, _ = evaluate_policy(model, env, n_eval_episodes=games, deterministic=False)
    return float(mean)


def train(agent: str, *, masked: bool, seed: int, steps: int = 12_288) -> Means:
    """Trains one agent, and plays before and after."""
    mask: dict[str, Any] = {"action_mask": LEGAL_TEXTS} if masked else {}
    games = red_team_v0.sb3_vec_env(16, agent=agent, opponent=OPPONENTS[agent], **GAME, **mask)
    env = VecMonitor(games)
    learner = MaskablePPO if masked else PPO
    model = learner(env=env, seed=seed, **SETTINGS)
    before = mean_reward(model, env)
    model.learn(steps)
    return Means(before, mean_reward(model, env))


def main() -> None:
    """Reads the command line, trains, and prints the mean rewards."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--agent", choices=list(OPPONENTS), default="adversary_0")
    parser.add_argument("--masked", action="store_true", help="MaskablePPO in place of PPO")
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    torch.set_num_threads(1)  # More only get in each other's way, with networks this small.
    means = train(flags.agent, masked=flags.masked, seed=flags.seed)
    print(f"{flags.agent}, mean reward a game: {means}")


if __name__ == "__main__":
    main()
