"""The rules of the game, on a batch of games.

A row is one game. In each turn the adversary writes a prompt and the defender answers it; then the
exchange is scored. Every view (AEC, vector, single-agent) stands on this one implementation; what
an action may be, `llm_game_env.formats` checks before it is played.

Likeness is taken against the history as it was before the step; then the step's well-formed
prompts are added in row order. Nothing changes where a reward cannot be computed.
"""

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from llm_game_env.checks import brief
from llm_game_env.diversity import Diversity
from llm_game_env.errors import ConfigurationError
from llm_game_env.game_rows import Row, read_generators
from llm_game_env.rendering import Line, as_text
from llm_game_env.rewards.protocol import Exchange
from llm_game_env.rules import ADVERSARY, DEFENDER, Rules
from llm_game_env.scoring import RewardParts, nothing, part_names, score_exchanges
from llm_game_env.seeds import Seed
from llm_game_env.spaces import Message, Role
from llm_game_env.transcript import game_lines

# For either agent, the roles of (adversary, defender) as it sees them.
_ROLES: tuple[tuple[Role, Role], ...] = (("assistant", "user"), ("user", "assistant"))


class Scored(NamedTuple):
    """An exchange that a step of the batch completed.

    Attributes:
        row: of the batch.
        parts: what it was worth.
        rewards: (adversary, defender), what the step pays; 0 where only the end of a game is paid.
        ended: whether the row's game ended with it.
    """

    row: int
    parts: RewardParts
    rewards: tuple[float, float]
    ended: bool


