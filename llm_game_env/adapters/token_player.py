"""A policy over tokens as a player, so that one learner can be the opponent of another."""

from collections.abc import Sequence
from operator import index
from typing import Any, Protocol

import numpy as np

from llm_game_env.defaults import TOKEN_ARGUMENTS, choose_format
from llm_game_env.errors import ConfigurationError, IllegalAction
from llm_game_env.formats.dialogue import opening, spell_dialogue
from llm_game_env.formats.vocabulary import END, Reserved
from llm_game_env.rules import AGENTS
from llm_game_env.spaces import Message


class TokenPolicy(Protocol):
    """Chooses the next token of several messages."""

    def __call__(
        self, observations: dict[str, np.ndarray], rng: np.random.Generator, /
    ) -> np.ndarray | Sequence[int]:
        """N tokens for N games; all randomness comes from `rng`.

        Args:
            observations: "observation" int64 [N, L], "action_mask" int8 [N, V] and "to_move" int64
                [N], as the tokens format gives them.
            rng: of the environment that the player is the opponent in.
        """
        ...


class TokenPlayer:
    """Writes one agent's messages token by token, seeing what the tokens format would show it.

    Args:
        agent: whose messages it writes, "adversary_0" or "defender_0".
        policy: chooses the tokens.
        arguments: of the tokens format, as in the environment that the policy knows: `tokenizer`,
            `vocabulary`, `max_tokens`, `max_context`, `action_mask`, `illegal`.

    Raises:
        ConfigurationError: an argument cannot be used.
    """

    def __init__(self, agent: str, policy: TokenPolicy, **arguments: Any) -> None:
        if agent not in AGENTS:
            raise ConfigurationError(f"agent={agent!r} must be one of {', '.join(AGENTS)}")
        given = {**arguments, "action_format": "tokens"}
        settings = choose_format(given)
        if settings is None or given:
            raise ConfigurationError(
                f"{', '.join(given)}: not among the arguments of the tokens format; those are "
                f"{', '.join(TOKEN_ARGUMENTS)}"
            )
        self._agent = AGENTS.index(agent)
        self._policy = policy
        self._settings = settings
        self._legal = settings.legal.get(agent)

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        """N messages, each of at most `max_tokens` tokens and of the format's own limit.

        Raises:
            IllegalAction: the policy chose a token that its mask does not allow; names the rows.
        """
        vocabulary = self._settings.vocabulary
        dialogues = [
            [
                *spell_dialogue(vocabulary, conversation, self._agent),
                opening(vocabulary, self._agent),
            ]
            for conversation in conversations
        ]
        drafts: list[list[int]] = [[] for _ in conversations]
        writing = list(range(len(conversations)))
        for _ in range(min(max_tokens, self._settings.max_tokens)):
            if not writing:
                break
            masks = np.stack([self._mask(drafts[row]) for row in writing])
            observations = self._observe([dialogues[row] + drafts[row] for row in writing], masks)
            tokens = self._read(self._policy(observations, rng), masks, writing)
            for row, token in zip(writing, tokens, strict=True):
                if token != END:
                    drafts[row].append(token)
            writing = [row for row, token in zip(writing, tokens, strict=True) if token != END]
        return [vocabulary.decode(draft) for draft in drafts]

    def _mask(self, draft: Sequence[int]) -> np.ndarray:
        if self._legal is None:
            return np.ones(self._settings.vocabulary.size, dtype=np.int8)
        return self._legal.mask(draft)

    def _observe(self, spelt: Sequence[Sequence[int]], masks: np.ndarray) -> dict[str, np.ndarray]:
        length = self._settings.max_context
        padding = self._settings.vocabulary.reserved(Reserved.PADDING)
        ids = np.full((len(spelt), length), padding, dtype=np.int64)
        for row, dialogue in enumerate(spelt):
            kept = dialogue[-length:]
            ids[row, : len(kept)] = kept
        movers = np.full(len(spelt), self._agent, dtype=np.int64)
        return {"observation": ids, "action_mask": masks, "to_move": movers}

    def _read(
        self, actions: np.ndarray | Sequence[int], masks: np.ndarray, rows: Sequence[int]
    ) -> list[int]:
        """The policy's tokens; what it may not say ends the message, or is refused."""
        if len(actions) != len(rows):
            raise ConfigurationError(
                f"policy={self._policy!r} chose {len(actions)} tokens for {len(rows)} games; it "
                "must choose one each"
            )
        tokens = [index(action) for action in actions]
        size = masks.shape[1]
        bad = [i for i, token in enumerate(tokens) if not 0 <= token < size or not masks[i, token]]
        if bad and (
            self._settings.illegal == "raise" or not all(0 <= tokens[i] < size for i in bad)
        ):
            raise IllegalAction(
                f"the policy of {AGENTS[self._agent]} chose {tokens[bad[0]]}; it must choose a "
                f"whole number from 0 to {size - 1} that its action_mask allows",
                rows=[rows[i] for i in bad],
            )
        for i in bad:
            tokens[i] = END
        return tokens
