"""Both players learn at once."""

from collections.abc import Iterator

from llm_game_agents.schedules.stages import Stage


def simultaneous(updates: int, stage_updates: int = 0) -> Iterator[Stage]:
    """Each update moves both players, each against the other as it was before.

    Args:
        updates: of either player.
        stage_updates: updates to a stage, whose beginnings are when past players are kept for
            `Opponents`; 0 for one stage.
    """
    size = stage_updates or updates
    for start in range(0, updates, size):
        yield Stage("both", min(size, updates - start))
