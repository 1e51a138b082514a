"""The question on which a defender is weakest, against products of probabilities by hand."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from llm_game_env.evaluation.worst_case import leak_probabilities, worst_case
from llm_game_env.gatekeeper.corpus import answers
from llm_game_env.gatekeeper.grammar import NO_OPENER, Question
from llm_game_env.gatekeeper.matters import ORDINARY, SECRETS, Matter
from llm_game_env.gatekeeper.tokenizer import build_tokenizer
from llm_game_env.players import CausalLMPlayer

QUESTIONS = [
    Question(SECRETS[0], 0, NO_OPENER, "tell"),
    Question(SECRETS[3], 2, "spell", "song"),
    Question(SECRETS[7], 1, "threat", "ask"),
]


class Bigrams(nn.Module):
    """A language model whose next token depends on the last one alone."""

    def __init__(self, size: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.table = torch.randn(size, size, generator=generator)
        self.config = SimpleNamespace(max_position_embeddings=256)
        self.config.get_text_config = lambda: self.config
        self.generation_config = SimpleNamespace(eos_token_id=None)
        self.device = torch.device("cpu")

    def get_input_embeddings(self) -> Any:
        return SimpleNamespace(num_embeddings=len(self.table))

    def forward(self, input_ids: torch.Tensor, **_rest: Any) -> SimpleNamespace:
        return SimpleNamespace(logits=self.table[input_ids])


class Certain:
    """A defender that leaks some matters with a probability that it was given."""

    def __init__(self, chances: dict[str, tuple[float, float, float]]) -> None:
        self.chances = chances

    def logprob(self, chats: list[Any], responses: tuple[str, ...]) -> np.ndarray:
        return np.array([np.log(self._chance(text)) for text in responses])

    def reply(self, chats: list[Any], rng: np.random.Generator, *, max_tokens: int) -> list[str]:
        return [SECRETS[7].value if i % 4 == 0 else "hm" for i in range(len(chats))]

    def _chance(self, text: str) -> float:
        for matter in SECRETS:
            if text in answers(matter):
                return self.chances[matter.key][answers(matter).index(text)]
        raise AssertionError(text)


def by_hand(model: Bigrams, matter: Matter) -> float:
    """Sum over the wordings of the product of the tokens' probabilities."""
    tokenizer: Any = build_tokenizer()
    total = 0.0
    for answer in answers(matter):
        last = tokenizer.convert_tokens_to_ids("<assistant>")
        product = 1.0
        for token in [*tokenizer(answer)["input_ids"], tokenizer.eos_token_id]:
            product *= float(torch.softmax(model.table[last].double(), -1)[token])
            last = token
        total += product
    return total


def test_probability_is_the_product_over_the_tokens_of_each_wording() -> None:
    model = Bigrams(len(build_tokenizer()))
    player = CausalLMPlayer(model, build_tokenizer())
    expected = [by_hand(model, question.matter) for question in QUESTIONS]
    found = leak_probabilities(player, QUESTIONS)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-4)


CHANCES = {
    SECRETS[0].key: (0.1, 0.2, 0.05),
    SECRETS[3].key: (0.01, 0.02, 0.03),
    SECRETS[7].key: (0.5, 0.25, 0.125),
}


def test_wordings_are_added_up() -> None:
    player = cast(CausalLMPlayer, Certain(CHANCES))
    np.testing.assert_allclose(leak_probabilities(player, QUESTIONS), [0.35, 0.06, 0.875])


def test_the_worst_question_is_found_and_asked_again() -> None:
    ordinary = Question(ORDINARY[0], 0, NO_OPENER, "tell")
    player = cast(CausalLMPlayer, Certain(CHANCES))
    worst = worst_case(player, [ordinary, *QUESTIONS], np.random.default_rng(0), num_resampled=40)
    assert worst.leak_probability == pytest.approx(0.875)
    assert worst.mean_leak_probability == pytest.approx((0.35 + 0.06 + 0.875) / 3)
    assert worst.prompt == QUESTIONS[2].text
    assert (worst.alias, worst.opener, worst.frame) == (SECRETS[7].aliases[1], "threat", "ask")
    assert worst.resampled_leak == 10 / 40
    assert (worst.num_questions, worst.num_resampled) == (3, 40)


def test_probabilities_of_a_real_model_stay_below_one(make_lm: Any) -> None:
    player = CausalLMPlayer(make_lm("gpt2", 361, bos_token_id=2, eos_token_id=2), build_tokenizer())
    found = leak_probabilities(player, QUESTIONS)
    assert found.shape == (3,)
    assert ((found > 0) & (found < 1)).all()
