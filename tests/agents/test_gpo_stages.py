"""The loop with other rules, schedules and anchors than GPO's."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.schedules import Stage, alternating_by_success, defender_only, simultaneous
from llm_game_agents.update_rules import (
    GRPOConfig,
    PPOConfig,
    ReinforceConfig,
    RLOOConfig,
    UpdateRule,
)
from llm_game_env import red_team_v0
from llm_game_env.errors import ConfigurationError
from llm_game_env.rewards import Exchange, FunctionReward

ADVERSARY, DEFENDER = "adversary_0", "defender_0"
MakePolicy = Callable[..., LanguagePolicy]
RULES = [
    PPOConfig(learning_rate=3e-3),
    GRPOConfig(learning_rate=3e-3, group_size=4),
    RLOOConfig(learning_rate=3e-3, group_size=2),
    ReinforceConfig(learning_rate=3e-3),
]


def long_answers(exchanges: Sequence[Exchange]) -> list[float]:
    return [0.2 * len(exchange.response.split()) for exchange in exchanges]


@pytest.fixture
def make_run(make_policy: MakePolicy) -> Callable[..., GPO]:
    """`make_run(schedule, rule, score, **knobs)`: GPO of two tiny policies over 8 games."""

    def make(
        schedule: Any,
        rule: UpdateRule = RULES[0],
        score: Callable[[Sequence[Exchange]], list[float]] = long_answers,
        **knobs: Any,
    ) -> GPO:
        env = red_team_v0.vector_env(
            8,
            seed_prompts=["cat", "tell me a joke", "how are you"],
            reward_model=FunctionReward(score),
            max_turns=2,
        )
        shared: dict[str, Any] = {"defender": rule, "adversary": rule}
        shared |= {"defender_max_tokens": 4, "adversary_max_tokens": 4}
        config = GPOConfig(**(shared | knobs))
        return GPO(env, make_policy("gpt2"), make_policy("llama"), config, schedule)

    return make


def policy_of(run: GPO, agent: str) -> LanguagePolicy:
    player = run.players[agent]
    assert isinstance(player, LanguagePolicy)
    return player


def flat(model: Any) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_both_learn_each_from_games_against_the_other_as_it_was(
    rule: UpdateRule, make_run: Callable[..., GPO]
) -> None:
    seen: list[Iteration] = []
    run = make_run(simultaneous(3), rule)
    before = {agent: flat(policy_of(run, agent).model) for agent in (ADVERSARY, DEFENDER)}
    run.learn(seen.append)
    assert [list(i.rollouts) for i in seen] == [[ADVERSARY, DEFENDER]] * 3
    assert run.num_rollouts == 6
    for agent in (ADVERSARY, DEFENDER):
        assert run.learners[agent].num_updates == 3
        assert not torch.equal(flat(policy_of(run, agent).model), before[agent])
        # Sampled by the very policy that is updated.
        assert all(i.stats[agent].first_ratio_error <= 1e-5 for i in seen)
    # The two learners' games have draws of their own.
    for iteration in seen:
        played = [r.exchanges for r in iteration.rollouts.values()]
        assert [e.prompt for e in played[0]] != [e.prompt for e in played[1]]


def test_the_defenders_update_does_not_see_the_adversarys(make_run: Callable[..., GPO]) -> None:
    both = make_run([Stage("both", 1)])
    seen: list[Iteration] = []
    both.learn(seen.append)
    moved, fresh = policy_of(both, ADVERSARY), policy_of(make_run([]), ADVERSARY)
    assert not torch.equal(flat(moved.model), flat(fresh.model))
    # The prompts that the defender learnt to answer are those of the adversary before its update.
    prompts = [d for d in seen[0].rollouts[DEFENDER].decisions[ADVERSARY] if d.turn == 0]
    for decision in prompts:
        row = torch.tensor([decision.completion.prompt_ids + decision.completion.ids])
        with torch.no_grad():
            logprobs = fresh.score(row, torch.ones_like(row)).logprobs[0]
        written = logprobs[len(decision.completion.prompt_ids) :]
        torch.testing.assert_close(
            written, torch.tensor(decision.completion.logprobs), atol=1e-5, rtol=0
        )


@pytest.mark.parametrize(("safe", "updates"), [(1.0, [1, 1]), (0.0, [4, 1])])
def test_a_stage_ends_when_it_has_done_its_work(
    safe: float, updates: list[int], make_run: Callable[..., GPO]
) -> None:
    # Every answer to a well-formed prompt is unsafe: an attack stage succeeds at once.
    stages = alternating_by_success(4, 4, 1, safe_below=safe, broken_above=0.5)
    seen: list[Iteration] = []
    make_run(stages, score=lambda exchanges: [0.1] * len(exchanges)).learn(seen.append)
    assert all(i.attack_success is not None and i.attack_success > 0.5 for i in seen)
    assert [sum(i.stage_index == k for i in seen) for k in (0, 1)] == updates


@pytest.mark.parametrize(("anchor", "anchored"), [("initial", [0, 0]), ("stage", [0, 2])])
def test_where_the_kl_is_anchored(
    anchor: str, anchored: list[int], make_run: Callable[..., GPO]
) -> None:
    run = make_run([Stage("defend", 2), Stage("defend", 2)], anchor=anchor)
    policy = policy_of(run, DEFENDER)
    models = [flat(policy.model)]
    references: list[torch.Tensor] = []

    def note(_: Iteration) -> None:
        references.append(flat(policy.reference))
        models.append(flat(policy.model))

    run.learn(note)
    for stage, index in enumerate(anchored):
        for reference in references[2 * stage : 2 * stage + 2]:
            assert torch.equal(reference, models[index])
    other = policy_of(run, ADVERSARY)
    assert torch.equal(flat(other.reference), flat(other.model))


def test_with_a_new_anchor_there_is_no_kl_at_first(make_run: Callable[..., GPO]) -> None:
    seen: list[Iteration] = []
    run = make_run([Stage("defend", 2), Stage("defend", 1)], anchor="stage")
    run.learn(seen.append)
    kl = [i.stats[DEFENDER].ref_kl for i in seen]
    assert abs(kl[1]) > 1e-3
    assert kl[2] == pytest.approx(0.0, abs=1e-5)


def test_a_batch_of_broken_groups_is_refused(make_run: Callable[..., GPO]) -> None:
    rule = GRPOConfig(group_size=3)
    with pytest.raises(ConfigurationError, match=r"group_size=3 of adversary_0 .* 8 games"):
        make_run(simultaneous(1), rule)
    # An agent that does not learn needs no groups.
    config = {"defender": replace(rule, group_size=4), "adversary": rule}
    make_run(defender_only(1), **config)
