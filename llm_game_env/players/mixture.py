"""A player that is one of several, drawn anew for every message."""

from collections.abc import Sequence

import numpy as np

from llm_game_env.errors import ConfigurationError
from llm_game_env.players.protocol import Player
from llm_game_env.spaces import Message

MAX_SUM_ERROR = 1e-6


class MixturePlayer:
    """Writes each message as one of some players, drawn by their weights.

    The draw is by message, since a player keeps nothing between calls: in a game of one turn this
    is the average policy that theorems about self-play speak of. In a game of several turns that
    policy keeps to one of its players to the end of a game, which this one does not.

    Args:
        players: M of them.
        weights: probabilities, float [M]; every player alike by default.

    Raises:
        ConfigurationError: there are no players, or the weights are no probabilities of theirs.
    """

    def __init__(self, players: Sequence[Player], weights: Sequence[float] | None = None) -> None:
        if not players:
            raise ConfigurationError("players=[] must hold at least one player")
        self.players = tuple(players)
        if weights is None:
            weights = [1.0 / len(self.players)] * len(self.players)
        self.weights = _probabilities(weights, len(self.players))

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        """One message a conversation, each by the player drawn for it."""
        messages = [""] * len(conversations)
        drawn = rng.choice(len(self.players), size=len(conversations), p=self.weights)
        for index, player in enumerate(self.players):
            own = np.flatnonzero(drawn == index).tolist()
            if own:
                written = player.reply([conversations[i] for i in own], rng, max_tokens=max_tokens)
                for i, message in zip(own, written, strict=True):
                    messages[i] = message
        return messages


def _probabilities(weights: Sequence[float], size: int) -> np.ndarray:
    shares = np.array(weights, dtype=np.float64)
    if (
        shares.shape != (size,)
        or not np.all(shares >= 0)
        or not abs(shares.sum() - 1) <= MAX_SUM_ERROR
    ):
        raise ConfigurationError(
            f"weights={list(weights)!r} must be {size} numbers of at least 0, one a player, that "
            "sum to 1"
        )
    return shares / shares.sum()
