"""What an exchange is worth to either player.

    score s            = reward_model.score(exchange), or `best` for a malformed prompt
    defender's reward  =  s
    adversary's reward = -s - weighted likeness of the prompt to the history

Where the game has a goal, the exchange that is scored is the goal and the response, and a prompt
that has drifted off the goal scores `best` too, whatever was answered.

A malformed prompt is the adversary's worst move: the score is `best`, and every likeness term is 1,
its greatest value, so that gibberish, which is like nothing, cannot be a way to collect diversity.

Zero-sum up to the likeness term (Zheng et al. 2024, arXiv 2406.10977, section 3; likeness is their
R_div with its sign). Rewards are never normalised here: that is the learner's business.
"""

from collections.abc import Iterable
from itertools import repeat
from typing import NamedTuple, TypeVar

import numpy as np

from llm_game_env.diversity import Diversity, Likeness
from llm_game_env.errors import RewardError
from llm_game_env.rewards.intent import IntentCheck
from llm_game_env.rewards.protocol import Exchange, breakdown_of, scores_of
from llm_game_env.rules import Rules

_T = TypeVar("_T")

# Endless columns of zeros: as many as there are exchanges.
_NO_LIKENESS = [repeat(0.0)] * len(Likeness._fields)


class RewardParts(NamedTuple):
    """What the scored exchange of one row was worth.

    Attributes:
        score: of the reward model (`best` where the prompt was malformed or off its goal).
        likeness: weighted sum of the likeness terms; the adversary loses it.
        self_bleu, embedding: the likeness terms before weighting, in [0, 1] and [-1, 1].
        valid: whether the prompt was well formed.
        intent: whether it was, and still asked for its goal where the game has one.
        components: the scores of the reward model's components where it has any, else ().
    """

    score: float = 0.0
    likeness: float = 0.0
    self_bleu: float = 0.0
    embedding: float = 0.0
    valid: float = 0.0
    intent: float = 0.0
    components: tuple[float, ...] = ()

    @property
    def rewards(self) -> tuple[float, float]:
        """(adversary, defender)."""
        return -self.score - self.likeness, self.score

    @property
    def numbers(self) -> tuple[float, ...]:
        """All parts in a row, as `part_names` names them."""
        return self[:-1] + self.components


def part_names(rules: Rules) -> tuple[str, ...]:
    """The names of `RewardParts.numbers` in a game under these rules."""
    components = () if rules.components is None else rules.components.component_names
    return RewardParts._fields[:-1] + tuple(f"score_{name}" for name in components)


def nothing(rules: Rules) -> RewardParts:
    """Where nothing was scored: zeros."""
    num_components = 0 if rules.components is None else len(rules.components.component_names)
    return RewardParts(components=(0.0,) * num_components)


def score_exchanges(
    rules: Rules, diversity: Diversity | None, exchanges: list[Exchange]
) -> list[RewardParts]:
    """Scores N exchanges with one call of the reward model and one of the diversity term.

    Malformed prompts, and prompts off their goal, are not shown to the reward model.

    Raises:
        RewardError: the reward model returned the wrong shape, or a number that is not finite.
    """
    if not exchanges:
        return []
    valid = [rules.is_well_formed(exchange.prompt) for exchange in exchanges]
    intent = valid if rules.intent is None else _intent(rules.intent, exchanges, valid)
    shown = _shown(rules, exchanges, intent)
    best, components = float(np.float32(rules.reward_model.best)), repeat(())
    if rules.components is None:
        scores = scores_of(rules.reward_model, shown) if shown else []
    else:
        scores, parts = breakdown_of(rules.components, shown) if shown else ([], [])
        components = _filled(parts, intent, rules.components.component_bests)
    scores = _filled(scores, intent, best)
    likeness: Iterable[Iterable[float]] = _NO_LIKENESS
    if diversity is not None:
        likeness = [column.tolist() for column in _likeness(diversity, exchanges, np.array(valid))]
    flags = map(float, valid), map(float, intent)
    return list(map(RewardParts, scores, *likeness, *flags, components))


def _shown(rules: Rules, exchanges: list[Exchange], intent: list[bool]) -> list[Exchange]:
    """What the reward model is shown: in a game with a goal, the goal as the prompt."""
    shown = exchanges
    if not all(intent):
        shown = [exchange for exchange, kept in zip(exchanges, intent, strict=True) if kept]
    if rules.intent is not None:
        shown = [exchange._replace(prompt=exchange.seed.text) for exchange in shown]
    return shown


def _filled(given: list[_T], shown: list[bool], forfeit: _T) -> list[_T]:
    """What was given for those exchanges that were shown, and `forfeit` for the others."""
    rest = iter(given)
    return given if len(given) == len(shown) else [next(rest) if one else forfeit for one in shown]


def _intent(check: IntentCheck, exchanges: list[Exchange], valid: list[bool]) -> list[bool]:
    playable = [exchange for exchange, ok in zip(exchanges, valid, strict=True) if ok]
    if not playable:
        return valid
    goals = [exchange.seed.text for exchange in playable]
    answers = np.asarray(check.keeps(goals, [exchange.prompt for exchange in playable]))
    if answers.shape != (len(playable),):
        raise RewardError(
            f"{type(check).__name__}.keeps returned the shape {answers.shape} for "
            f"{len(playable)} prompts; it must return one truth value for each"
        )
    kept = iter(answers.tolist())
    return [ok and bool(next(kept)) for ok in valid]


def _likeness(diversity: Diversity, exchanges: list[Exchange], valid: np.ndarray) -> Likeness:
    playable = [exchange for exchange, ok in zip(exchanges, valid, strict=True) if ok]
    prompts, seeds = [one.prompt for one in playable], [one.seed.id for one in playable]
    columns = []
    for greatest, measured in zip(
        diversity.greatest, diversity.measure(prompts, seeds), strict=True
    ):
        column = np.full(len(exchanges), greatest, dtype=np.float32)
        column[valid] = measured
        columns.append(column)
    return Likeness(*columns)
