"""Histories that texts leave: what is left scores as if the others had never been added."""

import copy
import pickle
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_game_env.diversity import Diversity, EmbeddingSimilarity, SelfBLEU, pieces, self_bleu
from llm_game_env.errors import ConfigurationError, RewardError

Kind = Literal["pairwise", "multi"]
WORDS = ["the cat sat on the mat", "a dog ran off", "the cat ran off", "", "the the the cat"]

MANY = [f"w{n}" for n in range(300)] + ["the", "of", "n"] * 60
FRAME = (
    "say , {} of the house said that the other half of the house knows the way by heart , so {} ?"
)


def newly_built(texts: list[str], kind: Kind) -> SelfBLEU:
    measure = SelfBLEU(references=kind)
    measure.add(texts)
    return measure


def texts_of_turn(rng: np.random.Generator, turn: int, count: int) -> list[str]:
    """For five turns texts that repeat each other, for three varied ones, and so on."""
    if turn % 8 > 4:
        return [" ".join(row[: rng.integers(40)]) for row in rng.choice(MANY, (count, 40))]
    return [FRAME.format(*rng.choice(["a cat", "one", "of"], 2)) for _ in range(count)]


@pytest.mark.parametrize("kind", ["pairwise", "multi"])
@pytest.mark.parametrize("oldest_first", [True, False])
def test_a_history_in_many_pieces_forgets(
    kind: Kind, oldest_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "_TOKENS", 900)
    rng = np.random.default_rng(oldest_first)
    texts = [*texts_of_turn(rng, 0, 9), *texts_of_turn(rng, 7, 9)]
    texts += ["the the the of the of the", "", "unheard of"]
    measure, held = SelfBLEU(references=kind), list[str]()
    forms = set[bool]()
    for turn in range(40):
        added = texts_of_turn(rng, turn, 40)
        measure.add(added)
        held += added
        excess = max(0, len(held) - 250)
        gone = rng.choice(len(held), excess, replace=False)
        positions = list(range(excess)) if oldest_first else gone.tolist()
        measure.forget(positions)
        held = [text for place, text in enumerate(held) if place not in set(positions)]
        assert len(measure) == len(held)
        expected = newly_built(held, kind).score_in_full(texts)
        np.testing.assert_allclose(measure.score_in_full(texts), expected, rtol=0, atol=1e-12)
        loaded = SelfBLEU(references=kind)
        loaded.load_state_dict(pickle.loads(pickle.dumps(measure.state_dict())))
        for other in (loaded, copy.deepcopy(measure)):
            assert len(other) == len(measure)
            np.testing.assert_array_equal(other.score_in_full(texts), measure.score_in_full(texts))
        # From here on the loaded one: what it does next must be right, too.
        measure = loaded if rng.random() < 0.3 else measure
        forms |= {piece.windowed for piece in parts(measure)}
    assert kind == "multi" or forms == {True, False}
    # What is gone is taken out in time.
    assert sum(len(piece.left) for piece in parts(measure)) < 1.3 * len(held)


