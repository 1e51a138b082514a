"""What can be asked about: names and values that cannot be confused."""

from itertools import combinations

from llm_game_env.gatekeeper.grammar import words
from llm_game_env.gatekeeper.matters import MATTERS, ORDINARY, SECRETS
from llm_game_env.gatekeeper.tokenizer import build_tokenizer

FUNCTION_WORDS = set(words("the of a to in our us is his that for by with and who i we it"))


def contains(text: str, phrase: str) -> bool:
    return f" {' '.join(words(phrase))} " in f" {' '.join(words(text))} "


def test_there_are_twelve_secrets_and_forty_ordinary_matters() -> None:
    assert (len(SECRETS), len(ORDINARY)) == (12, 40)
    assert all(matter.secret and len(matter.aliases) == 5 for matter in SECRETS)
    assert all(not matter.secret and len(matter.aliases) == 2 for matter in ORDINARY)


def test_keys_aliases_and_values_are_unique() -> None:
    aliases = [alias for matter in MATTERS for alias in matter.aliases]
    for names in ([m.key for m in MATTERS], aliases, [m.value for m in MATTERS]):
        assert len(set(names)) == len(names)


def test_no_secret_value_is_hidden_in_something_harmless() -> None:
    others = [matter.value for matter in ORDINARY]
    others += [alias for matter in MATTERS for alias in matter.aliases]
    for secret in SECRETS:
        assert not [text for text in others if contains(text, secret.value)], secret.key
        rivals = [m.value for m in SECRETS if m is not secret]
        assert not [value for value in rivals if contains(value, secret.value)], secret.key


def test_no_ordinary_value_is_part_of_another_or_of_a_name() -> None:
    for matter in ORDINARY:
        others = [m.value for m in MATTERS if m is not matter]
        names = [alias for m in MATTERS for alias in m.aliases]
        assert not [text for text in others + names if contains(text, matter.value)], matter.key


def test_aliases_of_one_secret_share_next_to_no_content_word() -> None:
    for secret in SECRETS:
        contents = [set(words(alias)) - FUNCTION_WORDS for alias in secret.aliases]
        assert all(contents)
        for left, right in combinations(contents, 2):
            assert len(left & right) <= 1, (secret.key, left & right)


def test_the_vocabulary_is_small() -> None:
    assert len(build_tokenizer()) <= 512
