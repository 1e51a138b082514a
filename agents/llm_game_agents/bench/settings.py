"""What is equal for all that stand in one leaderboard."""

from dataclasses import dataclass, fields

from llm_game_env.checks import check_whole

FULL_TURNS = 20_736
"""54 batches of 384 games: GPO's three rounds of 4 + 14 updates."""


@dataclass(frozen=True)
class BenchSettings:
    """Budgets and sizes of the tests.

    Attributes:
        turns: that an algorithm may play, both players' learning together.
        response_updates, response_games: of the best response that is trained against a defender:
            PPO's updates, and the games that each is learnt from.
        num_per_label: secret and ordinary held-out questions that a defender is asked.
        num_attacks: games that an adversary plays in a test.

    Raises:
        ConfigurationError: one of them is below 1.
    """

    turns: int = FULL_TURNS
    response_updates: int = 28
    response_games: int = 128
    num_per_label: int = 256
    num_attacks: int = 512

    def __post_init__(self) -> None:
        for item in fields(self):
            check_whole(item.name, getattr(self, item.name))


QUICK = BenchSettings(
    turns=96, response_updates=1, response_games=16, num_per_label=16, num_attacks=16
)
"""Too little to learn anything; shows in a minute that everything runs."""
