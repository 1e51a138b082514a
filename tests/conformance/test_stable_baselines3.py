"""Stable-Baselines3's own check of the single-agent views."""

import pytest
from stable_baselines3.common.env_checker import check_env

from conformance_kit.contract import AGENTS
from conformance_kit.examples import EXAMPLES, SEATED, seat_arguments

TOKENS = [name for name in SEATED if name.endswith("tokens")]
TEXT = [name for name in SEATED if name.endswith("text")]


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("name", TOKENS)
def test_the_tokens_format_passes(name: str, agent: str) -> None:
    game = EXAMPLES[name]
    for render_mode in (None, "ansi"):
        arguments = seat_arguments(game, agent) | {"render_mode": render_mode}
        env = game.module.single_agent_env(**arguments)
        check_env(env, skip_render_check=render_mode is None)


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("name", TEXT)
def test_text_is_refused_for_what_it_is(name: str, agent: str) -> None:
    """It takes arrays alone: the first thing that it stops at is the conversation."""
    game = EXAMPLES[name]
    env = game.module.single_agent_env(**seat_arguments(game, agent))
    with pytest.raises(AssertionError, match="must be a numpy array") as caught:
        check_env(env)
    assert "messages" in str(caught.value)
