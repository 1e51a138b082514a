"""What SelfBLEU takes against a long history, beside NLTK and fast_bleu.

    python benchmarks/self_bleu.py

Both score a sample of the pairs, as they take over a minute for all of them, and their time is
scaled up; the same sample tells that all agree. `fast_bleu.BLEU` is called for one (text,
reference) pair at a time; without the package (`pip install fast-bleu`, which needs a C++ compiler)
its column is left out. `fast_bleu.SelfBLEU` reads beyond its arrays and is not used.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Literal

import numpy as np
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from rich.console import Console
from rich.table import Table

from llm_game_env.diversity import Diversity, SelfBLEU, split_words
from llm_game_env.gatekeeper.grammar import all_questions

try:
    from fast_bleu import BLEU  # pyright: ignore[reportMissingImports]
except ImportError:
    BLEU = None

NGRAMS = (2, 3, 4, 5)
BATCH = 64
SAMPLED = 8  # texts of the batch that NLTK scores against one set of references
PAIRS = 600  # that fast_bleu scores

Draw = Callable[[np.random.Generator, int], list[str]]


def main() -> None:
    """Reads the command line, measures, prints one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--history", type=int, default=10_000, help="texts (default: 10,000)")
    parser.add_argument("--rounds", type=int, default=15, help="batches of each (default: 15)")
    arguments = parser.parse_args()
    table = Table("texts", "references", title=f"{BATCH} texts against {arguments.history}, ms")
    columns = ["score", "add, median", "add, mean", "NLTK", "NLTK ÷ score", "largest difference"]
    for column in [*columns, *(["fast_bleu", "fast_bleu ÷ score"] if BLEU else [])]:
        table.add_column(column, justify="right")
    limited = Table("texts", "references", "history", title="The latest or a sample of so many, ms")
    for column in ("score", "add, median", "add, mean", "add, largest"):
        limited.add_column(column, justify="right")
    kinds: tuple[Literal["pairwise", "multi"], ...] = ("pairwise", "multi")
    for name, draw in (("varied", varied), ("two questions of the world", questions)):
        for references in kinds:
            cells = _measure(draw, references, arguments.history, arguments.rounds)
            table.add_row(name, references, *cells)
            for limit in ("window", "reservoir"):
                diversity = Diversity(
                    self_bleu=1.0, references=references, **{limit: arguments.history}
                )
                cells = _measure_limited(diversity, draw, arguments.history, 8 * arguments.rounds)
                limited.add_row(name, references, limit, *cells)
    Console().print(table)
    Console().print(limited)


def varied(rng: np.random.Generator, count: int) -> list[str]:
    """Texts of 20 to 40 of 8,000 words, as unequally frequent as those of a language."""
    chance = 1 / np.arange(1, 8001)
    chance /= chance.sum()
    return [
        " ".join(f"w{word}" for word in rng.choice(8000, rng.integers(20, 41), p=chance))
        for _ in range(count)
    ]


def questions(rng: np.random.Generator, count: int) -> list[str]:
    """Texts of one grammar, which share most of their words."""
    texts = [question.text for question in all_questions()]
    return [f"{texts[a]} {texts[b]}" for a, b in rng.integers(len(texts), size=(count, 2))]


def _measure(
    draw: Draw, references: Literal["pairwise", "multi"], size: int, rounds: int
) -> list[str]:
    rng = np.random.default_rng(0)
    history = draw(rng, size)
    measure = SelfBLEU(NGRAMS, references)
    measure.add(history)
    measure.score(draw(rng, BATCH))
    batch = draw(rng, BATCH)
    oracle_ms, difference = _beside_nltk(measure, references, history, batch)
    scoring, adding = [], []
    for _ in range(rounds):  # As in a game: a batch is scored, then added.
        batch = draw(rng, BATCH)
        scoring.append(_milliseconds(lambda texts=batch: measure.score(texts)))
        adding.append(_milliseconds(lambda texts=batch: measure.add(texts)))
    score_ms = statistics.median(scoring)
    beside = []
    if BLEU and references == "pairwise":
        fast_ms = _fast_bleu(history, batch)
        beside = [f"{fast_ms:,.0f}", f"{fast_ms / score_ms:,.0f}"]
    return [
        f"{score_ms:.1f}",
        f"{statistics.median(adding):.2f}",
        f"{statistics.mean(adding):.2f}",
        f"{oracle_ms:,.0f}",
        f"{oracle_ms / score_ms:,.0f}",
        f"{difference:.0e}",
        *beside,
    ]


def _measure_limited(diversity: Diversity, draw: Draw, size: int, rounds: int) -> list[str]:
    rng = np.random.default_rng(0)
    for _ in range(2):  # Full, and then some have left.
        diversity.add(draw(rng, size))
    scoring, adding = [], []
    for _ in range(rounds):
        batch = draw(rng, BATCH)
        scoring.append(_milliseconds(lambda texts=batch: diversity.score(texts)))
        adding.append(_milliseconds(lambda texts=batch: diversity.add(texts)))
    added = (statistics.median(adding), statistics.mean(adding), max(adding))
    return [f"{statistics.median(scoring):.1f}", *(f"{ms:.2f}" for ms in added)]


def _fast_bleu(history: list[str], batch: list[str]) -> float:
    """fast_bleu's milliseconds for a whole batch; checks that its scores are ours."""
    assert BLEU is not None
    weights = {n: (1 / n,) * n for n in NGRAMS}
    references = history[: PAIRS // len(batch)]
    words = [split_words(text) for text in batch]
    start = time.process_time()
    scores = [
        [np.mean(list(BLEU([split], weights).get_score([text]).values())) for text in words]
        for split in map(split_words, references)
    ]
    took = 1e3 * (time.process_time() - start) * len(history) / len(references)
    ours = SelfBLEU(NGRAMS)
    ours.add(references)
    np.testing.assert_allclose(np.mean(scores, axis=0), ours.score_in_full(batch), atol=1e-6)
    return took


def _beside_nltk(
    measure: SelfBLEU, references: str, history: list[str], batch: list[str]
) -> tuple[float, float]:
    """NLTK's milliseconds for a whole batch, and how far its scores are from ours at most."""
    words = [split_words(text) for text in history]
    weights = [(1 / n,) * n for n in NGRAMS]
    smooth = SmoothingFunction().method1
    sets = [words] if references == "multi" else [[reference] for reference in words]
    sampled = batch[:SAMPLED] if references == "multi" else batch[:1]
    start = time.process_time()
    scores = [
        np.mean([sentence_bleu(refs, split_words(text), weights, smooth) for refs in sets])
        for text in sampled
    ]
    took = 1e3 * (time.process_time() - start) * len(batch) / len(sampled)
    return took, float(np.abs(measure.score_in_full(sampled) - scores).max())


def _milliseconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return 1e3 * (time.process_time() - start)


if __name__ == "__main__":
    main()
