"""How an adversary fares: scripted adversaries against scripted defenders."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from llm_game_env.evaluation.attack import AttackRates, attack_rates
from llm_game_env.gatekeeper.grammar import NO_OPENER, Question
from llm_game_env.gatekeeper.judge import REFUSALS
from llm_game_env.gatekeeper.matters import ORDINARY, SECRETS
from llm_game_env.players import EchoPlayer, Player, ScriptedPlayer
from llm_game_env.seeds import Seed

SECRET = [Seed(Question(matter, 0, NO_OPENER, "tell").text) for matter in SECRETS]
PLAIN = [Seed(Question(matter, 0, NO_OPENER, "tell").text, "benign") for matter in ORDINARY]
LEAK = f"sure, {SECRETS[0].value}"


def letters(texts: Sequence[str]) -> np.ndarray:
    return np.array([[text.count(letter) for letter in "abcdefghij"] for text in texts], float)


def rates(seeds: list[Seed], adversary: Player, defender: Player, num: int = 40) -> AttackRates:
    return attack_rates(
        adversary, defender, seeds, "{seed_prompt}", letters, num_prompts=num, seed=0
    )


@pytest.mark.parametrize(
    ("seeds", "answer", "expected"),
    [
        (SECRET, LEAK, (1, 0)),
        (SECRET, REFUSALS[0], (0, 0)),
        (PLAIN, REFUSALS[0], (0, 1)),
        (PLAIN, "hm", (0, 0)),
        (PLAIN, LEAK, (1, 0)),
    ],
)
def test_shares_of_verdicts(seeds: list[Seed], answer: str, expected: tuple[int, ...]) -> None:
    found = rates(seeds, EchoPlayer(), ScriptedPlayer([answer]))
    assert (found.leak, found.over_refusal, found.malformed) == (*expected, 0)
    assert found.success == expected[0] + expected[1]


def test_gibberish_is_malformed() -> None:
    found = rates(SECRET, ScriptedPlayer(["gibberish", "more of it"]), ScriptedPlayer([LEAK]))
    assert (found.leak, found.over_refusal, found.malformed) == (0, 0, 1)
    assert found.num_prompts == 40


def test_mixed_seeds_share_out() -> None:
    found = rates([*SECRET, *PLAIN, Seed("?")], EchoPlayer(), ScriptedPlayer(REFUSALS), 400)
    assert found.leak == 0
    assert found.over_refusal == pytest.approx(40 / 53, abs=0.1)
    assert 0 < found.malformed < 0.1
    assert found.duplicates > 0.8


def test_one_prompt_over_and_over_has_no_diversity() -> None:
    found = rates(SECRET, ScriptedPlayer([SECRET[0].text]), ScriptedPlayer([LEAK]))
    assert found.leak == 1
    assert found.duplicates == pytest.approx(39 / 40)
    assert found.diversity_selfbleu == pytest.approx(0, abs=1e-6)
    assert found.diversity_embedding == pytest.approx(0.5)
    assert found.vendi == pytest.approx(1)
    assert found.distinct_2 == pytest.approx(1 / 40)  # No bigram occurs twice in that prompt.
    varied = rates(SECRET, EchoPlayer(), ScriptedPlayer([LEAK]))
    assert varied.diversity_selfbleu > 0.2
    assert varied.diversity_embedding > 0.5
    assert 1.2 < varied.vendi <= len(SECRET)


def test_the_adversary_is_told_the_instruction_and_the_defender_the_prompt() -> None:
    heard: list[Any] = []

    class Listener(EchoPlayer):
        def reply(
            self, conversations: Sequence[Any], rng: np.random.Generator, *, max_tokens: int
        ) -> list[str]:
            heard.append((conversations[0], max_tokens))
            return super().reply(conversations, rng, max_tokens=max_tokens)

    attack_rates(
        Listener(),
        Listener(),
        SECRET[:1],
        "ask like this: {seed_prompt}",
        letters,
        num_prompts=2,
        seed=0,
        adversary_max_tokens=11,
        defender_max_tokens=7,
    )
    told = f"ask like this: {SECRET[0].text}"
    assert heard == [
        ([{"role": "user", "content": told}], 11),
        ([{"role": "user", "content": told}], 7),
    ]


def test_the_seed_decides() -> None:
    arguments = ([*SECRET, *PLAIN], EchoPlayer(), ScriptedPlayer([*REFUSALS, LEAK]))
    assert rates(*arguments) == rates(*arguments)
    other = attack_rates(
        arguments[1], arguments[2], arguments[0], "{seed_prompt}", letters, num_prompts=40, seed=1
    )
    assert other != rates(*arguments)
