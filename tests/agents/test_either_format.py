"""Playing the tokens format as one plays the text format."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.rollout import Rollout, collect
from llm_game_agents.schedules import defender_only
from llm_game_agents.update_rules import GRPOConfig, PPOConfig
from llm_game_env import red_team_v0
from llm_game_env.errors import ConfigurationError
from llm_game_env.players import CausalLMPlayer, Player, ScriptedPlayer
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.vector import VectorGame
from small_games import BAR, COLOUR_OF, WORDS, learn
from word_policies import make_word_policy

ADVERSARY, DEFENDER = "adversary_0", "defender_0"
MAX_TOKENS = {ADVERSARY: 5, DEFENDER: 7}
MakePolicy = Callable[..., LanguagePolicy]


def words_said(exchanges: Sequence[Exchange]) -> list[float]:
    return [0.1 * len(e.response.split()) + 0.01 * len(e.prompt.split()) for e in exchanges]


def make_games(num_envs: int, **arguments: Any) -> VectorGame:
    defaults: dict[str, Any] = {
        "seed_prompts": ["cat", "tell me a joke", "how are you"],
        "reward_model": FunctionReward(words_said, best=2.0),
        "max_turns": 3,
    }
    env = red_team_v0.vector_env(num_envs, **(defaults | arguments))
    env.reset(seed=0)
    return env


def play(env: VectorGame, adversary: Player, defender: Player, **knobs: Any) -> Rollout:
    players = {ADVERSARY: adversary, DEFENDER: defender}
    return collect(env, players, MAX_TOKENS, seed=3, iteration=0, **knobs)


@pytest.mark.parametrize("turn_reward", ["each", "end"])
@pytest.mark.parametrize("stop_when_unsafe", [False, True])
def test_games_go_as_in_the_text_format(
    stop_when_unsafe: bool,
    turn_reward: str,
    make_policy: MakePolicy,
    word_tokenizer: PreTrainedTokenizerFast,
) -> None:
    rules = {"turn_reward": turn_reward, "stop_when_unsafe": stop_when_unsafe, "unsafe_below": 0.3}
    tokens = {"action_format": "tokens", "tokenizer": word_tokenizer, "max_tokens": 7}
    adversary, defender = make_policy(), make_policy("llama")
    text, spelt = (
        play(make_games(8, **rules, **more), adversary, defender) for more in ({}, tokens)
    )
    # Token ids, log-probabilities, turns and rewards: all that is learnt from.
    assert spelt.decisions == text.decisions
    assert spelt.exchanges == text.exchanges
    assert len({d.reward for d in text.decisions[DEFENDER]}) > 2
    stops = {d.completion.stop for d in text.decisions[DEFENDER]}
    assert stops == {"eos", "length"}  # messages that end by themselves, and by the format's limit


@pytest.mark.parametrize("learner", [ADVERSARY, DEFENDER])
def test_groups_go_as_in_the_text_format(
    learner: str, make_policy: MakePolicy, word_tokenizer: PreTrainedTokenizerFast
) -> None:
    tokens = {"action_format": "tokens", "tokenizer": word_tokenizer, "max_tokens": 7}
    players = make_policy(), make_policy("llama")
    text, spelt = (
        play(make_games(8, **more), *players, learner=learner, group_size=4)
        for more in ({}, tokens)
    )
    assert spelt.decisions == text.decisions
    assert spelt.exchanges == text.exchanges


def test_byte_level_tokens_go_as_in_the_text_format(
    make_lm: Callable[..., Any], byte_tokenizer: PreTrainedTokenizerFast
) -> None:
    # Half characters, spaces and special tokens, all of which a random model writes.
    model = make_lm("gpt2", len(byte_tokenizer), n_positions=512)
    policy = LanguagePolicy(CausalLMPlayer(model, byte_tokenizer))
    tokens = {"action_format": "tokens", "tokenizer": byte_tokenizer, "max_tokens": 7}
    seeds = {"seed_prompts": ["cat"], "max_turns": 1}
    text, spelt = (play(make_games(64, **seeds, **more), policy, policy) for more in ({}, tokens))
    assert spelt.decisions == text.decisions
    assert spelt.exchanges == text.exchanges
    written = [d.completion for d in text.decisions[DEFENDER]]
    assert any("\ufffd" in one.text for one in written)
    special = set(byte_tokenizer.all_special_ids)
    assert any(special & set(one.ids[:-1]) for one in written)


def test_players_that_write_texts_are_spelt(
    make_policy: MakePolicy, word_tokenizer: PreTrainedTokenizerFast
) -> None:
    tokens = {"action_format": "tokens", "tokenizer": word_tokenizer, "max_tokens": 7}
    rollout = play(make_games(4, **tokens), ScriptedPlayer(["tell me", ""]), make_policy())
    assert {e.prompt for e in rollout.exchanges} == {"tell me", ""}


@pytest.mark.parametrize(
    ("arguments", "said", "problem"),
    [
        ({"max_tokens": 2}, "tell me a joke", r"'tell me a joke', takes 4 tokens of at most 2"),
        ({"vocabulary": ["no"]}, "cat", r"'cat', has tokens that are no actions"),
    ],
)
def test_what_the_environment_cannot_say_is_refused(
    arguments: dict[str, Any],
    said: str,
    problem: str,
    make_policy: MakePolicy,
    word_tokenizer: PreTrainedTokenizerFast,
) -> None:
    env = make_games(4, action_format="tokens", tokenizer=word_tokenizer, **arguments)
    with pytest.raises(ConfigurationError, match=f"a message of adversary_0, {problem}; give"):
        play(env, ScriptedPlayer([said]), make_policy())


def test_a_run_in_tokens_is_the_run_in_text(
    make_policy: MakePolicy, word_tokenizer: PreTrainedTokenizerFast
) -> None:
    tokens = {"action_format": "tokens", "tokenizer": word_tokenizer, "max_tokens": 4}
    rule = PPOConfig(learning_rate=3e-3)
    config = GPOConfig(
        defend_updates=1,
        attack_updates=1,
        rounds=2,
        defender=rule,
        adversary=GRPOConfig(learning_rate=3e-3, group_size=4),
        defender_max_tokens=4,
        adversary_max_tokens=4,
    )
    ends = []
    for more in ({}, tokens):
        run = GPO(make_games(8, **more), make_policy(), make_policy("llama"), config).learn()
        ends.append([run.learners[agent].policy.state_dict() for agent in (ADVERSARY, DEFENDER)])
    for text, spelt in zip(*ends, strict=True):
        assert all(np.array_equal(text[name], spelt[name]) for name in text)


@pytest.mark.slow
def test_a_defender_learns_token_by_token_over_three_turns() -> None:
    defender = make_word_policy(WORDS)
    first, best = learn(
        lambda exchanges: [float(e.response == COLOUR_OF.get(e.prompt)) for e in exchanges],
        defender_only(150),
        rule=PPOConfig(learning_rate=5e-3, warmup_updates=0),
        adversary=ScriptedPlayer(list(COLOUR_OF)),
        defender=defender,
        seed=0,
        max_turns=3,
        action_format="tokens",
        tokenizer=defender.player.tokenizer,
        max_tokens=2,
    )
    assert first < 0.2
    assert best > BAR
