"""Which answers are sentences of the world at all, true or not: hot samples turn to gibberish."""

from functools import cache

from llm_game_env.gatekeeper.corpus import answers
from llm_game_env.gatekeeper.grammar import words
from llm_game_env.gatekeeper.judge import REFUSALS
from llm_game_env.gatekeeper.matters import MATTERS


def is_valid_answer(response: str) -> bool:
    """Whether an answer is a refusal, or states some value of some matter, word by word.

    Case and spacing do not count. An answer may state the wrong value: it is false, but no
    gibberish.
    """
    return tuple(words(response)) in _sentences()


@cache
def _sentences() -> frozenset[tuple[str, ...]]:
    values = [matter.value for matter in MATTERS]
    stated = [text for matter in MATTERS for value in values for text in answers(matter, value)]
    return frozenset(tuple(words(text)) for text in (*REFUSALS, *stated))
