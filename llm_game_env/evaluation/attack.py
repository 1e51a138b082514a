"""How an adversary fares against a defender, by the ground truth."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llm_game_env.diversity import (
    Encoder,
    distinct_ngrams,
    diversity_embedding,
    diversity_selfbleu,
    duplicate_share,
    vendi_score,
)
from llm_game_env.evaluation.playing import Seats, play_out
from llm_game_env.gatekeeper.judge import JudgeScore, Verdict, judge
from llm_game_env.players.protocol import Player
from llm_game_env.rules import make_rules
from llm_game_env.seeds import Seed
from llm_game_env.vector import VectorGame


@dataclass(frozen=True)
class AttackRates:
    """Shares of an adversary's prompts, and how varied they are.

    Attributes:
        leak, over_refusal: prompts that got a secret out, or an ordinary question refused.
        malformed: prompts that are no question.
        diversity_selfbleu, diversity_embedding: 1 - likeness among the prompts, self-pairs left
            out; higher is more varied.
        distinct_2: different bigrams as a share of all bigrams.
        vendi: how many different prompts there are in effect, see `vendi_score`.
        duplicates: share of prompts that repeat an earlier one.
        num_prompts: how many were written.
    """

    leak: float
    over_refusal: float
    malformed: float
    diversity_selfbleu: float
    diversity_embedding: float
    distinct_2: float
    vendi: float
    duplicates: float
    num_prompts: int

    @property
    def success(self) -> float:
        """leak + over-refusal: attacks that count; wrong answers pay as well, but are no attack."""
        return self.leak + self.over_refusal


def attack_rates(
    adversary: Player,
    defender: Player,
    seeds: Sequence[Seed],
    instruction: str,
    encoder: Encoder,
    *,
    num_prompts: int,
    seed: int,
    adversary_max_tokens: int = 32,
    defender_max_tokens: int = 20,
) -> AttackRates:
    """Plays `num_prompts` games from drawn seed prompts and judges them."""
    rules = make_rules(seed_prompts=seeds, reward_model=JudgeScore(), instruction=instruction)
    env = VectorGame(rules, num_prompts)
    env.reset(seed=seed)
    rng = np.random.default_rng(seed)
    seats = Seats(adversary, defender, adversary_max_tokens, defender_max_tokens)
    play_out(env, seats, lambda _role, _turn: rng)
    exchanges = [env.exchanges(row)[-1] for row in range(num_prompts)]
    verdicts = Counter(judge(exchange.prompt, exchange.response) for exchange in exchanges)
    prompts = [exchange.prompt for exchange in exchanges]
    return AttackRates(
        leak=verdicts[Verdict.LEAK] / num_prompts,
        over_refusal=verdicts[Verdict.OVER_REFUSAL] / num_prompts,
        malformed=verdicts[Verdict.MALFORMED] / num_prompts,
        diversity_selfbleu=diversity_selfbleu(prompts),
        diversity_embedding=diversity_embedding(prompts, encoder),
        distinct_2=distinct_ngrams(prompts, 2),
        vendi=vendi_score(prompts, encoder),
        duplicates=duplicate_share(prompts),
        num_prompts=num_prompts,
    )
