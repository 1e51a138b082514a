"""Which tokens are a guard's verdict, found by tokenising in context."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from llm_game_env.chat import encode_markup


class VerdictTokens(NamedTuple):
    """Where a guard's verdict falls, and what it can be.

    Attributes:
        context: the tokens of the text before the verdict, up to the one that decides.
        safe: the tokens that say safe there.
        unsafe: the tokens that say unsafe there; none of them is in `safe`.
    """

    context: list[int]
    safe: list[int]
    unsafe: list[int]


def find_verdict_tokens(
    tokenizer: Any, before: str, safe: Sequence[str], unsafe: Sequence[str]
) -> VerdictTokens | None:
    """The tokens in which the verdicts first differ, as they continue `before`.

    Each verdict is tokenised together with the text before it. What all of them have in common is
    context: a token that a tokenizer writes before every word (beginning of sequence, a space) is
    never taken for a verdict, and one that merges a space into the word is found as such.

    Args:
        tokenizer: a Hugging Face tokenizer.
        before: the template's own text that the verdict follows; special tokens are read as such.
        safe: the words that mean safe.
        unsafe: the words that mean unsafe.

    Returns:
        The tokens; None where no token tells the two apart there, or one is unknown.
    """
    rows = encode_markup(tokenizer, [before + word for word in (*safe, *unsafe)])
    common = 0
    while all(len(row) > common for row in rows) and len({row[common] for row in rows}) == 1:
        common += 1
    if any(len(row) == common for row in rows):
        return None
    heads = [row[common] for row in rows]
    safe_ids, unsafe_ids = set(heads[: len(safe)]), set(heads[len(safe) :])
    if safe_ids & unsafe_ids or tokenizer.unk_token_id in heads:
        return None
    return VerdictTokens(rows[0][:common], sorted(safe_ids), sorted(unsafe_ids))
