"""Only one player learns."""

from collections.abc import Iterator

from llm_game_agents.schedules.stages import Stage


def defender_only(updates: int) -> Iterator[Stage]:
    """RLHF: only the defender learns."""
    yield Stage("defend", updates)


def adversary_only(updates: int) -> Iterator[Stage]:
    """Red-teaming: only the adversary learns."""
    yield Stage("attack", updates)
