"""What the environments promise, in a form that tests can hold them to."""

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

from llm_game_env.diversity import Diversity

ADVERSARY, DEFENDER = "adversary_0", "defender_0"
AGENTS = (ADVERSARY, DEFENDER)


class Start(NamedTuple):
    """How a batch of games is reset.

    Attributes:
        seeds: one a row; None to go on with the generators.
        ids: seed prompts for the first rows, the others then have no game; None to draw them.
        frozen: whether the history takes nothing up.
    """

    seeds: tuple[int, ...] | None = None
    ids: tuple[str, ...] | None = None
    frozen: bool = False

    def has_game(self, row: int) -> bool:
        """Whether a row of a batch is given a game."""
        return self.ids is None or row < len(self.ids)

    def alone(self, row: int) -> dict[str, Any]:
        """The arguments of `reset` for one row by itself.

        A row without a game is given one all the same, which nobody plays, and which, unlike one
        that is drawn, leaves the row's generator alone.
        """
        own = None if self.ids is None else self.ids[row : row + 1] or self.ids[:1]
        seed = None if self.seeds is None else self.seeds[row]
        return {"seed": seed, "options": self._options(own)}

    def together(self) -> dict[str, Any]:
        """The arguments of `reset` for the batch; one number stands for seeds in a row."""
        seed: Any = self.seeds
        if self.seeds is not None and self.seeds == tuple(range(self.seeds[0], self.seeds[-1] + 1)):
            seed = self.seeds[0]
        return {"seed": seed, "options": self._options(self.ids)}

    def _options(self, ids: tuple[str, ...] | None) -> dict[str, Any]:
        chosen = {} if ids is None else {"seed_prompt_ids": list(ids)}
        return {"freeze_history": self.frozen, "nobody's option": 1} | chosen


class Likeness(NamedTuple):
    """What a prompt costs the adversary beside the score: the sum, and its parts."""

    likeness: float = 0.0
    self_bleu: float = 0.0
    embedding: float = 0.0


class Exchanged(NamedTuple):
    """What an exchange is worth.

    Attributes:
        prompt: the adversary's.
        score: the defender's.
        valid, intent: whether the prompt was well formed, and kept its goal.
        paid: whether the step that completed it pays.
        ended: whether that step ended the game.
    """

    prompt: Any
    score: float
    valid: bool
    intent: bool
    paid: bool
    ended: bool

    def rewards(self, cost: Likeness) -> tuple[float, float]:
        """(adversary, defender): zero-sum up to the likeness."""
        return (-self.score - cost.likeness, self.score) if self.paid else (0.0, 0.0)

    def parts(self, cost: Likeness) -> dict[str, float]:
        """What the infos say of it."""
        return {
            "score": self.score,
            "valid": float(self.valid),
            "intent": float(self.intent),
            **cost._asdict(),
        }


class History:
    """Likeness to what was there before the step; then the step's prompts join in row order.

    Args:
        diversity: copied; None for a game without likeness terms.
    """

    def __init__(self, diversity: Diversity | None) -> None:
        self._diversity = copy.deepcopy(diversity)
        self._frozen = False

    def reset(self, start: Start) -> None:
        """A seed empties it; a frozen one takes nothing up until the next reset."""
        self._frozen = start.frozen
        if start.seeds is not None and self._diversity is not None:
            self._diversity.clear()

    def take(self, step: Sequence[Exchanged]) -> list[Likeness]:
        """What the prompts of one step cost; one that is not valid costs the most, and is lost."""
        if self._diversity is None:
            return [Likeness() for _ in step]
        greatest = Likeness(*map(float, self._diversity.greatest))
        playable = [exchanged.prompt for exchanged in step if exchanged.valid]
        columns = self._diversity.measure(playable)
        measured = iter([Likeness(*map(float, row)) for row in zip(*columns, strict=True)])
        if not self._frozen:
            self._diversity.add(playable)
        return [next(measured) if exchanged.valid else greatest for exchanged in step]
