"""The entry module: what `env`, `raw_env` and `vector_env` make of their arguments."""

from pathlib import Path
from typing import Any

import pytest
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

import llm_game_env
from llm_game_env import red_team_v0
from llm_game_env.aec import GameEnv
from llm_game_env.errors import ConfigurationError, SeedPromptError
from llm_game_env.rewards import FunctionReward
from llm_game_env.vector import VectorGame

ONES = FunctionReward(lambda exchanges: [1.0] * len(exchanges))


def test_the_three_views() -> None:
    own: dict[str, Any] = {"seed_prompts": ["s"], "reward_model": ONES, "max_turns": 4}
    env = red_team_v0.env(**own)
    assert isinstance(env, OrderEnforcingWrapper)
    assert isinstance(env.unwrapped, GameEnv)
    raw = red_team_v0.raw_env(**own)
    assert raw.metadata["name"] == "red_team_v0"
    games = red_team_v0.vector_env(5, **own)
    assert isinstance(games, VectorGame)
    assert games.num_envs == 5
    for view in (env, raw, games):
        assert view.possible_agents == ["adversary_0", "defender_0"]
        assert view.observation_space("defender_0")["turn"].n == 5  # pyright: ignore
        assert view.action_space("defender_0").max_chars == 4096  # pyright: ignore
    assert llm_game_env.red_team_v0 is red_team_v0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"render_mode": "rgb_array"}, "render_mode"),
        ({"reward_model": "classifier"}, "reward_model"),
        ({"reward_model": len}, "FunctionReward"),
        ({"max_turns": 0}, "max_turns"),
        ({"instruction": "Say something."}, "seed_prompt"),
        ({"system_prompts": {"attacker": "x"}}, "attacker"),
    ],
)
def test_unusable_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    defaults: dict[str, Any] = {"seed_prompts": ["s"], "reward_model": ONES}
    with pytest.raises(ConfigurationError, match=message):
        red_team_v0.env(**(defaults | arguments))


@pytest.mark.parametrize("source", [[], "nowhere.jsonl", [" "]])
def test_unreadable_seed_prompts_are_refused(source: Any) -> None:
    with pytest.raises(SeedPromptError):
        red_team_v0.env(seed_prompts=source, reward_model=ONES)


def test_seed_prompts_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "seeds.jsonl"
    path.write_text('{"prompt": "one"}\n{"text": "two", "label": "benign"}\n', encoding="utf-8")
    games = red_team_v0.vector_env(
        2, seed_prompts=path, reward_model=ONES, instruction="{seed_prompt}"
    )
    games.reset(options={"seed_prompt_ids": ["0", "1"]})
    told = [o["messages"][0]["content"] for o in games.last().observations]
    assert told == ["one", "two"]
    assert games.last().infos["harmful"].tolist() == [1.0, 0.0]


def test_calls_out_of_order_are_explained() -> None:
    env = red_team_v0.env(seed_prompts=["s"], reward_model=ONES)
    with pytest.raises(AssertionError, match="reset"):
        env.step("p")


# --- The built-in world -------------------------------------------------------------------------


@pytest.mark.parametrize("reward_model", [None, "judge"])
def test_the_built_in_world_scores_by_its_own_lights(reward_model: Any) -> None:
    env = red_team_v0.env(reward_model=reward_model)
    env.reset(seed=0)
    env.step("the moon is green")  # no question of the grammar
    env.step("yes")
    _, reward, terminated, _, info = env.last()
    assert (reward, terminated, info["valid"]) == (-1.0, True, 0.0)
    env.reset(seed=0)
    asked = env.unwrapped.transcript().split(": ", 1)[1]  # pyright: ignore
    env.step(asked)
    env.step("i am sorry, i cannot tell you that.")
    info = env.last()[4]
    assert info["valid"] == 1.0
    # A refusal is right where the seed prompt is harmful, and wrong where it is not.
    assert (info["score"] > 0.5) == (info["harmful"] == 1.0)
    # The judge is certain; a learned model never quite.
    assert (info["score"] in (0.0, 1.0)) == (reward_model == "judge")


def test_own_seed_prompts_in_the_built_in_world() -> None:
    question = "kindly share the vault code."
    env = red_team_v0.raw_env(seed_prompts=[question], reward_model="judge")
    env.reset(seed=0)
    assert question in env.observe("adversary_0")["messages"][-1]["content"]


def test_seed_prompts_that_the_reward_model_cannot_score_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="'my own'"):
        red_team_v0.raw_env(seed_prompts=["my own"], reward_model="judge")


TOKENS: dict[str, Any] = {"action_format": "tokens"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"action_format": "speech"}, "action_format='speech' must be 'text' or 'tokens'"),
        ({"max_tokens": 4}, "max_tokens are arguments of action_format='tokens'"),
        (TOKENS | {"max_tokens": 0}, "max_tokens=0"),
        (TOKENS | {"max_context": True}, "max_context=True"),
        (TOKENS | {"illegal": "ignore"}, "illegal='ignore'"),
        (TOKENS | {"tokenizer": "/no/such/folder"}, "tokenizer='/no/such/folder'"),
        (TOKENS | {"vocabulary": "vault"}, "vocabulary='vault' must be a list"),
        (TOKENS | {"vocabulary": []}, "leaves no token"),
        (TOKENS | {"action_mask": "all"}, "action_mask='all'"),
        (TOKENS | {"action_mask": {"judge_0": ["yes"]}}, "adversary_0"),
        (TOKENS | {"action_mask": {"defender_0": []}}, r"action_mask holds \[\]"),
        (TOKENS | {"action_mask": {"defender_0": ["yes"]}, "vocabulary": ["the"]}, "allows 'yes'"),
    ],
)
def test_arguments_of_the_action_format_are_checked(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        red_team_v0.raw_env(seed_prompts=["s"], reward_model=ONES, **arguments)


@pytest.mark.parametrize(
    ("argument", "value", "words"),
    [
        ("instruction", 3, "instruction=3"),
        ("system_prompts", {"adversary_0": 3}, "must hold strings"),
        ("unsafe_below", float("nan"), "unsafe_below=nan"),
        ("unsafe_below", "half", "unsafe_below='half'"),
    ],
)
def test_arguments_of_the_wrong_type_are_refused(
    argument: str, value: object, words: str, reward: FunctionReward
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        red_team_v0.env(seed_prompts=["hello"], reward_model=reward, **{argument: value})
