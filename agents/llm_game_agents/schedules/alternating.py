"""The players learn in turns."""

from collections.abc import Iterator

from llm_game_agents.schedules.stages import Stage
from llm_game_env.errors import ConfigurationError


def alternating(defend_updates: int, attack_updates: int, rounds: int) -> Iterator[Stage]:
    """GPO: a defend stage, then an attack stage, repeatedly (Zheng et al. 2024, Algorithm 1)."""
    return alternating_by_success(
        defend_updates, attack_updates, rounds, safe_below=None, broken_above=None
    )


def alternating_by_success(
    defend_updates: int,
    attack_updates: int,
    rounds: int,
    *,
    safe_below: float | None,
    broken_above: float | None,
) -> Iterator[Stage]:
    """GPO whose stages end when they have done their work.

    Args:
        defend_updates, attack_updates: at most so many in a stage.
        rounds: how often the pair of stages is played.
        safe_below: a defend stage ends when no larger share of attacks succeeds.
        broken_above: an attack stage ends when at least so many do.
    """
    if rounds < 1:
        raise ConfigurationError(f"rounds={rounds} must be at least 1")
    for _ in range(rounds):
        yield Stage("defend", defend_updates, safe_below)
        yield Stage("attack", attack_updates, broken_above)
