"""SuperSuit turns the parallel form into games for Stable-Baselines3; one network plays both sides.

    python examples/supersuit_ppo.py

Every agent of every game becomes a row of one batch. In a game of turns one of the two waits: what
it says is ignored, its observation stands still, and its rewards still come in step by step, so
that nothing has to be summed over the other's turns.
"""

import argparse
from typing import Any

import supersuit
import torch
from sb3_ppo import SETTINGS, mean_reward
from sb3_self_play import seat
from small_gate import GAME, PROMPTS, TOKENS, Means
from stable_baselines3 import PPO
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecEnv

from llm_game_env import red_team_v0
from llm_game_env.adapters import TokenPlayer, frozen_policy
from llm_game_env.players import ScriptedPlayer

NUM_GAMES = 16


def both_seats(seed: int) -> VecEnv:
    """Two rows a game: the adversary's and the defender's."""
    env = supersuit.clip_reward_v0(red_team_v0.parallel_env(**GAME), -1, 1)
    rows = supersuit.pettingzoo_env_to_vec_env_v1(env)
    batch: Any = supersuit.concat_vec_envs_v1(rows, NUM_GAMES, base_class="stable_baselines3")
    batch.venv.reset(seed=seed)  # SuperSuit passes no seed on from Stable-Baselines3.
    return batch


def train(seed: int, *, steps: int = 24_576) -> tuple[Means, Means]:
    """Trains one network for both; returns the means as adversary and as defender.

    As adversary it plays against its untrained self, as defender against fixed prompts.
    """
    set_random_seed(seed)
    model = PPO(env=both_seats(seed), **SETTINGS)
    untrained = TokenPlayer("defender_0", frozen_policy(model), **TOKENS)
    attack = seat("adversary_0", untrained, seed)
    defence = seat("defender_0", ScriptedPlayer(PROMPTS), seed)
    before = mean_reward(model, attack), mean_reward(model, defence)
    model.learn(steps)
    after = mean_reward(model, attack), mean_reward(model, defence)
    return Means(before[0], after[0]), Means(before[1], after[1])


def main() -> None:
    """Trains, and prints the mean rewards a game."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    torch.set_num_threads(1)  # More only get in each other's way, with networks this small.
    adversary, defender = train(flags.seed)
    print(f"as adversary, against itself untrained: {adversary}")
    print(f"as defender, against fixed prompts: {defender}")


if __name__ == "__main__":
    main()
