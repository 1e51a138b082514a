"""GPO of two players on one base: stages, earlier players, checkpoints."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import Anchor, GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.opponents import LatestAndPast
from llm_game_agents.player_folders import PlayerFolders
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.shared_base import SharedBase
from llm_game_agents.update_rules import PPOConfig, ReinforceConfig
from llm_game_env import red_team_v0
from llm_game_env.errors import ConfigurationError
from llm_game_env.players import CausalLMPlayer
from llm_game_env.rewards import FunctionReward
from llm_game_env.vector import VectorGame

ADVERSARY, DEFENDER = "adversary_0", "defender_0"
Weights = dict[str, torch.Tensor]


def config(anchor: Anchor = "initial") -> GPOConfig:
    """Both update rules that have a critic or none, with past adversaries in the defend stages."""
    return GPOConfig(
        defend_updates=1,
        attack_updates=1,
        rounds=3,
        defender=PPOConfig(update_epochs=1, num_minibatches=1, learning_rate=1e-2),
        adversary=ReinforceConfig(update_epochs=1, num_minibatches=1, learning_rate=1e-2),
        defender_plays=LatestAndPast(0.5),
        defender_max_tokens=4,
        adversary_max_tokens=4,
        anchor=anchor,
    )


def make_games() -> VectorGame:
    return red_team_v0.vector_env(
        8,
        seed_prompts=["cat", "tell me a joke", "how are you"],
        reward_model=FunctionReward(lambda exchanges: [len(e.response) / 50 for e in exchanges]),
    )


@pytest.fixture
def base(make_lm: Callable[..., Any], word_tokenizer: Any, tmp_path: Path) -> SharedBase:
    model = make_lm("llama", len(word_tokenizer))
    CausalLMPlayer(model, word_tokenizer).save(tmp_path / "base")
    return SharedBase.load(tmp_path / "base", rank=4)


def make_run(base: SharedBase, anchor: Anchor = "initial") -> GPO:
    return GPO(make_games(), base.policy(seed=0), base.policy(seed=1), config(anchor))


def policy_of(run: GPO, agent: str) -> LanguagePolicy:
    player = run.players[agent]
    assert isinstance(player, LanguagePolicy)
    return player


def weights(run: GPO) -> dict[str, Weights]:
    """Of both players, critic, reference and base included."""
    return {
        agent: {name: t.clone() for name, t in policy_of(run, agent).state_dict().items()}
        for agent in (ADVERSARY, DEFENDER)
    }


def changed(a: Weights, b: Weights) -> set[str]:
    assert a.keys() == b.keys()
    return {name for name in a if not torch.equal(a[name], b[name])}


def test_only_the_learners_adapter_and_critic_change(base: SharedBase) -> None:
    run = make_run(base)
    before = weights(run)

    def check(iteration: Iteration) -> None:
        (learner,) = iteration.stage.learners
        other = ADVERSARY if learner == DEFENDER else DEFENDER
        after = weights(run)
        assert not changed(after[other], before[other])
        moved = changed(after[learner], before[learner])
        assert any("lora_B" in name for name in moved)
        assert all("lora_" in name or name.startswith("value_head.") for name in moved)
        assert any(name.startswith("value_head.") for name in moved) == (learner == DEFENDER)
        # What was sampled with the cache scores as it was sampled.
        assert iteration.stats[learner].first_ratio_error <= 1e-4
        before[learner] = after[learner]

    run.learn(check)
    assert run.num_iterations == 6


def interrupted_run(base: SharedBase, anchor: Anchor) -> GPO:
    """Stopped where the next stage is the last defend stage, in which both kinds play."""
    run = make_run(base, anchor)

    def interrupt(iteration: Iteration) -> None:
        if iteration.index == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.learn(interrupt)
    return run


@pytest.mark.parametrize("anchor", ["initial", "stage"])
def test_a_run_goes_on_to_the_bit(anchor: Anchor, base: SharedBase, tmp_path: Path) -> None:
    run = interrupted_run(base, anchor)
    resumed = GPO.load(run.save(tmp_path / "run"), make_games())
    assert len(resumed.matchmaker.past[ADVERSARY]) == 2
    for agent in (ADVERSARY, DEFENDER):
        assert not changed(weights(resumed)[agent], weights(run)[agent])
    resumed.learn()
    whole = make_run(base, anchor).learn()
    for agent in (ADVERSARY, DEFENDER):
        # A reference that is the base has no folder of its own.
        assert (tmp_path / "run" / agent / "reference").exists() == (anchor == "stage")
        assert not changed(weights(resumed)[agent], weights(whole)[agent])


def test_what_is_loaded_stands_on_one_base(base: SharedBase, tmp_path: Path) -> None:
    path = interrupted_run(base, "stage").save(tmp_path / "run")
    assert not list(path.rglob("model.safetensors"))
    run = GPO.load(path, make_games())
    frozen = [
        {p.data_ptr() for n, p in model.named_parameters() if "lora_" not in n}
        for agent in (ADVERSARY, DEFENDER)
        for model in (
            policy_of(run, agent).model,
            policy_of(run, agent).reference,
            *(state.player.model for state in run.matchmaker.past[agent]),  # pyright: ignore
        )
    ]
    assert len(frozen) == 6
    assert all(pointers == frozen[0] for pointers in frozen)


def test_a_base_that_has_gone_is_named(base: SharedBase, tmp_path: Path) -> None:
    path = make_run(base).save(tmp_path / "run")
    (tmp_path / "base").rename(tmp_path / "moved")
    with pytest.raises(ConfigurationError, match=r"base' cannot be loaded"):
        GPO.load(path, make_games())
    file = path / ADVERSARY / "adapter_config.json"
    file.write_text('{"peft_type": "LORA"}')
    with pytest.raises(ConfigurationError, match=r"adapter_config\.json' cannot be read"):
        PlayerFolders(1.0).saved(path / ADVERSARY)
    file.write_text('{"base_model_name_or_path": null}')
    with pytest.raises(ConfigurationError, match=r"names no base; write .*base_model_name_or"):
        PlayerFolders(1.0).saved(path / ADVERSARY)
