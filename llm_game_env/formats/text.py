"""The text format: the action is a whole message, the observation the dialogue."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from llm_game_env.errors import IllegalAction
from llm_game_env.game import Game
from llm_game_env.rules import AGENTS
from llm_game_env.spaces import Chat, Utterance


class TextFormat:
    """Strings of at most `max_chars` characters, as they are."""

    def __init__(self, game: Game) -> None:
        self._game = game
        space = spaces.Dict(
            {
                "messages": Chat(),
                "turn": spaces.Discrete(game.rules.max_turns + 1),
                "to_move": spaces.Discrete(len(AGENTS)),
            }
        )
        self.observation_spaces: dict[str, Any] = dict.fromkeys(AGENTS, space)
        self.action_spaces: dict[str, Any] = {
            agent: Utterance(game.rules.max_chars) for agent in AGENTS
        }

    def messages(self, rows: Sequence[int], actions: Sequence[Any]) -> Sequence[str]:
        """The actions themselves: every one is a whole message."""
        limit = self._game.rules.max_chars
        for action in actions:
            if not isinstance(action, str) or len(action) > limit:
                raise _illegal(dict(zip(rows, actions, strict=True)), limit)
        return actions

    def begin(self, rows: Sequence[int]) -> None:
        """Nothing to forget."""

    def extend(self, rows: Sequence[int], actions: Sequence[Any]) -> None:
        """Nothing goes on."""

    def observe(self, row: int, agent: int, *, waiting: bool = False) -> dict[str, Any]:
        """The dialogue as the agent sees it, exchanges completed, and whose turn it is."""
        turn, to_move = self._game.progress(row)
        messages = self._game.conversation(row, agent)
        return {"messages": messages, "turn": turn, "to_move": to_move}

    def observe_all(self, agent: int, waiting: np.ndarray) -> list[dict[str, Any]]:
        """A list of N observations."""
        return [self.observe(row, agent) for row in range(self._game.num_rows)]


def _illegal(actions: dict[int, Any], limit: int) -> IllegalAction:
    bad = {
        row: text for row, text in actions.items() if not isinstance(text, str) or len(text) > limit
    }
    row, text = next(iter(bad.items()))
    what = f"{len(text):,} characters" if isinstance(text, str) else f"a {type(text).__name__}"
    others = f" (rows {sorted(bad)})" if len(bad) > 1 else ""
    return IllegalAction(
        f"the action of row {row} is {what}; send a string of at most {limit:,} characters{others}",
        rows=sorted(bad),
    )
