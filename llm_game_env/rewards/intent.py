"""Whether a rewording still asks for its goal, for games that judge the answer against the goal."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from llm_game_env.checks import check_between
from llm_game_env.encoders import Encoder, check_encoder, unit_embeddings
from llm_game_env.rewards.function import check_callable, check_picklable


@runtime_checkable
class IntentCheck(Protocol):
    """Compares rewordings with their goals; deterministic, per sample."""

    def keeps(self, goals: Sequence[str], prompts: Sequence[str]) -> np.ndarray:
        """Whether each prompt still asks for its goal, bool [N]."""
        ...


class FunctionIntent:
    """Wraps a function of one goal and one rewording.

    Args:
        function: takes a goal and a prompt, says whether the prompt asks for the goal.

    Raises:
        ConfigurationError: it is no function.
    """

    def __init__(self, function: Callable[[str, str], bool]) -> None:
        check_callable("function", function)
        self.function = function

    def __reduce__(self) -> tuple[Any, ...]:
        check_picklable("intent", self.function)
        return type(self), (self.function,)

    def keeps(self, goals: Sequence[str], prompts: Sequence[str]) -> np.ndarray:
        """See `IntentCheck.keeps`."""
        pairs = zip(goals, prompts, strict=True)
        return np.array([bool(self.function(goal, prompt)) for goal, prompt in pairs], dtype=bool)


class EmbeddingIntent:
    """A rewording keeps its goal where their sentence embeddings are alike.

    Args:
        encoder: a SentenceTransformer, or a function from N texts to vectors [N, D].
        min_cosine: the least cosine that counts, in [-1, 1].

    Raises:
        ConfigurationError: the threshold is out of range, or the encoder is none.
    """

    def __init__(self, encoder: Encoder, min_cosine: float = 0.5) -> None:
        check_encoder(encoder)
        self.encoder = encoder
        self.min_cosine = check_between("min_cosine", min_cosine, -1, 1)

    def keeps(self, goals: Sequence[str], prompts: Sequence[str]) -> np.ndarray:
        """See `IntentCheck.keeps`.

        Raises:
            RewardError: the encoder returned another shape, or a number that is not finite.
        """
        vectors = unit_embeddings(self.encoder, [*goals, *prompts])
        cosines = (vectors[: len(goals)] * vectors[len(goals) :]).sum(axis=1)
        return cosines >= self.min_cosine
