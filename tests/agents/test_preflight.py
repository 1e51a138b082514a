"""What is checked before a run starts."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.preflight import check_contexts, check_reward_model
from llm_game_env import red_team_v0
from llm_game_env.errors import ConfigurationError, RewardError
from llm_game_env.rewards import Exchange, FunctionReward
from llm_game_env.vector import VectorGame

MakePolicy = Callable[..., LanguagePolicy]
CONFIG = GPOConfig(adversary_max_tokens=5, defender_max_tokens=7)


def scored(function: Callable[[Sequence[Exchange]], Any]) -> VectorGame:
    return red_team_v0.vector_env(
        2, seed_prompts=["s0", "s1"], reward_model=FunctionReward(function)
    )


def game(text: str, context: tuple[str, str] | None = None) -> VectorGame:
    record: dict[str, Any] = {"text": text, "id": "long one"}
    if context is not None:
        roles = ("user", "assistant")
        record["context"] = [
            {"role": role, "content": said} for role, said in zip(roles, context, strict=True)
        ]
    return red_team_v0.vector_env(
        1,
        seed_prompts=["cat", record],
        reward_model=FunctionReward(lambda exchanges: [0.0] * len(exchanges)),
        instruction="{seed_prompt}",
    )


def tokens(policy: LanguagePolicy, *contents: str) -> int:
    roles = ("user", "assistant")
    chat = [{"role": roles[i % 2], "content": text} for i, text in enumerate(contents)]
    return len(policy.player.encode([chat])[0])  # pyright: ignore[reportArgumentType]


def test_a_context_with_room_to_spare_passes(make_policy: MakePolicy) -> None:
    policy = make_policy()
    check_contexts(game("cat " * 20), policy, policy, CONFIG)


def test_the_adversarys_context_is_used_to_the_last_token(make_policy: MakePolicy) -> None:
    text = "cat " * 20
    policy, wide = make_policy(), make_policy()
    policy.player.context = tokens(policy, text) + CONFIG.adversary_max_tokens
    check_contexts(game(text), policy, wide, CONFIG)
    policy.player.context -= 1
    with pytest.raises(ConfigurationError, match=r"seed prompt 'long one' takes \d+ of the adv"):
        check_contexts(game(text), policy, wide, CONFIG)


def test_the_defender_needs_room_for_dialogue_prompt_and_answer(make_policy: MakePolicy) -> None:
    context = ("tell me " * 9, "no " * 9)
    policy, wide = make_policy(), make_policy()
    used = tokens(policy, *context, "")
    policy.player.context = used + 5 + 7
    check_contexts(game("cat", context), wide, policy, CONFIG)
    policy.player.context -= 1
    with pytest.raises(ConfigurationError, match=rf"{used} of the defender's .* lower --defender"):
        check_contexts(game("cat", context), wide, policy, CONFIG)


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf"), 1e60])
def test_a_reward_that_is_not_finite_is_refused(score: float) -> None:
    with pytest.raises(RewardError, match="finite"):
        check_reward_model(scored(lambda exchanges: [score] * len(exchanges)))


def test_a_reward_of_another_shape_is_refused() -> None:
    with pytest.raises(RewardError, match="one number for each"):
        check_reward_model(scored(lambda _: [0.0]))


def test_a_usable_reward_passes_and_is_probed_with_the_seed_prompts() -> None:
    seen: list[Exchange] = []

    def score(exchanges: Sequence[Exchange]) -> list[float]:
        seen.extend(exchanges)
        return [-3.5] * len(exchanges)

    env = scored(score)
    check_reward_model(env)
    assert [exchange.prompt for exchange in seen] == ["s0", "s1"]
    assert all(exchange.response for exchange in seen)


def test_system_prompts_and_later_turns_need_room_too(make_policy: MakePolicy) -> None:
    def games(**options: Any) -> VectorGame:
        return red_team_v0.vector_env(
            1,
            seed_prompts=["cat"],
            reward_model=FunctionReward(lambda exchanges: [0.0] * len(exchanges)),
            instruction="{seed_prompt}",
            **options,
        )

    policy, wide = make_policy(), make_policy()
    policy.player.context = tokens(policy, "cat") + CONFIG.adversary_max_tokens
    check_contexts(games(), policy, wide, CONFIG)
    for options in ({"system_prompts": {"adversary_0": "be brief"}}, {"max_turns": 2}):
        with pytest.raises(ConfigurationError, match="tokens of context"):
            check_contexts(games(**options), policy, wide, CONFIG)
    policy.player.context += CONFIG.adversary_max_tokens + CONFIG.defender_max_tokens
    check_contexts(games(max_turns=2), policy, wide, CONFIG)
