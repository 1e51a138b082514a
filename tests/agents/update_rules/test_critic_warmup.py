"""Updates that move the critic alone, at the beginning of a stage."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.trajectory import Decision
from llm_game_agents.update_rules import PPO, PPOConfig
from llm_game_env import red_team_v0
from llm_game_env.errors import ConfigurationError
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.vector import VectorGame

ADVERSARY, DEFENDER = "adversary_0", "defender_0"
MakePolicy = Callable[..., LanguagePolicy]
Decide = Callable[..., list[Decision]]
REWARDS = [float(i % 4) - 1.0 for i in range(12)]
KNOBS = PPOConfig(update_epochs=2, num_minibatches=2, learning_rate=3e-3, critic_warmup=2)


def parts(policy: LanguagePolicy) -> tuple[torch.Tensor, torch.Tensor]:
    """The model's weights and the critic's."""
    model, head = (
        torch.cat([p.detach().flatten() for p in module.parameters()])
        for module in (policy.model, policy.value_head)
    )
    return model, head


def test_the_policy_stands_still_and_the_critic_moves(
    make_policy: MakePolicy, decide: Decide
) -> None:
    policy = make_policy()
    ppo = PPO(policy, KNOBS, 0)
    for stage in range(2):
        ppo.open_stage()
        for update in range(4):
            model, head = parts(policy)
            stats = ppo.update(decide(policy, REWARDS, seed=4 * stage + update))
            after = parts(policy)
            assert torch.equal(after[0], model) == (update < 2)
            assert not torch.equal(after[1], head)
            assert (stats.learning_rate == 0.0) == (update < 2)
            assert stats.minibatches == 4
            assert stats.grad_norm > 0.0


def test_it_is_the_critics_gradient_alone(make_policy: MakePolicy, decide: Decide) -> None:
    # A rate of the policy too small to be seen leaves the critic the same targets and trunk.
    ends: list[torch.Tensor] = []
    for knobs in ({"critic_warmup": 1}, {"learning_rate": 1e-30}):
        policy = make_policy()
        # Gradients that are not clipped: the norm is the critic's own in one, everything's in
        # the other.
        ppo = PPO(policy, replace(KNOBS, **({"critic_warmup": 0, "max_grad_norm": 1e9} | knobs)), 0)
        ppo.open_stage()
        ppo.update(decide(policy, REWARDS))
        ends.append(parts(policy)[1])
    torch.testing.assert_close(ends[0], ends[1], atol=1e-6, rtol=0)


def test_the_price_of_kl_is_not_steered_meanwhile(make_policy: MakePolicy, decide: Decide) -> None:
    policy = make_policy()
    ppo = PPO(policy, replace(KNOBS, critic_warmup=1, kl_coef=0.2, kl_target=0.5), 0)
    ppo.open_stage()
    coefs = [ppo.update(decide(policy, REWARDS, seed=i)).kl_coef for i in range(3)]
    assert coefs == pytest.approx([0.2, 0.2, 0.2 * 0.98])


def test_without_it_a_stage_changes_nothing(make_policy: MakePolicy, decide: Decide) -> None:
    ends: list[torch.Tensor] = []
    for opens in (True, False):
        policy = make_policy()
        ppo = PPO(policy, replace(KNOBS, critic_warmup=0), 0)
        if opens:
            ppo.open_stage()
        ppo.update(decide(policy, REWARDS))
        ends.append(torch.cat(parts(policy)))
    assert torch.equal(ends[0], ends[1])


def test_a_critic_without_a_loss_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"critic_warmup=2 .* vf_coef above 0"):
        PPOConfig(critic_warmup=2, vf_coef=0.0)
    with pytest.raises(ConfigurationError, match=r"critic_warmup=-1 must be at least 0"):
        PPOConfig(critic_warmup=-1)


def long_answers(exchanges: Sequence[Exchange]) -> list[float]:
    return [0.2 * len(exchange.response.split()) for exchange in exchanges]


def make_games() -> VectorGame:
    return red_team_v0.vector_env(
        8, seed_prompts=["cat", "how are you"], reward_model=FunctionReward(long_answers)
    )


@pytest.fixture
def make_run(make_policy: MakePolicy, tmp_path: Path) -> Callable[[], GPO]:
    """`make_run()`: two rounds of three updates each, the first two of them of the critic alone."""
    for kind in ("gpt2", "llama"):
        make_policy(kind).save(tmp_path / kind)

    def make() -> GPO:
        knobs: dict[str, Any] = {"defender": KNOBS, "adversary": KNOBS, "rounds": 2}
        knobs |= {"defender_max_tokens": 4, "adversary_max_tokens": 4}
        config = GPOConfig(defend_updates=3, attack_updates=3, **knobs)
        adversary, defender = (LanguagePolicy.load(tmp_path / kind) for kind in ("gpt2", "llama"))
        return GPO(make_games(), adversary, defender, config)

    return make


def models(run: GPO) -> dict[str, torch.Tensor]:
    return {agent: parts(run.learners[agent].policy)[0] for agent in (ADVERSARY, DEFENDER)}


def test_every_stage_of_a_run_begins_with_the_critic(make_run: Callable[[], GPO]) -> None:
    run = make_run()
    before = models(run)

    def check(iteration: Iteration) -> None:
        (learner,) = iteration.stage.learners
        after = models(run)
        moved = {agent for agent in after if not torch.equal(after[agent], before[agent])}
        assert moved == ({learner} if iteration.index % 3 == 2 else set())
        before.update(after)

    run.learn(check)
    assert run.num_iterations == 12


@pytest.mark.parametrize("updates", [1, 2, 8])
def test_a_run_goes_on_in_the_middle_of_them(
    updates: int, make_run: Callable[[], GPO], tmp_path: Path
) -> None:
    straight = make_run().learn()

    def interrupt(iteration: Iteration) -> None:
        if iteration.index + 1 == updates:
            raise KeyboardInterrupt

    interrupted = make_run()
    with pytest.raises(KeyboardInterrupt):
        interrupted.learn(interrupt)
    resumed = GPO.load(interrupted.save(tmp_path / "run"), make_games()).learn()
    for agent in (ADVERSARY, DEFENDER):
        mine, theirs = (run.learners[agent].policy.state_dict() for run in (resumed, straight))
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