class Game:
    """N games under the same rules, each with its own generator, sharing one history.

    Args:
        rules: see `make_rules`.
        num_rows: N.
        diversity: copied; None for a game without likeness terms.

    Raises:
        ConfigurationError: `diversity` is of another type.
    """

    def __init__(self, rules: Rules, num_rows: int, diversity: Diversity | None) -> None:
        if not isinstance(diversity, Diversity | None):
            raise ConfigurationError(
                f"diversity={brief(diversity)} must be a llm_game_env.diversity.Diversity or None"
            )
        self.rules = rules
        self.diversity = copy.deepcopy(diversity)
        self.freeze_history = False
        self.part_names = part_names(rules)
        self.nothing = nothing(rules)
        self._rows = [Row(np.random.default_rng()) for _ in range(num_rows)]
        self._instructions: dict[int, str] = {}

    @property
    def num_rows(self) -> int:
        """N."""
        return len(self._rows)

    def is_active(self, row: int) -> bool:
        """Whether the row's game goes on."""
        return self._rows[row].active

    def seed_rows(self, seeds: Sequence[int]) -> None:
        """Gives each row a generator of its own seed, and empties the history."""
        generators = [np.random.default_rng(seed) for seed in seeds]  # before any is replaced
        for row, generator in zip(self._rows, generators, strict=True):
            row.rng = generator
        if self.diversity is not None:
            self.diversity.clear()

    def reset_rows(self, rows: Sequence[int], seed_indices: Sequence[int] | None = None) -> None:
        """Starts new games in some rows, from drawn seed prompts or from the given ones."""
        draw = self.rules.sampler.draw
        for i, row in enumerate(rows):
            game = self._rows[row]
            game.start(draw(game.rng) if seed_indices is None else seed_indices[i])

    def retire_rows(self, rows: Sequence[int]) -> None:
        """Leaves some rows without a game."""
        for row in rows:
            self._rows[row].start(None)

    def to_move(self, row: int) -> int:
        """ADVERSARY or DEFENDER."""
        return ADVERSARY if self._rows[row].prompt is None else DEFENDER

    def has_game(self, row: int) -> bool:
        """Whether the row plays, or has played to its end, a game since the last reset."""
        return self._rows[row].seed_index is not None

    def turn(self, row: int) -> int:
        """Exchanges completed, in [0, max_turns]."""
        return len(self._rows[row].exchanges)

    def progress(self, row: int) -> tuple[int, int]:
        """`turn` and `to_move`."""
        game = self._rows[row]
        return len(game.exchanges), ADVERSARY if game.prompt is None else DEFENDER

    def seed(self, row: int) -> Seed:
        """The seed prompt of a row's game."""
        return self.rules.seeds[self.seed_index(row)]

    def seed_index(self, row: int) -> int:
        """Its index; 0 where there is no game."""
        return self._rows[row].seed_index or 0

    def exchanges(self, row: int) -> tuple[Exchange, ...]:
        """The exchanges of a row's game so far."""
        return tuple(self._rows[row].exchanges)

    def parts(self, row: int) -> tuple[RewardParts, ...]:
        """What each of those exchanges was worth."""
        return tuple(self._rows[row].parts)

    def conversation(self, row: int, agent: int) -> list[Message]:
        """The dialogue as one agent sees it, its own messages as the assistant's; a fresh list."""
        game, rules = self._rows[row], self.rules
        index = game.seed_index
        if index is None:
            return []
        messages: list[Message] = []
        if (system := rules.system_prompts[agent]) is not None:
            messages.append({"role": "system", "content": system})
        if agent == ADVERSARY:
            told = self._instructions.get(index) or self._instruct(index)
            messages.append({"role": "user", "content": told})
        elif context := rules.seeds[index].context:
            messages += [message.copy() for message in context]
        asks, answers = _ROLES[agent]
        for _, _, prompt, response in game.exchanges:
            messages.append({"role": asks, "content": prompt})
            messages.append({"role": answers, "content": response})
        if game.prompt is not None:
            messages.append({"role": asks, "content": game.prompt})
        return messages

    def play(self, rows: Sequence[int], texts: Sequence[str]) -> list[Scored]:
        """One message in each of some rows; the exchanges it completes are scored together.

        Raises:
            RewardError: the reward model returned something unusable; nothing has changed.
            BudgetSpent: the exchanges are more than the budget has left; nothing has changed.
        """
        openings: list[tuple[Row, str]] = []
        answered: list[int] = []
        done: list[Exchange] = []
        for row, text in zip(rows, texts, strict=True):
            game = self._rows[row]
            if game.prompt is None:
                openings.append((game, text))
            else:
                answered.append(row)
                done.append(self._complete(row, text))
        budget = self.rules.budget
        if done and budget is not None:
            budget.refuse_beyond(len(done))
        parts = score_exchanges(self.rules, self.diversity, done) if done else []

        # The history first: its encoder may fail, what follows cannot.
        if self.diversity is not None and done and not self.freeze_history:
            valid = [one for one, part in zip(done, parts, strict=True) if part.valid]
            self.diversity.add([one.prompt for one in valid], [one.seed.id for one in valid])
        if budget is not None:
            budget.spend(len(done))
        for game, text in openings:
            game.prompt = text
        return list(map(self._settle, answered, done, parts)) if done else []

    def lines(self, row: int) -> list[Line]:
        """One row's game as lines for people; none where there is no game."""
        if not self.has_game(row):
            return []
        game = self._rows[row]
        paid = [part.rewards for part in game.parts]
        if self.rules.turn_reward == "end":
            unpaid = len(paid) - (not game.active)
            paid[:unpaid] = [(0.0, 0.0)] * unpaid
        return game_lines(
            self.seed(row),
            game.exchanges,
            [self._worth(part) for part in game.parts],
            paid,
            prompt=game.prompt,
            ended=not game.active,
        )

    def transcript(self, row: int) -> str:
        """One row's game as text for people; empty where there is none."""
        return as_text(self.lines(row))

    def state_dict(self) -> dict[str, Any]:
        """Generators and history, between games; a game in progress is not part of it."""
        history = None if self.diversity is None else self.diversity.state_dict()
        generators = [row.rng.bit_generator.state for row in self._rows]
        return {"generators": generators, "history": history}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes up what `state_dict` gave; reset before playing on.

        Raises:
            ConfigurationError: it is no such state, or that of another number of games, or of games
                with a diversity term where these have none, or the reverse; nothing has changed.
        """
        generators = read_generators(state, self.num_rows, has_history=self.diversity is not None)
        if self.diversity is not None:
            self.diversity.load_state_dict(state["history"])
        for row, generator in zip(self._rows, generators, strict=True):
            row.rng = generator
        self.retire_rows(range(self.num_rows))

    def _worth(self, parts: RewardParts) -> dict[str, float]:
        """Those parts of a score that there are in this game."""
        weights = {} if self.diversity is None else self.diversity.weights
        absent = {name for name in ("self_bleu", "embedding") if not weights.get(name)}
        absent |= set() if self.rules.intent else {"intent"}
        named = zip(self.part_names, parts.numbers, strict=True)
        return {name: number for name, number in named if name not in absent}

    def _instruct(self, seed_index: int) -> str:
        self._instructions[seed_index] = self.rules.instruct(self.rules.seeds[seed_index])
        return self._instructions[seed_index]

    def _complete(self, row: int, response: str) -> Exchange:
        history = self.conversation(row, DEFENDER)
        prompt = history.pop()["content"]
        seed = self.rules.seeds[self.seed_index(row)]
        return Exchange(seed, tuple(history), prompt, response)

    def _settle(self, row: int, exchange: Exchange, part: RewardParts) -> Scored:
        """Takes a scored exchange into its game."""
        game, rules = self._rows[row], self.rules
        game.exchanges.append(exchange)
        game.parts.append(part)
        game.prompt = None
        ended = len(game.exchanges) >= rules.max_turns
        if rules.stop_when_unsafe and part.valid and part.score < rules.unsafe_below:
            ended = True
        game.active = not ended
        paid = part.rewards if ended or rules.turn_reward == "each" else (0.0, 0.0)
        return Scored(row, part, paid, ended)
