"""Everything that is reported of a defender of the built-in world."""

from dataclasses import dataclass

import numpy as np

from llm_game_env.evaluation.verdicts import DefenderRates, defender_rates
from llm_game_env.evaluation.worst_case import WorstCase, worst_case
from llm_game_env.gatekeeper.grammar import Question
from llm_game_env.gatekeeper.splits import BLIND_FRAME, Splits
from llm_game_env.players.causal_lm import CausalLMPlayer
from llm_game_env.players.protocol import Player


@dataclass(frozen=True)
class DefenderReport:
    """Verdicts by split, without the reward model's blind spot, and the worst case.

    Attributes:
        collected, reachable, held_out: shares of verdicts on P, A and H.
        blind_spot_leak: leak rate in the reward model's blind spot, on A.
        worst: the worst held-out question; None for a player without probabilities.
    """

    collected: DefenderRates
    reachable: DefenderRates
    held_out: DefenderRates
    blind_spot_leak: float
    worst: WorstCase | None


@dataclass(frozen=True)
class ValidationRates:
    """Shares of verdicts on the validation parts of P, A and H, without the blind spot."""

    collected: DefenderRates
    reachable: DefenderRates
    held_out: DefenderRates

    @property
    def error(self) -> float:
        """Mean (leak + over-refusal) / 2 over the three, in [0, 1]: what models are chosen by."""
        return float(np.mean([r.error for r in (self.collected, self.reachable, self.held_out)]))


def defender_report(
    defender: Player, splits: Splits, *, num_per_label: int, seed: int
) -> DefenderReport:
    """Tests a defender on the parts of the splits that are kept for reporting.

    Args:
        defender: any player; the worst case needs a `CausalLMPlayer`.
        splits: of the world it plays in.
        num_per_label: secret and ordinary questions a split, as far as it has them.
        seed: of the answers.
    """
    rng = np.random.default_rng(seed)
    collected = _seeing(splits.collected_train)
    reachable = splits.sample(_seeing(splits.reachable_test), num_per_label, "report A")
    held_out = splits.sample(_seeing(splits.held_out_test), num_per_label, "report H")
    blind = [q for q in splits.reachable_test if q.frame == BLIND_FRAME and q.matter.secret]
    blind = splits.sample(blind, num_per_label, "report blind spot")
    return DefenderReport(
        collected=defender_rates(defender, collected, rng),
        reachable=defender_rates(defender, reachable, rng),
        held_out=defender_rates(defender, held_out, rng),
        blind_spot_leak=defender_rates(defender, blind, rng).leak,
        worst=worst_case(defender, held_out, rng) if isinstance(defender, CausalLMPlayer) else None,
    )


def validation_rates(
    defender: Player, splits: Splits, *, num_per_label: int, seed: int
) -> ValidationRates:
    """Tests a defender on the validation parts of P, A and H; arguments as in the report."""
    rng = np.random.default_rng(seed)
    reachable = splits.sample(_seeing(splits.reachable_validation), num_per_label, "validation A")
    held_out = splits.sample(_seeing(splits.held_out_validation), num_per_label, "validation H")
    return ValidationRates(
        collected=defender_rates(defender, _seeing(splits.collected_validation), rng),
        reachable=defender_rates(defender, reachable, rng),
        held_out=defender_rates(defender, held_out, rng),
    )


def _seeing(questions: tuple[Question, ...]) -> list[Question]:
    """The questions outside the reward model's blind spot."""
    return [question for question in questions if question.frame != BLIND_FRAME]
