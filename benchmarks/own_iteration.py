"""A worker that makes iterations of this package's trainer; see `trl_iteration.py`.

python benchmarks/own_iteration.py separate FOLDER    a critic and a reward model of their own
python benchmarks/own_iteration.py shared FOLDER      a value head, a reward in Python
"""

import sys
from pathlib import Path

import torch
from iteration_gate import Gate
from reference_work import (
    ANSWER,
    BATCH,
    CLASSIFIER,
    LEARNING_RATE,
    MINIBATCHES,
    POLICY,
    draw_prompts,
    python_reward,
)

from llm_game_agents import GPO, Computing, GPOConfig, LanguagePolicy, PPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.opponents import LatestAndPast
from llm_game_agents.schedules import defender_only
from llm_game_env import red_team_v0
from llm_game_env.fused import fuse_gelu
from llm_game_env.players import EchoPlayer
from llm_game_env.rewards import ClassifierReward, FunctionReward

UPDATES = 1_000_000
RULE = PPOConfig(
    learning_rate=LEARNING_RATE,
    critic_learning_rate=LEARNING_RATE,
    update_epochs=1,
    num_minibatches=MINIBATCHES,
)


def main() -> None:
    """Makes iterations as long as it is told to."""
    kind, folder = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    computing = Computing(fused_activation="fused" in kind, coarse_gradients="coarse" in kind)
    run = make_run(folder, computing, separate="separate" in kind)
    gate = Gate()

    def see(iteration: Iteration) -> None:
        scoring = iteration.scoring_seconds
        gate.done(
            {
                "rollout": iteration.rollout_seconds - scoring,
                "scoring": scoring,
                "update": iteration.update_seconds,
            }
        )
        if not gate.wait():
            raise SystemExit

    if gate.wait():
        run.learn(see)


def make_run(folder: Path, computing: Computing, *, separate: bool) -> GPO:
    """The defender learns from answers to the prompts themselves, which is plain RLHF.

    Args:
        folder: as `save_models` filled it.
        computing: of the policy, its reference and its critic; where its activation is fused, the
            reward model's is, too.
        separate: whether critic and reward are models of their own.
    """
    reward_model = FunctionReward(lambda exchanges: python_reward([e.response for e in exchanges]))
    if separate:
        reward_model = ClassifierReward(folder / CLASSIFIER, best=1.0)
        if computing.fused_activation:
            fuse_gelu(reward_model._model)
    env = red_team_v0.vector_env(BATCH, seed_prompts=draw_prompts(), reward_model=reward_model)
    critic = "model" if separate else "head"
    defender = LanguagePolicy.load(folder / POLICY, critic=critic, computing=computing)
    config = GPOConfig(defender=RULE, defender_plays=LatestAndPast(), defender_max_tokens=ANSWER)
    return GPO(env, EchoPlayer(), defender, config, list(defender_only(UPDATES)))


if __name__ == "__main__":
    main()
