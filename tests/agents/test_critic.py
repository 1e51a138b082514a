"""A critic with a model of its own: what moves it, what it learns, how it is saved."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, PreTrainedTokenizerFast

from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.shared_base import SharedBase
from llm_game_agents.trajectory import Decision
from llm_game_agents.update_rules import PPO, PPOConfig, UpdateStats
from llm_game_env import red_team_v0
from llm_game_env.errors import ConfigurationError
from llm_game_env.players import CausalLMPlayer
from llm_game_env.rewards import FunctionReward
from llm_game_env.vector import VectorGame

KINDS = ("gpt2", "llama", "qwen2", "gemma2")
IDS = torch.tensor([[5, 9, 4, 17, 6, 12], [11, 4, 8, 19, 0, 0]])
MASK = (IDS > 0).long()
DEFENDER = "defender_0"

Decide = Callable[..., list[Decision]]
MakePolicy = Callable[..., LanguagePolicy]
Open = Callable[[], LanguagePolicy]


@pytest.fixture
def base(
    make_lm: Callable[..., Any], word_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> SharedBase:
    model = make_lm("llama", len(word_tokenizer))
    CausalLMPlayer(model, word_tokenizer).save(tmp_path / "base")
    return SharedBase.load(tmp_path / "base", rank=4)


@pytest.fixture(params=["whole models", "adapters"])
def start(request: pytest.FixtureRequest, base: SharedBase) -> Open:
    """`start()`: a policy with a critic of its own, of either kind."""
    if request.param == "adapters":
        return lambda: base.policy(critic="model")
    return lambda: LanguagePolicy.load(base.path, critic="model")


def critic_of(policy: LanguagePolicy) -> torch.nn.Module:
    assert policy.critic is not None
    return policy.critic


def give_value_head(policy: LanguagePolicy) -> None:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        policy.value_head.weight.copy_(torch.randn(1, 16, generator=generator))


def learn(policy: LanguagePolicy, decide: Decide, **knobs: Any) -> UpdateStats:
    rule = PPOConfig(warmup_updates=0, **knobs)
    return rule.make_learner(policy, 0).update(decide(policy, [1.0, -1.0, 0.5] * 4))


def changed(module: torch.nn.Module, before: dict[str, torch.Tensor]) -> bool:
    return any(not torch.equal(t, before[name]) for name, t in module.state_dict().items())


def weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: t.clone() for name, t in module.state_dict().items()}


@pytest.mark.parametrize("kind", KINDS)
def test_at_first_it_says_what_a_head_on_the_policy_says(
    kind: str, make_policy: MakePolicy
) -> None:
    with_head = make_policy(kind)
    own = LanguagePolicy(with_head.player, critic="model")
    for policy in (with_head, own):
        give_value_head(policy)
    with torch.no_grad():
        mine, theirs = own.score(IDS, MASK, 3), with_head.score(IDS, MASK, 3)
    torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=0)
    whole = own.values(IDS, MASK)
    torch.testing.assert_close(whole, with_head.values(IDS, MASK), atol=1e-5, rtol=0)
    torch.testing.assert_close(whole[:, 3:], mine.values[:, 3:], atol=1e-5, rtol=0)


def test_values_move_the_critic_alone_and_words_the_policy_alone(start: Open) -> None:
    policy = start()
    give_value_head(policy)
    policy.score(IDS, MASK).values.sum().backward()
    given = {p for p in policy.parameters() if p.grad is not None}
    assert given == set(policy.critic_weights())
    assert not given & set(policy.learnt_weights())
    policy.zero_grad()
    policy.score(IDS, MASK).logprobs.sum().backward()
    given = {p for p in policy.parameters() if p.grad is not None}
    assert given == set(policy.learnt_weights())


def test_the_value_loss_cannot_slow_the_policy(start: Open, decide: Decide) -> None:
    # Norms are clipped apart: whatever the critic's loss weighs, the policy makes the same step.
    stepped: list[dict[str, torch.Tensor]] = []
    for vf_coef in (0.0, 100.0):
        policy = start()
        learn(policy, decide, vf_coef=vf_coef, update_epochs=1, max_grad_norm=1e-2)
        stepped.append(weights(policy.model))
    assert all(torch.equal(stepped[0][name], stepped[1][name]) for name in stepped[0])


def test_each_learns_at_its_own_rate(start: Open, decide: Decide) -> None:
    policy = start()
    give_value_head(policy)
    before = weights(policy.model), weights(critic_of(policy))
    learn(policy, decide, learning_rate=1e-30, critic_learning_rate=1e-2)
    for name, tensor in policy.model.state_dict().items():
        torch.testing.assert_close(tensor, before[0][name], atol=1e-20, rtol=0)
    assert changed(critic_of(policy), before[1])


def test_it_learns_what_the_reward_is(start: Open, decide: Decide) -> None:
    policy = start()
    rule = PPOConfig(
        learning_rate=1e-9,
        critic_learning_rate=1e-2,
        warmup_updates=0,
        update_epochs=8,
        num_minibatches=1,
        value_clip_coef=10.0,
        kl_coef=0.0,
        vf_coef=1.0,
    )
    learner = rule.make_learner(policy, 0)
    # The reward is told by the prompt, which the fixture gives in turn.
    decisions = decide(policy, [1.0, -1.0, 0.5] * 4)
    variances = [learner.update(decisions).explained_variance or 0.0 for _ in range(8)]
    assert abs(variances[0]) < 0.2
    assert variances[-1] > 0.9


def test_it_comes_back_from_disk(start: Open, base: SharedBase, tmp_path: Path) -> None:
    policy = start()
    give_value_head(policy)
    with torch.no_grad():
        for parameter in policy.critic_weights():
            parameter.add_(0.1)
    policy.save(tmp_path / "saved")
    if (tmp_path / "saved" / "adapter_config.json").exists():
        loaded = base.policy(adapter=tmp_path / "saved")
        shared = set(base.model.parameters())
        assert shared & set(critic_of(loaded).parameters())
        assert not list((tmp_path / "saved").rglob("model.safetensors"))
    else:
        loaded = LanguagePolicy.load(tmp_path / "saved")
    assert torch.equal(loaded.values(IDS, MASK), policy.values(IDS, MASK))
    assert set(loaded.critic_weights()) <= set(loaded.parameters())


def test_it_may_start_from_another_model(
    make_policy: MakePolicy, base: SharedBase, tmp_path: Path
) -> None:
    make_policy("qwen2").player.save(tmp_path / "other")
    policy = LanguagePolicy.load(base.path, critic=tmp_path / "other")
    plain = AutoModel.from_pretrained(tmp_path / "other")
    give_value_head(policy)
    with torch.no_grad():
        states = plain(input_ids=IDS, attention_mask=MASK).last_hidden_state
        values = policy.score(IDS, MASK).values
    expected = (states @ policy.value_head.weight[0])[:, :-1]
    torch.testing.assert_close(values[:, 1:], expected, atol=1e-5, rtol=0)
    with pytest.raises(ConfigurationError, match=r"nowhere' cannot be loaded as a critic"):
        LanguagePolicy.load(base.path, critic=tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match=r"critic='tail' must be 'head' or 'model'"):
        LanguagePolicy.load(base.path, critic="tail")  # pyright: ignore[reportArgumentType]


def make_games() -> VectorGame:
    return red_team_v0.vector_env(
        6,
        seed_prompts=["cat", "tell me a joke", "how are you"],
        reward_model=FunctionReward(lambda exchanges: [len(e.response) / 50 for e in exchanges]),
    )


def test_a_run_goes_on_to_the_bit(start: Open, tmp_path: Path) -> None:
    rule = PPOConfig(
        learning_rate=1e-2, critic_learning_rate=1e-2, update_epochs=1, num_minibatches=2
    )
    config = GPOConfig(
        defend_updates=2,
        attack_updates=1,
        rounds=2,
        adversary=rule,
        defender=rule,
        defender_max_tokens=4,
        adversary_max_tokens=4,
    )
    begun = GPO(make_games(), start(), start(), config).save(tmp_path / "begun")
    whole = GPO.load(begun, make_games()).learn()

    stopped = GPO.load(begun, make_games())

    def stop(iteration: Any) -> None:
        if iteration.index == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped.learn(stop)
    resumed = GPO.load(stopped.save(tmp_path / "stopped"), make_games()).learn()
    for agent, player in whole.players.items():
        mine, theirs = player, resumed.players[agent]
        assert isinstance(mine, LanguagePolicy)
        assert isinstance(theirs, LanguagePolicy)
        expected = weights(mine)
        assert any(name.startswith("critic.") for name in expected)
        assert not changed(theirs, expected)
    learner = whole.learners[DEFENDER]
    assert isinstance(learner, PPO)
    assert changed(critic_of(learner.policy), weights(critic_of(start())))


def test_a_merged_folder_is_of_the_player_alone(base: SharedBase, tmp_path: Path) -> None:
    policy = base.policy(critic="model")
    give_value_head(policy)
    base.save_merged(policy, tmp_path / "merged")
    # Of the policy's own states the critic's head would say anything.
    assert not LanguagePolicy.load(tmp_path / "merged").value_head.weight.any()


def test_a_twin_scores_alike_and_keeps_no_reference(start: Open) -> None:
    policy = start()
    give_value_head(policy)
    twin = policy.twin()
    with torch.no_grad():
        torch.testing.assert_close(twin.score(IDS, MASK), policy.score(IDS, MASK))
    assert twin.reference is None