def parts(measure: SelfBLEU) -> list[Any]:
    history = measure._history
    return history.pieces._closed if hasattr(history, "pieces") else []  # pyright: ignore


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(["pairwise", "multi"]))
def test_any_texts_can_leave(data: st.DataObject, kind: Kind) -> None:
    measure, held = SelfBLEU(references=kind), list[str]()
    for _ in range(data.draw(st.integers(1, 5))):
        added = data.draw(st.lists(st.sampled_from(WORDS), max_size=5))
        measure.add(added)
        held += added
        gone = data.draw(st.sets(st.sampled_from(range(len(held))) if held else st.nothing()))
        measure.forget(sorted(gone, reverse=True))
        held = [text for place, text in enumerate(held) if place not in gone]
    expected = newly_built(held, kind).score_in_full(WORDS)
    np.testing.assert_allclose(measure.score_in_full(WORDS), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("positions", [[2], [-1], [0, 0], [0, 1, 2]])
def test_positions_are_those_of_texts(positions: list[int]) -> None:
    measure = SelfBLEU()
    measure.add(WORDS[:2])
    with pytest.raises(ConfigurationError, match="positions="):
        measure.forget(positions)
    assert len(measure) == 2


@pytest.mark.parametrize("kind", ["pairwise", "multi"])
@pytest.mark.parametrize("tokens", [200, 1 << 16])
def test_words_that_nobody_uses_are_forgotten(
    kind: Kind, tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "_TOKENS", tokens)
    monkeypatch.setattr(self_bleu, "_UNUSED_WORDS", 20)
    measure = SelfBLEU(references=kind)
    held = [f"word{i} in a row of words" for i in range(40)]
    measure.add(held)
    for i in range(40, 400):
        measure.forget([0])
        measure.add([f"word{i} in a row of words"])
        held = [*held[1:], f"word{i} in a row of words"]
        assert len(measure.state_dict()["words"]) < 160
    texts = [*held[::9], "word3 in a row", "a row of word390"]
    expected = newly_built(held, kind).score_in_full(texts)
    np.testing.assert_allclose(measure.score_in_full(texts), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("damage", [{"gone": [9]}, {"pieces": [[9, 0]]}, {"pieces": [[0, 0]]}])
def test_a_state_that_does_not_belong_together_is_refused(damage: dict[str, Any]) -> None:
    state = newly_built(WORDS, "pairwise").state_dict()
    with pytest.raises(ConfigurationError, match="do not belong together"):
        SelfBLEU().load_state_dict(state | damage)


def unit(texts: list[str]) -> np.ndarray:
    return np.stack([np.random.default_rng(list(text.encode())).normal(size=7) for text in texts])


def test_embeddings_that_left_leave_nothing_behind() -> None:
    texts = [f"text {i}" for i in range(3000)]
    measure, built = (EmbeddingSimilarity(unit, cache_size=10) for _ in range(2))
    measure.add(texts[:50])
    for i in range(50, 3000):
        measure.exchange([texts[i - 50]], [texts[i]])
    built.add(texts[-50:])
    np.testing.assert_array_equal(measure.state_dict()["sum"], built.state_dict()["sum"])
    np.testing.assert_array_equal(measure.score(texts), built.score(texts))
    vectors = unit(texts) / np.linalg.norm(unit(texts), axis=1, keepdims=True)
    expected = vectors @ vectors[-50:].mean(axis=0)
    np.testing.assert_allclose(measure.score(texts), expected, rtol=0, atol=1e-7)
    measure.exchange(texts[-50:], [])
    assert measure.state_dict() == {"count": 0, "sum": None}


def test_an_exchange_that_fails_changes_nothing() -> None:
    def encoder(texts: list[str]) -> np.ndarray:
        return np.where([[text == "bad"] for text in texts], np.nan, 1.0)

    measure = EmbeddingSimilarity(encoder)
    measure.add(["a", "b"])
    before = measure.state_dict()
    with pytest.raises(RewardError):
        measure.exchange(["a"], ["bad"])
    assert len(measure) == 2
    np.testing.assert_array_equal(measure.state_dict()["sum"], before["sum"])


@pytest.mark.parametrize("kind", ["pairwise", "multi"])
@pytest.mark.parametrize("limit", [{"window": 120}, {"reservoir": 120}])
def test_a_limited_history_saved_on_the_way_goes_on_to_the_bit(
    kind: Kind, limit: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "_TOKENS", 700)
    rng = np.random.default_rng(0)
    settings: dict[str, Any] = {"self_bleu": 1.0, "embedding": 1.0, "encoder": unit, **limit}
    whole, resumed = (Diversity(references=kind, **settings) for _ in range(2))
    for turn in range(30):
        batch = texts_of_turn(rng, turn, 20)
        if turn % 7 == 3:
            resumed = Diversity(references=kind, **settings)
            resumed.load_state_dict(pickle.loads(pickle.dumps(whole.state_dict())))
        for diversity in (whole, resumed):
            diversity.add(batch)
        if turn >= 3:
            for mine, other in zip(whole.measure(batch), resumed.measure(batch), strict=True):
                np.testing.assert_array_equal(mine, other)
    kept = whole.state_dict()["histories"][""]["kept"]["texts"]
    texts = [*kept[::9], *texts_of_turn(rng, 0, 9)]
    plain = Diversity(references=kind, self_bleu=1.0, embedding=1.0, encoder=unit)
    plain.add(kept)
    assert len(whole) == len(plain) == 120
    for mine, other in zip(whole.measure(texts), plain.measure(texts), strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-7)
