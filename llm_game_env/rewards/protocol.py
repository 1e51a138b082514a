"""What a reward model is: a scorer of exchanges, higher is better for the defender."""

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from llm_game_env.errors import RewardError
from llm_game_env.seeds import Seed
from llm_game_env.spaces import Message


class Exchange(NamedTuple):
    """One prompt and its response, with what led to it.

    Attributes:
        seed: the seed prompt that the adversary was given.
        history: the dialogue before the prompt, as the defender saw it.
        prompt: what the adversary wrote.
        response: what the defender answered.
    """

    seed: Seed
    history: tuple[Message, ...]
    prompt: str
    response: str

    @property
    def messages(self) -> list[Message]:
        """The whole dialogue, the response last, in the defender's view."""
        return [
            *self.history,
            Message(role="user", content=self.prompt),
            Message(role="assistant", content=self.response),
        ]


@np.errstate(over="ignore")
def as_float32(scores: ArrayLike) -> np.ndarray:
    """The numbers as float32; one that it cannot hold becomes infinite, which the game refuses."""
    return np.asarray(scores, dtype=np.float32)


@runtime_checkable
class RewardModel(Protocol):
    """Scores exchanges; deterministic, per sample, never dropping or reordering one.

    Attributes:
        best: the highest score it can give (1 for a probability), paid to the defender where the
            adversary forfeits: a malformed prompt, a rewording that lost its goal.
    """

    best: float

    def score(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """Scores of N exchanges, float32 [N], finite."""
        ...


@runtime_checkable
class ChecksPrompts(Protocol):
    """A reward model that knows which prompts are playable at all.

    A prompt that is not forfeits the exchange: the defender gets `best` and need not learn from
    it. Reward models without this method take every prompt that is not blank.
    """

    def is_well_formed(self, prompt: str) -> bool:
        """Whether a prompt can be scored."""
        ...


class Breakdown(NamedTuple):
    """Scores of N exchanges and what they are made of.

    Attributes:
        scores: what the game pays, float32 [N].
        components: what each of C components says by itself, unweighted, float32 [N, C].
    """

    scores: np.ndarray
    components: np.ndarray


@runtime_checkable
class HasComponents(Protocol):
    """A reward model that is made of others; the game reports what each of them says.

    Attributes:
        component_names: C different names; the infos have them as `score_<name>`.
        component_bests: the highest score of each, reported where the adversary forfeits.
    """

    component_names: tuple[str, ...]
    component_bests: tuple[float, ...]

    def score_in_parts(self, exchanges: Sequence[Exchange]) -> Breakdown:
        """The scores that `score` gives, and those of the components."""
        ...


def is_not_blank(prompt: str) -> bool:
    """What a prompt must be where the reward model does not check prompts itself."""
    return bool(prompt.strip())


def scores_of(model: RewardModel, exchanges: Sequence[Exchange]) -> list[float]:
    """The model's scores of N exchanges as float32 holds them, N of them and finite.

    Raises:
        RewardError: the model returned the wrong shape, or a number that is not finite.
    """
    return _checked(model, exchanges, model.score(exchanges))


def breakdown_of(
    model: HasComponents, exchanges: Sequence[Exchange]
) -> tuple[list[float], list[tuple[float, ...]]]:
    """The scores of N exchanges, and each one's C component scores; errors as in `scores_of`."""
    scores, components = model.score_in_parts(exchanges)
    wanted = len(exchanges), len(model.component_names)
    components = as_float32(components)
    if components.shape != wanted or not np.isfinite(components).all():
        raise RewardError(
            f"{type(model).__name__}.score_in_parts returned components of the shape "
            f"{components.shape}, or some that are not finite; they must be finite, {wanted}"
        )
    return _checked(model, exchanges, scores), list(map(tuple, components.tolist()))


def _checked(model: object, exchanges: Sequence[Exchange], returned: ArrayLike) -> list[float]:
    returned = np.asarray(returned)
    if returned.shape != (len(exchanges),):
        raise RewardError(
            f"{type(model).__name__}.score returned the shape {returned.shape} for "
            f"{len(exchanges)} exchanges; it must return one number for each"
        )
    if returned.dtype != np.float32:
        returned = as_float32(returned)
    scores: list[float] = returned.tolist()
    if not all(map(math.isfinite, scores)):
        row = next(row for row, score in enumerate(scores) if not math.isfinite(score))
        raise RewardError(
            f"{type(model).__name__}.score returned {scores[row]} for the prompt "
            f"{exchanges[row].prompt!r} and the response {exchanges[row].response!r}; "
            "scores must be finite"
        )
    return scores
