"""The tokens format: the action is one token, the observation the dialogue as padded ids.

For ordinary reinforcement learning from scratch, without a language model. A message goes on until
END or `max_tokens`; the ids are those of `llm_game_env.formats.vocabulary`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import index
from typing import Any, Literal, get_args

import numpy as np
from gymnasium import spaces

from llm_game_env.checks import brief, check_choice, check_whole
from llm_game_env.errors import IllegalAction
from llm_game_env.formats.dialogue import opening, spell_dialogue
from llm_game_env.formats.legal_texts import LegalTexts
from llm_game_env.formats.vocabulary import END, Reserved, Vocabulary
from llm_game_env.game import Game
from llm_game_env.rules import ADVERSARY, AGENTS
from llm_game_env.spaces import Message

Illegal = Literal["raise", "end_message"]


@dataclass(frozen=True)
class TokenSettings:
    """The arguments of the tokens format.

    Attributes:
        vocabulary: what is written and observed with.
        max_tokens: the longest message; its last token ends it.
        max_context: ids of an observation; of a longer dialogue, the oldest are dropped.
        legal: by agent, the texts that its mask leads to; all ones for an agent without.
        illegal: what a masked action does: raise `IllegalAction`, or end the message.
    """

    vocabulary: Vocabulary
    max_tokens: int = 32
    max_context: int = 128
    legal: Mapping[str, LegalTexts] = field(default_factory=dict)
    illegal: Illegal = "raise"

    def __post_init__(self) -> None:
        for name in ("max_tokens", "max_context"):
            check_whole(name, getattr(self, name))
        check_choice("illegal", self.illegal, get_args(Illegal))


class TokenFormat:
    """The rows' messages in progress, and their dialogues as ids.

    Attributes:
        settings: the arguments of the format.
    """

    def __init__(self, game: Game, settings: TokenSettings) -> None:
        self._game = game
        self.settings = settings
        self._legal = [settings.legal.get(agent) for agent in AGENTS]
        size, num_rows = settings.vocabulary.size, game.num_rows
        self._padding = settings.vocabulary.reserved(Reserved.PADDING)
        greatest = settings.vocabulary.reserved(max(Reserved))
        shape = (settings.max_context,)
        space = spaces.Dict(
            {
                "observation": spaces.Box(0, greatest, shape, np.int64),
                "action_mask": spaces.Box(0, 1, (size,), np.int8),
                "to_move": spaces.Discrete(len(AGENTS)),
            }
        )
        self.observation_spaces: dict[str, Any] = dict.fromkeys(AGENTS, space)
        self.action_spaces: dict[str, Any] = {agent: spaces.Discrete(size) for agent in AGENTS}
        self._drafts: list[list[int]] = [[] for _ in range(num_rows)]
        # How the messages of each row's game are spelt, as far as anybody has looked.
        self._spelt: list[list[list[int]]] = [[] for _ in range(num_rows)]
        # What either agent sees of each row, brought up to date when it looks.
        self._ids = np.full((len(AGENTS), num_rows, *shape), self._padding)
        self._lengths = [[0] * num_rows for _ in AGENTS]
        self._stale = [[True] * num_rows for _ in AGENTS]
        self._all_legal = np.ones(size, dtype=np.int8)
        self._end_alone = np.zeros(size, dtype=np.int8)
        self._end_alone[END] = 1

    def messages(self, rows: Sequence[int], actions: Sequence[Any]) -> list[str | None]:
        """The text of each message that its action completes; cut to `max_chars`."""
        read = {row: self._read(row, action) for row, action in zip(rows, actions, strict=True)}
        if None in read.values():
            raise self._illegal(dict(zip(rows, actions, strict=True)), read)
        return [self._completed(row, token) for row, token in read.items() if token is not None]

    def begin(self, rows: Sequence[int]) -> None:
        """Forgets the rows' drafts, and what their dialogues looked like."""
        for row in rows:
            self._drafts[row] = []
            if self._game.progress(row) == (0, ADVERSARY):  # a new game
                self._spelt[row] = []
            for stale in self._stale:
                stale[row] = True

    def extend(self, rows: Sequence[int], actions: Sequence[Any]) -> None:
        """Adds a token to the draft of each row."""
        for row, action in zip(rows, actions, strict=True):
            token = index(action)
            self._drafts[row].append(token)
            agent = self._game.to_move(row)
            if not self._stale[agent][row]:
                self._append(agent, row, token)

    def observe(self, row: int, agent: int, *, waiting: bool = False) -> dict[str, Any]:
        """The dialogue's ids, the actions that are legal, and who moves next."""
        if self._stale[agent][row]:
            self._spell(agent, [row])
        mover = self._game.to_move(row)
        acting = agent == mover and not waiting and self._game.is_active(row)
        return {
            "observation": self._ids[agent, row].copy(),
            "action_mask": self._mask(row, agent) if acting else self._end_alone.copy(),
            "to_move": 1 - mover if waiting else mover,
        }

    def observe_all(self, agent: int, waiting: np.ndarray) -> dict[str, np.ndarray]:
        """Arrays "observation" int64 [N, L], "action_mask" int8 [N, V] and "to_move" int64 [N]."""
        self._spell(agent, np.flatnonzero(self._stale[agent]).tolist())
        rows = range(self._game.num_rows)
        movers = np.array([self._game.to_move(row) for row in rows])
        active = np.array([self._game.is_active(row) for row in rows])
        acting = active & ~waiting & (movers == agent)
        masks = np.where(acting[:, None], self._all_legal, self._end_alone)
        if self._legal[agent] is not None:
            for row in np.flatnonzero(acting).tolist():
                masks[row] = self._mask(row, agent)
        return {
            "observation": self._ids[agent].copy(),
            "action_mask": masks,
            "to_move": np.where(waiting, 1 - movers, movers),
        }

    def _read(self, row: int, action: Any) -> int | None:
        """The token that an action stands for; None where it is illegal."""
        try:
            token = index(action)
        except TypeError:
            return None
        if not 0 <= token < len(self._all_legal):
            return None
        agent = self._game.to_move(row)
        if self._legal[agent] is None or self._mask(row, agent)[token]:
            return token
        return END if self.settings.illegal == "end_message" else None

    def _illegal(self, actions: Mapping[int, Any], read: Mapping[int, int | None]) -> IllegalAction:
        bad = sorted(row for row, token in read.items() if token is None)
        return IllegalAction(
            f"the action of row {bad[0]} is {brief(actions[bad[0]])}; send a whole number from 0 "
            f"to {len(self._all_legal) - 1} that its action_mask allows"
            + (f" (rows {bad})" if len(bad) > 1 else ""),
            rows=bad,
        )

    def _completed(self, row: int, token: int) -> str | None:
        draft = self._drafts[row]
        if token == END:
            return self._text(draft)
        whole = len(draft) + 1 == self.settings.max_tokens
        return self._text([*draft, token]) if whole else None

    def _mask(self, row: int, agent: int) -> np.ndarray:
        legal = self._legal[agent]
        return self._all_legal.copy() if legal is None else legal.mask(self._drafts[row])

    def _text(self, draft: Sequence[int]) -> str:
        return self.settings.vocabulary.decode(draft)[: self._game.rules.max_chars]

    def _append(self, agent: int, row: int, token: int) -> None:
        ids, length = self._ids[agent, row], self._lengths[agent][row]
        if length == len(ids):
            ids[:-1] = ids[1:]
            length -= 1
        ids[length] = token
        self._lengths[agent][row] = length + 1

    def _spell(self, agent: int, rows: Sequence[int]) -> None:
        """Writes down the rows' dialogues and, for the agent that moves, its drafts."""
        vocabulary = self.settings.vocabulary
        dialogues = [self._game.conversation(row, agent) for row in rows]
        self._read_new(rows, dialogues)
        for row, dialogue in zip(rows, dialogues, strict=True):
            spelt = spell_dialogue(vocabulary, dialogue, agent, self._spelt[row])
            if self._game.to_move(row) == agent and self._game.is_active(row):
                spelt += [opening(vocabulary, agent), *self._drafts[row]]
            kept = spelt[-self._ids.shape[2] :]
            self._ids[agent, row] = self._padding
            self._ids[agent, row, : len(kept)] = kept
            self._lengths[agent][row] = len(kept)
            self._stale[agent][row] = False

    def _read_new(self, rows: Sequence[int], dialogues: Sequence[Sequence[Message]]) -> None:
        """Spells what the players have said since anybody looked, of all rows at once."""
        owners: list[int] = []
        texts: list[str] = []
        for row, dialogue in zip(rows, dialogues, strict=True):
            new = self._num_said(row) - len(self._spelt[row])
            owners += [row] * new
            texts += [message["content"] for message in dialogue[len(dialogue) - new :]]
        spelt = self.settings.vocabulary.encode_all(texts) if texts else []
        for row, ids in zip(owners, spelt, strict=True):
            self._spelt[row].append(ids)

    def _num_said(self, row: int) -> int:
        """Messages of the players in a dialogue; the environment's go before them."""
        turn, mover = self._game.progress(row)
        return 2 * turn + mover
