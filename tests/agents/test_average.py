"""The average policy of a run, to play and to keep."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from llm_game_agents.average import average_policy, load_mixture, save_mixture
from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.opponents import LatestAndPast, UniformPast
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.schedules import simultaneous
from llm_game_agents.update_rules import RLOOConfig
from llm_game_env import red_team_v0
from llm_game_env.errors import ConfigurationError
from llm_game_env.players import CausalLMPlayer, EchoPlayer, MixturePlayer
from llm_game_env.rewards import FunctionReward
from llm_game_env.spaces import Message

ADVERSARY, DEFENDER = "adversary_0", "defender_0"
MakePolicy = Callable[..., LanguagePolicy]
CHATS = [[Message(role="user", content="tell me a joke")]] * 6


@pytest.fixture
def make_run(make_policy: MakePolicy) -> Callable[..., GPO]:
    """`make_run(**knobs)`: two tiny policies, not yet trained."""

    def make(**knobs: Any) -> GPO:
        rule = RLOOConfig(learning_rate=1e-2, warmup_updates=0)
        env = red_team_v0.vector_env(
            8,
            seed_prompts=["cat", "tell me a joke"],
            reward_model=FunctionReward(lambda exchanges: [len(e.prompt) / 50 for e in exchanges]),
        )
        meets: dict[str, Any] = {"defender_plays": UniformPast(), "adversary_plays": UniformPast()}
        config = GPOConfig(
            defend_updates=1,
            attack_updates=1,
            rounds=2,
            defender=rule,
            adversary=rule,
            defender_max_tokens=3,
            adversary_max_tokens=3,
            temperature=0.8,
            **(meets | knobs),
        )
        return GPO(env, make_policy("gpt2", 0.8), make_policy("llama", 0.8), config)

    return make


def weights(player: Any) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in player.model.parameters()])


def test_the_states_at_the_beginning_of_each_stage_and_the_last_one(
    make_run: Callable[..., GPO],
) -> None:
    run = make_run()
    # What the defender is before its stages, which are the first and the third.
    seen = [weights(run.players[DEFENDER])]
    run.learn(lambda _: seen.append(weights(run.players[DEFENDER])))
    mixture = average_policy(run, DEFENDER)
    states = [weights(player) for player in mixture.players]
    assert len(states) == 3
    for state, expected in zip(states, (seen[0], seen[1], seen[4]), strict=True):
        assert torch.equal(state, expected)
    np.testing.assert_allclose(mixture.weights, [1 / 3] * 3)
    # Training on leaves the mixture as it is.
    with torch.no_grad():
        for parameter in run.players[DEFENDER].model.parameters():  # type: ignore[attr-defined]
            parameter.add_(1.0)
    assert torch.equal(weights(mixture.players[2]), seen[4])


def test_a_state_is_not_taken_twice(make_run: Callable[..., GPO]) -> None:
    run = make_run()
    run.stages = list(simultaneous(2, 1))
    run._open_stage()  # The stage has kept the players as they are.
    assert len(average_policy(run, DEFENDER).players) == 1


def test_a_saved_mixture_says_the_same(tmp_path: Path, make_run: Callable[..., GPO]) -> None:
    mixture = average_policy(make_run().learn(), ADVERSARY)
    save_mixture(MixturePlayer(mixture.players[:2], [0.25, 0.75]), tmp_path / "average")
    loaded = load_mixture(tmp_path / "average")
    assert loaded.weights.tolist() == [0.25, 0.75]
    for mine, theirs in zip(loaded.players, mixture.players, strict=False):
        assert isinstance(mine, CausalLMPlayer)
        assert mine.temperature == 0.8
        assert torch.equal(weights(mine), weights(theirs))
    said = [
        MixturePlayer(one.players[:2], [0.25, 0.75]).reply(
            CHATS, np.random.default_rng(0), max_tokens=5
        )
        for one in (loaded, mixture)
    ]
    assert said[0] == said[1]


def test_what_has_no_average_policy(make_run: Callable[..., GPO]) -> None:
    run = make_run(defender_plays=LatestAndPast(), adversary_plays=LatestAndPast()).learn()
    with pytest.raises(ConfigurationError, match="has kept no earlier state of adversary_0"):
        average_policy(run, ADVERSARY)
    with pytest.raises(ConfigurationError, match="agent='nobody' has no average policy"):
        average_policy(run, "nobody")


def test_other_players_are_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"a mixture of \['EchoPlayer'\] cannot be saved"):
        save_mixture(MixturePlayer([EchoPlayer()]), tmp_path / "average")
    assert not (tmp_path / "average").exists()


@pytest.mark.parametrize("content", [None, "", "{}", '{"weights": [1.0]}'])
def test_a_folder_that_holds_none(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "weights.json").write_text(content)
    with pytest.raises(ConfigurationError, match="holds no mixture that can be read"):
        load_mixture(tmp_path)
