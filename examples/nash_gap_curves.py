"""What `nash_gap.py` draws: every panel's points."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from llm_game_agents.tabular import (
    Entropy,
    MagneticDescent,
    MirrorDescent,
    OptimisticDescent,
    RegularisedDescent,
    Rule,
    TabularGames,
    follow,
    horizon_coefficients,
    iterates,
    make_games,
    mirror_bound,
    optimistic_bound,
)

PROMPTS, RESPONSES = 10, 8
TAU = 0.1  # What a nat of entropy is worth.
OPTIMISTIC = OptimisticDescent(adversary_kl=1.0, defender_kl=1.0)
# The smallest coefficient with which the regularised last iterate is sure to converge: scores are
# in a range of 1.
STEADY = 1 / (4 * TAU)
# Its one mixed equilibrium is at one third each, and not where the algorithms start.
PENNIES = ((2.0, 0.0), (0.0, 1.0))
LIKE_ITSELF = 0.5  # On the diagonal of the likeness matrix.
PATH_POINTS = 250
SHORTEST = 10  # The first horizon.


class Point(NamedTuple):
    """One point of one curve."""

    panel: str
    series: str
    x: float
    y: float


class Size(NamedTuple):
    """How much is computed.

    Attributes:
        games: random ones of either kind.
        horizons: log-spaced from SHORTEST to the longest, a run each.
        longest: iterations.
    """

    games: int
    horizons: int
    longest: int


def all_points(size: Size, seed: int) -> list[Point]:
    """Everything, panel by panel; gaps are the worst of all games."""
    payoff = np.random.default_rng(seed).random((size.games, PROMPTS, RESPONSES))
    kinds = {
        "the paper's game": make_games(payoff),
        "the simultaneous game": make_games(payoff, [0] * PROMPTS),
    }
    points: list[Point] = []
    for kind, games in kinds.items():
        points += by_iteration(kind, games, size.longest)
        points += by_horizon(kind, games, size)
    points += path(min(size.longest, 10_000))
    points += spread(kinds["the paper's game"], min(size.longest, 10_000))
    return points


def rules(games: TabularGames, iterations: int) -> dict[str, Rule]:
    """The algorithms by name."""
    plain = horizon_coefficients(games, iterations)
    return {
        "mirror descent (GPO)": plain,
        "entropy-regularised": RegularisedDescent(*coefficients(plain), Entropy(adversary=TAU)),
        "optimistic": OPTIMISTIC,
        "magnetic": MagneticDescent(kl=STEADY, pull=TAU),
        "magnetic, moved": MagneticDescent(kl=STEADY, pull=TAU, magnet_every=100),
    }


def coefficients(rule: MirrorDescent) -> tuple[float, float]:
    """η and β."""
    return rule.adversary_kl, rule.defender_kl


def by_iteration(kind: str, games: TabularGames, iterations: int) -> Iterator[Point]:
    """Gaps of the average, of the last iterate, and of the regularised game."""
    for name, rule in rules(games, iterations).items():
        curves = follow(games, rule, iterations).curves
        shown = {f"{kind}: average": curves.average_gap, f"{kind}: last iterate": curves.last_gap}
        for panel, gaps in shown.items():
            yield from curve(panel, name, curves.iterations, gaps)
        if any(rule.entropy):
            series = f"{name}, {kind.split()[1]}"
            panel = "the regularised game's own gap: last iterate"
            yield from curve(panel, series, curves.iterations, curves.last_regularised_gap)


def by_horizon(kind: str, games: TabularGames, size: Size) -> Iterator[Point]:
    """Gaps of the average at the end of runs of several lengths, and what bounds them."""
    panel = f"{kind}: average at the horizon"
    horizons = np.unique(np.rint(np.geomspace(SHORTEST, size.longest, size.horizons)).astype(int))
    quick = follow(games, OPTIMISTIC, size.longest, horizons).curves
    for horizon, gaps in zip(horizons.tolist(), quick.average_gap, strict=True):
        rule = horizon_coefficients(games, horizon)
        plain = follow(games, rule, horizon, [horizon]).curves.average_gap
        yield Point(panel, "mirror descent (GPO)", horizon, plain.max())
        yield Point(panel, "its bound", horizon, mirror_bound(games, rule, horizon).max())
        yield Point(panel, "optimistic", horizon, gaps.max())
        if games.num_information_sets == 1:
            bound = optimistic_bound(games, OPTIMISTIC, horizon).max()
            yield Point(panel, "bound of optimistic", horizon, bound)


def path(iterations: int) -> Iterator[Point]:
    """Where plain descent and its average go in a game with a mixed equilibrium."""
    games = make_games([PENNIES], [0, 0])
    run = islice(iterates(games, horizon_coefficients(games, iterations)), iterations)
    places = np.array([(at.adversary[0, 0], at.defender[0, 0, 0]) for at in run])
    average = places.cumsum(axis=0) / np.arange(1, iterations + 1)[:, None]
    every = max(1, iterations // PATH_POINTS)
    for series, line in (("last iterate", places), ("average", average)):
        for x, y in line[::every]:
            yield Point("pennies with stakes 2 and 1", series, x, y)
    yield Point("pennies with stakes 2 and 1", "equilibrium", 1 / 3, 1 / 3)


def spread(games: TabularGames, iterations: int) -> Iterator[Point]:
    """How many prompts the adversary's last iterate is spread over, the median of all games."""
    plain = horizon_coefficients(games, iterations)
    entropy = RegularisedDescent(*coefficients(plain), Entropy(adversary=TAU))
    unlike = make_games(games.payoff, likeness_matrix=LIKE_ITSELF * np.eye(PROMPTS))
    for series, played, rule in (
        ("neither", games, plain),
        ("with entropy", games, entropy),
        ("with likeness to itself", unlike, plain),
    ):
        curves = follow(played, rule, iterations).curves
        prompts = np.median(np.exp(curves.last_entropy), axis=1)
        for x, y in zip(curves.iterations, prompts, strict=True):
            yield Point("prompts in use: exp(entropy), last iterate", series, x, y)


def curve(panel: str, series: str, iterations: np.ndarray, gaps: np.ndarray) -> Iterator[Point]:
    """The worst of [C, G] gaps at each checkpoint."""
    for x, y in zip(iterations, gaps.max(axis=1), strict=True):
        yield Point(panel, series, x, y)
