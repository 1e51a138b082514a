"""One agent's seat in N games: its own steps, between which the opponent has moved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from llm_game_env.checks import brief, check_whole
from llm_game_env.diversity import Diversity
from llm_game_env.errors import ConfigurationError
from llm_game_env.formats import TokenSettings, make_format
from llm_game_env.game import Game, Scored
from llm_game_env.infos import part_infos, seed_infos
from llm_game_env.players.protocol import Player
from llm_game_env.rules import AGENTS, Rules, agent_index
from llm_game_env.scoring import RewardParts


class Outcome(NamedTuple):
    """What a step of the learner led to in one row.

    Attributes:
        reward: the learner's own, summed over all that happened until it moves again.
        ended: whether the game is over.
        parts: of the exchange that was completed, zeros where none was.
    """

    reward: float
    ended: bool
    parts: RewardParts


@dataclass(frozen=True)
class SeatSettings:
    """Whose seat it is, and in which game.

    Attributes:
        rules: see `llm_game_env.rules.make_rules`.
        agent: whose seat it is, "adversary_0" or "defender_0".
        opponent: plays the other agent; its messages are cut to `max_chars`.
        opponent_max_tokens: of one of its messages, in its own tokens.
        diversity: copied; one history is shared by all rows.
        tokens: settings of the tokens format; None for the text format.

    Raises:
        ConfigurationError: there is no such agent, the opponent is no player, or its limit is no
            whole number of at least 1.
    """

    rules: Rules
    agent: str
    opponent: Player
    opponent_max_tokens: int = 64
    diversity: Diversity | None = None
    tokens: TokenSettings | None = None

    def __post_init__(self) -> None:
        agent_index(self.agent)
        if not isinstance(self.opponent, Player):
            raise ConfigurationError(
                f"opponent={brief(self.opponent)} has no reply(); give a Player such as those of "
                "llm_game_env.players"
            )
        check_whole("opponent_max_tokens", self.opponent_max_tokens)


class Seat:
    """The learner's side of N games.

    Args:
        settings: see `SeatSettings`.
        num_rows: N.
    """

    def __init__(self, settings: SeatSettings, num_rows: int) -> None:
        self.agent = AGENTS.index(settings.agent)
        self.game = Game(settings.rules, num_rows, settings.diversity)
        self.format = make_format(self.game, settings.tokens)
        self.observation_space = self.format.observation_spaces[settings.agent]
        self.action_space = self.format.action_spaces[settings.agent]
        self.no_outcome = Outcome(0.0, False, self.game.nothing)
        self._opponent = settings.opponent
        self._opponent_max_tokens = settings.opponent_max_tokens
        self._opponent_rng = np.random.default_rng()

    def seed(self, seeds: Sequence[int]) -> None:
        """Seeds every row, and the opponent from the first of them; empties the history."""
        self.game.seed_rows(seeds)
        # A stream of its own: the opponent's draws must not be the game's.
        self._opponent_rng = np.random.default_rng([1, seeds[0]])

    def reset(self, rows: Sequence[int], seed_indices: Sequence[int] | None = None) -> None:
        """Starts games in some rows, up to the learner's first move."""
        self.game.reset_rows(rows, seed_indices)
        self.format.begin(rows)
        self._let_opponent_move(rows)

    def step(self, rows: Sequence[int], actions: Sequence[Any]) -> list[Outcome]:
        """One action of the learner in each of some rows, and what the opponent answers.

        Raises:
            IllegalAction: an action outside the space, or masked; nothing has changed.
            RewardError, BudgetSpent: the reward model failed, or the turns are more than are left.
                The games are in the middle of a step: reset.
        """
        messages = self.format.messages(rows, actions)
        sent = {row: m for row, m in zip(rows, messages, strict=True) if m is not None}
        scored = self._play(list(sent), list(sent.values()))
        going_on = [i for i, message in enumerate(messages) if message is None]
        self.format.extend([rows[i] for i in going_on], [actions[i] for i in going_on])
        scored += self._let_opponent_move([row for row in sent if self.game.is_active(row)])
        outcomes = {
            item.row: Outcome(item.rewards[self.agent], item.ended, item.parts) for item in scored
        }
        return [outcomes.get(row, self.no_outcome) for row in rows]

    def observe(self, row: int) -> dict[str, Any]:
        """What the learner sees of one game."""
        return self.format.observe(row, self.agent)

    def infos(self, row: int, outcome: Outcome) -> dict[str, float]:
        """The numbers that are reported beside the learner's reward."""
        return part_infos(self.game, outcome.parts) | seed_infos(self.game, row)

    def observe_all(self) -> Any:
        """What the learner sees of every game, as its format gives it."""
        return self.format.observe_all(self.agent, np.zeros(self.game.num_rows, dtype=bool))

    def _let_opponent_move(self, rows: Sequence[int]) -> list[Scored]:
        rows = [row for row in rows if self.game.to_move(row) != self.agent]
        if not rows:
            return []
        conversations = [self.game.conversation(row, 1 - self.agent) for row in rows]
        replies = self._opponent.reply(
            conversations, self._opponent_rng, max_tokens=self._opponent_max_tokens
        )
        if len(replies) != len(rows):
            raise ConfigurationError(
                f"opponent={self._opponent!r} gave {len(replies)} messages for {len(rows)} "
                "conversations; reply() must give one each"
            )
        longest = self.game.rules.max_chars
        return self._play(rows, [text[:longest] for text in replies])

    def _play(self, rows: Sequence[int], texts: Sequence[str]) -> list[Scored]:
        scored = self.game.play(rows, texts)
        self.format.begin(rows)
        return scored
