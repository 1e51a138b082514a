"""Mean cosine from the running sum against the mean over pairs, and the encoder's contract."""

import copy
import pickle
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from llm_game_env.diversity import EmbeddingSimilarity
from llm_game_env.errors import ConfigurationError, RewardError


class CountingEncoder:
    """Embeds a text as 16 numbers drawn from its characters; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, sentences: list[str]) -> np.ndarray:
        self.asked += sentences
        return np.stack([self.vector(text) for text in sentences])

    def __call__(self, features: object) -> None:
        raise AssertionError("a SentenceTransformer's call takes features, not texts")

    @staticmethod
    def vector(text: str) -> np.ndarray:
        if not text:
            return np.zeros(16, np.float32)
        seed = [ord(character) for character in text]
        return np.random.default_rng(seed).normal(0.3, 1, 16).astype(np.float32)


def mean_cosine(texts: Sequence[str], history: Sequence[str]) -> list[float]:
    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
        return float(a @ b) / lengths if lengths else 0.0

    vector = CountingEncoder.vector
    return [float(np.mean([cosine(vector(h), vector(r)) for r in history])) for h in texts]


def test_equals_the_mean_over_pairs() -> None:
    history = [f"text {i % 150}" for i in range(200)] + ["", ""]
    texts = ["text 3", "new", "", "text 3"]
    measure = EmbeddingSimilarity(CountingEncoder())
    for begin in range(0, len(history), 50):
        measure.add(history[begin : begin + 50])
    assert len(measure) == 202
    scores = measure.score(texts)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, mean_cosine(texts, history), rtol=0, atol=1e-6)
    assert scores[2] == 0.0


def test_no_texts_and_no_history() -> None:
    encoder = CountingEncoder()
    measure = EmbeddingSimilarity(encoder)
    measure.add([])
    assert measure.score(["a"]).tolist() == [0.0]
    assert measure.score([]).shape == (0,)
    assert encoder.asked == []
    measure.add(["a"])
    assert measure.score(["a"])[0] == pytest.approx(1.0)
    measure.clear()
    assert len(measure) == 0
    assert measure.score(["a"]).tolist() == [0.0]


def test_each_text_is_encoded_once() -> None:
    encoder = CountingEncoder()
    measure = EmbeddingSimilarity(encoder)
    measure.add(["first"])
    measure.score(["a", "b", "a"])
    measure.add(["a", "b", "a"])
    measure.score(["b", "first"])
    assert encoder.asked == ["first", "a", "b"]


@pytest.mark.parametrize("cache_size", [0, 2])
def test_the_cache_is_bounded_and_does_not_change_scores(cache_size: int) -> None:
    texts = [f"t{i}" for i in range(10)]
    small, large = (EmbeddingSimilarity(CountingEncoder(), size) for size in (cache_size, 99))
    for measure in (small, large):
        measure.add(texts[:6])
        measure.add(texts[3:])
    assert len(small.encoder._cache) == 7  # Those of the latest call are kept in any case.
    small.score(["t0"])
    assert len(small.encoder._cache) == max(cache_size, 1)
    np.testing.assert_array_equal(small.score(texts), large.score(texts))


def test_a_callable_a_tensor_and_extreme_lengths() -> None:
    vectors = {"x": [3e200, 0.0], "y": [0.0, 1e-200], "z": [1.0, 1.0]}
    measure = EmbeddingSimilarity(lambda texts: [vectors[text] for text in texts])
    measure.add(["x", "y"])
    np.testing.assert_allclose(measure.score(["x", "y", "z"]), [0.5, 0.5, np.sqrt(0.5)], atol=1e-7)
    tensors = EmbeddingSimilarity(
        lambda texts: torch.ones(len(texts), 3, dtype=torch.bfloat16, requires_grad=True)
    )
    tensors.add(["x"])
    assert tensors.score(["y"])[0] == pytest.approx(1.0)


def test_copies_share_the_encoder_and_nothing_else() -> None:
    encoder = CountingEncoder()
    measure = EmbeddingSimilarity(encoder)
    measure.add(["a", "b"])
    before = measure.score(["c"])
    twin = copy.deepcopy(measure)
    assert twin.encoder.encoder is encoder
    twin.add(["c"])
    assert (len(measure), len(twin)) == (2, 3)
    np.testing.assert_array_equal(measure.score(["c"]), before)
    thawed = pickle.loads(pickle.dumps(measure))
    np.testing.assert_array_equal(thawed.score(["c"]), before)


def test_a_saved_history_goes_on_identically() -> None:
    measure, loaded = (EmbeddingSimilarity(CountingEncoder()) for _ in range(2))
    for history in ([], ["a", "b", "b"]):
        measure.add(history)
        loaded.load_state_dict(pickle.loads(pickle.dumps(measure.state_dict())))
        assert len(loaded) == len(measure)
        np.testing.assert_array_equal(loaded.score(["a", "c"]), measure.score(["a", "c"]))
    loaded.add(["c"])
    assert len(measure) == 3


def test_bad_encoders_are_refused_and_leave_the_history_alone() -> None:
    with pytest.raises(ConfigurationError, match="encoder"):
        EmbeddingSimilarity("all-MiniLM-L6-v2")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigurationError, match="cache_size"):
        EmbeddingSimilarity(CountingEncoder(), cache_size=-1)
    answer: list[object] = []
    measure = EmbeddingSimilarity(lambda _: answer[-1])
    answer.append([[1.0, 0.0]])
    measure.add(["good"])
    for bad in ([[1.0, np.nan]], [[np.inf, 0.0]], [1.0, 2.0], [[1.0]] * 2, [[1.0, 0.0, 0.0]], [[]]):
        answer.append(bad)
        with pytest.raises(RewardError, match="encoder"):
            measure.add(["other"])
        with pytest.raises(RewardError, match="encoder"):
            measure.score(["other"])
    assert len(measure) == 1
    with pytest.raises(ConfigurationError, match="texts"):
        measure.score("good")


def test_bad_states_are_refused() -> None:
    measure = EmbeddingSimilarity(CountingEncoder())
    for state in ({}, {"count": 1, "sum": None}, {"count": 1, "sum": np.zeros((2, 2))}):
        with pytest.raises(ConfigurationError):
            measure.load_state_dict(state)


def test_half_a_surrogate_pair_reaches_no_encoder() -> None:
    seen: list[str] = []

    def encode(texts: list[str]) -> np.ndarray:
        seen.extend(texts)
        return np.ones((len(texts), 2))

    EmbeddingSimilarity(encode).add(["half \ud83d", "é"])
    assert seen == ["half \ufffd", "é"]
