"""Both players learn at once."""

from collections.abc import Iterator

from llm_game_agents.schedules.stages import Stage
from llm_game_env.errors import ConfigurationError


def simultaneous(updates: int, stage_updates: int = 0) -> Iterator[Stage]:
    """Each update moves both players, each against the other as it was before.

    Args:
        updates: of either player.
        stage_updates: updates to a stage, whose beginnings are when past players are kept for
            `Opponents`; 0 for one stage.

    Raises:
        ConfigurationError: there are no updates, or a stage has less than none.
    """
    if updates < 1:
        raise ConfigurationError(f"updates={updates} must be at least 1")
    if stage_updates < 0:
        raise ConfigurationError(f"stage_updates={stage_updates} must be at least 0")
    size = stage_updates or updates
    for start in range(0, updates, size):
        yield Stage("both", min(size, updates - start))
