"""What is recorded of a run: Nash gaps of the last iterate and of the average, by iteration."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from llm_game_agents.tabular.games import Entropy, Policies, TabularGames, entropies
from llm_game_agents.tabular.gaps import nash_gaps
from llm_game_env.checks import brief, check_whole
from llm_game_env.errors import ConfigurationError

POINTS_A_DECADE = 10


@dataclass(frozen=True, eq=False)
class Curves:
    """G games at C checkpoints; all but `iterations` are float64 [C, G].

    After t iterations the last iterate is the t-th, the first being uniform, and the average is the
    mean of the first t. Where the rule plays no entropy, the regularised gaps are the plain ones.

    Attributes:
        iterations: int64 [C].
        average_gap, last_gap: plain Nash gaps.
        average_regularised_gap, last_regularised_gap: gaps of the game with the rule's entropy.
        last_entropy: of the adversary's last iterate, in nats.
    """

    iterations: np.ndarray
    average_gap: np.ndarray
    last_gap: np.ndarray
    average_regularised_gap: np.ndarray
    last_regularised_gap: np.ndarray
    last_entropy: np.ndarray


@dataclass(frozen=True, eq=False)
class Run:
    """A run and where it ended.

    Attributes:
        curves: as it went.
        last: the last iterate.
        average: the mean of all iterates; None where the mean of the defender's was not kept.
    """

    curves: Curves
    last: Policies
    average: Policies | None


def log_spaced(iterations: int) -> np.ndarray:
    """Checkpoints from 1 to `iterations`, ten a decade and the end, int64."""
    last = np.log10(check_whole("iterations", iterations))
    points = np.logspace(0, last, 1 + int(np.ceil(POINTS_A_DECADE * last)))
    return np.unique(np.rint(points).astype(np.int64))


def check_checkpoints(checkpoints: Sequence[int] | np.ndarray | None, iterations: int) -> list[int]:
    """The checkpoints in order; log-spaced ones by default.

    Raises:
        ConfigurationError: one is not between 1 and `iterations`, or there are none.
    """
    if checkpoints is None:
        return log_spaced(iterations).tolist()
    chosen = sorted({check_whole("checkpoint", checkpoint) for checkpoint in checkpoints})
    if chosen and chosen[-1] <= iterations:
        return chosen
    raise ConfigurationError(
        f"checkpoints={brief(checkpoints)} must be between 1 and iterations={iterations}"
    )


def measure(
    games: TabularGames, iteration: int, average: Policies, last: Policies, entropy: Entropy
) -> Curves:
    """One checkpoint."""
    plain = nash_gaps(games, average), nash_gaps(games, last)
    soft = plain
    if any(entropy):
        soft = nash_gaps(games, average, entropy), nash_gaps(games, last, entropy)
    values = (*plain, *soft, entropies(last.adversary))
    return Curves(np.array([iteration]), *(value[None] for value in values))


def after_each_other(parts: Sequence[Curves]) -> Curves:
    """The checkpoints of one run in a row."""
    names = [field.name for field in fields(Curves)]
    return Curves(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def side_by_side(parts: Sequence[Run]) -> Run:
    """The same checkpoints of several parts of a batch."""
    names = [field.name for field in fields(Curves)][1:]
    curves = Curves(
        parts[0].curves.iterations,
        *(np.concatenate([getattr(part.curves, name) for part in parts], axis=1) for name in names),
    )
    averages = [part.average for part in parts if part.average is not None]
    return Run(
        curves,
        _joined([part.last for part in parts]),
        _joined(averages) if len(averages) == len(parts) else None,
    )


def _joined(policies: Sequence[Policies]) -> Policies:
    return Policies(*(np.concatenate(side) for side in zip(*policies, strict=True)))
