"""Tianshou trains both sides of the small game at once, on the AEC form.

    python examples/tianshou_ppo.py

Tianshou hands an agent the rows of its own turns as they were collected. In a game of turns they
are not its experience yet: what the adversary earns is paid when the defender has answered, in a
row that is not the adversary's, and the observation after its last word is the defender's.
`own_turns` chains each agent's own decision points.
"""

import argparse
import copy
import logging
from typing import Any

import numpy as np
import torch
from small_gate import GAME, Means
from tianshou.algorithm.modelfree.ppo import PPO
from tianshou.algorithm.modelfree.reinforce import ProbabilisticActorPolicy
from tianshou.algorithm.multiagent.marl import MultiAgentOnPolicyAlgorithm, MultiAgentPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Batch, Collector, ReplayBuffer, VectorReplayBuffer
from tianshou.env import DummyVectorEnv, PettingZooEnv
from tianshou.trainer import OnPolicyTrainerParams
from tianshou.utils.net.common import ModuleWithVectorOutput
from tianshou.utils.net.discrete import DiscreteActor, DiscreteCritic

from llm_game_env import red_team_v0
from llm_game_env.adapters import TokenFeatures

ADVERSARY, DEFENDER = "adversary_0", "defender_0"
NUM_ENVS = 32

# It says at every collection that rewards have a column for each agent.
logging.getLogger("tianshou").setLevel(logging.ERROR)


class OwnTurns(MultiAgentOnPolicyAlgorithm):
    """Lets each agent learn from its own decision points."""

    def _preprocess_batch(self, batch: Any, buffer: ReplayBuffer, indices: np.ndarray) -> Any:
        prepared = {}
        for column, (agent, algorithm) in enumerate(self._dispatcher.algorithms.items()):
            chained = own_turns(batch, agent, column)
            rows, all_rows = chained.sample(0)
            prepared[agent] = algorithm._preprocess_batch(rows, chained, all_rows)
        return Batch(prepared)


def own_turns(batch: Any, agent: str | int, column: int) -> ReplayBuffer:
    """One agent's decision points, in order.

    Each has all that the agent earned until its next one, and that one's observation; the last of
    a game ends it.

    Args:
        batch: whole games, one after the other.
        agent: whose decision points.
        column: of the agent's rewards.
    """
    ends = np.flatnonzero(batch.done)
    own = np.flatnonzero(batch.obs.agent_id == agent)
    game = np.searchsorted(ends, own)
    last = np.append(game[1:] != game[:-1], True)
    # What is behind a game's last decision point is not looked at: any row will do.
    following = np.where(last, own, np.roll(own, -1))
    earned = np.concatenate([[0.0], batch.rew[:, column].cumsum()])
    until = np.where(last, ends[game] + 1, following)
    chained: dict[str, Any] = {
        "obs": batch.obs[own],
        "act": batch.act[own],
        "rew": earned[until] - earned[own],
        "terminated": last,
        "truncated": np.zeros_like(last),
        "done": last,
        "obs_next": batch.obs[following],
    }
    return ReplayBuffer.from_data(**chained)


class Reader(ModuleWithVectorOutput):
    """Token ids to features; `TokenFeatures` is a torch module like any other."""

    def __init__(self, space: Any) -> None:
        super().__init__(output_dim=64)
        self.features = TokenFeatures(space, features_dim=64)

    def forward(self, observation: Any, state: Any = None) -> tuple[torch.Tensor, Any]:
        """Features, float32 [N, 64]; there is no recurrent state."""
        return self.features({"observation": torch.as_tensor(observation.obs)}), state


def make_learner(env: PettingZooEnv) -> PPO:
    """PPO for one agent, with the same settings as in `sb3_ppo.py`."""
    actor = DiscreteActor(
        preprocess_net=Reader(env.observation_space),
        action_shape=env.action_space.n,
        softmax_output=False,
    )
    policy = ProbabilisticActorPolicy(
        actor=actor,
        dist_fn=lambda logits: torch.distributions.Categorical(logits=logits),
        action_space=env.action_space,
        action_scaling=False,
        action_bound_method=None,
    )
    critic = DiscreteCritic(preprocess_net=Reader(env.observation_space))
    return PPO(
        policy=policy, critic=critic, optim=AdamOptimizerFactory(lr=3e-3), gamma=1.0, ent_coef=0.01
    )


def mean_reward(policies: dict[str | int, Any], games: DummyVectorEnv) -> float:
    """The adversary's, of 320 games; the defender's is its negative."""
    collector = Collector(MultiAgentPolicy(policies), games, VectorReplayBuffer(20_000, NUM_ENVS))
    collector.reset()
    return float(collector.collect(n_episode=320).returns[:, 0].mean())


def train(seed: int, *, updates: int = 6) -> tuple[Means, Means]:
    """Trains both; returns the means of the adversary and of the defender.

    The adversary is measured against the untrained defender, the defender against the trained
    adversary.
    """
    np.random.seed(seed)  # Tianshou draws from the global generators.
    torch.manual_seed(seed)
    env = PettingZooEnv(red_team_v0.env(**GAME))
    games = DummyVectorEnv([lambda: PettingZooEnv(red_team_v0.env(**GAME))] * NUM_ENVS)
    games.seed(seed)
    algorithm = OwnTurns(algorithms=[make_learner(env), make_learner(env)], env=env)
    trained = algorithm.policy.policies
    untrained = copy.deepcopy(trained)
    before = mean_reward(untrained, games)
    collector = Collector(algorithm, games, VectorReplayBuffer(20_000, NUM_ENVS))
    collector.reset()
    params = OnPolicyTrainerParams(
        training_collector=collector,
        max_epochs=1,
        epoch_num_steps=updates * 2048,
        collection_step_num_env_steps=None,
        collection_step_num_episodes=256,
        batch_size=256,
        update_step_num_repetitions=4,
        multi_agent_return_reduction=lambda returns: returns[:, 0],
        verbose=False,
        show_progress=False,
    )
    algorithm.run_training(params)
    attack = mean_reward({ADVERSARY: trained[ADVERSARY], DEFENDER: untrained[DEFENDER]}, games)
    return Means(before, attack), Means(-attack, -mean_reward(trained, games))


def main() -> None:
    """Trains, and prints the mean rewards a game."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    torch.set_num_threads(1)  # More only get in each other's way, with networks this small.
    adversary, defender = train(flags.seed)
    print(f"adversary, against the untrained defender: {adversary}")
    print(f"defender, against the trained adversary: {defender}")


if __name__ == "__main__":
    main()
