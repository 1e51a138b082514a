"""What enters the benchmark: a class with two methods."""

from typing import NamedTuple, Protocol, runtime_checkable

from llm_game_agents.bench.tasks import Task
from llm_game_env.players.protocol import Player


class Players(NamedTuple):
    """What an algorithm has come to.

    Attributes:
        adversary, defender: any players; None where the algorithm has none of its own.
        defender_updates: steps of the defender's learning, for the table; None where they are not
            known or mean nothing.
    """

    adversary: Player | None
    defender: Player | None
    defender_updates: int | None = None


@runtime_checkable
class Algorithm(Protocol):
    """One entry; made anew, without arguments, for every task and random seed."""

    def train(self, task: Task) -> None:
        """Learns, on environments that `task` makes.

        It may return before the budget is spent, or let the environments' `BudgetSpent` pass: that
        ends the training, and is no error.
        """
        ...

    def players(self) -> Players:
        """The players as they are after `train`."""
        ...
