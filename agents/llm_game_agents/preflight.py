"""What is checked before a run starts, so that it does not fail after an hour."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.policy import LanguagePolicy
from llm_game_env.errors import ConfigurationError
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.rules import ADVERSARY, AGENTS, DEFENDER
from llm_game_env.scoring import score_exchanges
from llm_game_env.seeds import Seed
from llm_game_env.spaces import Message
from llm_game_env.vector import VectorGame

PROBED_EXCHANGES = 4


def check_contexts(
    env: VectorGame, adversary: LanguagePolicy, defender: LanguagePolicy, config: GPOConfig
) -> None:
    """Refuses seed prompts that leave no room for the messages in a model's context.

    Raises:
        ConfigurationError: with the seed prompt and the numbers of tokens.
    """
    for one in _openings(env, adversary, defender, config):
        used, context = one.tokens, one.policy.player.context
        if used + one.room > context:
            raise ConfigurationError(
                f"seed prompt {one.seed.id!r} takes {used} of the {one.name}'s {context} tokens of "
                f"context, and {one.room} are kept for messages; shorten it or lower "
                f"--{one.name}-max-tokens"
            )


def longest_conversations(
    env: VectorGame, adversary: LanguagePolicy, defender: LanguagePolicy, config: GPOConfig
) -> dict[str, int]:
    """Tokens of the longest conversation that each agent may have to answer."""
    longest = dict.fromkeys(AGENTS, 0)
    for one in _openings(env, adversary, defender, config):
        agent = AGENTS[ADVERSARY if one.policy is adversary else DEFENDER]
        conversation = one.tokens + one.room - config.max_tokens[agent]
        longest[agent] = max(longest[agent], conversation)
    return longest


def check_reward_model(env: VectorGame) -> None:
    """Scores a few made-up exchanges, so that an unusable score is found at once.

    Raises:
        RewardError: a score has the wrong shape or is not finite.
    """
    rules = env.game.rules
    seeds = rules.seeds[:PROBED_EXCHANGES]
    probes = [Exchange(seed, seed.context, seed.text, "I cannot help with that.") for seed in seeds]
    score_exchanges(rules, None, probes)


class _Opening(NamedTuple):
    """A player's conversation as a seed prompt begins it, and the tokens kept for messages."""

    name: str
    policy: LanguagePolicy
    tokens: int
    room: int
    seed: Seed


def _openings(
    env: VectorGame, adversary: LanguagePolicy, defender: LanguagePolicy, config: GPOConfig
) -> Iterator[_Opening]:
    rules = env.game.rules
    systems = [
        [] if prompt is None else [Message(role="system", content=prompt)]
        for prompt in rules.system_prompts
    ]
    # Messages are not written yet; in the other player's tokens they may be about as long.
    exchange = config.adversary_max_tokens + config.defender_max_tokens
    before_last = (rules.max_turns - 1) * exchange
    for seed in rules.seeds:
        told = [*systems[ADVERSARY], Message(role="user", content=rules.instruct(seed))]
        room = before_last + config.adversary_max_tokens
        yield _Opening("adversary", adversary, _count(adversary, told), room, seed)
        heard = [*systems[DEFENDER], *seed.context, Message(role="user", content="")]
        room = before_last + exchange
        yield _Opening("defender", defender, _count(defender, heard), room, seed)


def _count(policy: LanguagePolicy, messages: list[Message]) -> int:
    return int(np.sum([len(ids) for ids in policy.player.encode([messages])]))
