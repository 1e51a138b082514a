"""What embedding texts takes beside SentenceTransformer.encode, and a score from the running sum.

    python benchmarks/embedding.py

Encoding is timed with one thread and with two; a batch goes through both encoders in turn, and the
median of the ratios counts. With one thread it is CPU time, with two it is time that passes.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from sentence_transformers import SentenceTransformer
from transformers.utils import logging

from llm_game_env.batched_encoder import BatchedEncoder
from llm_game_env.diversity import EmbeddingSimilarity, load_minilm
from llm_game_env.errors import ConfigurationError
from llm_game_env.gatekeeper.grammar import all_questions

BATCH = 64
LENGTHS = ((20, 40), (5, 60))  # words, of the shortest and the longest text
HISTORIES = (100, 100_000)
DIMENSION = 384


def main() -> None:
    """Reads the command line, measures, prints two tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15, help="batches of each (default: 15)")
    rounds = parser.parse_args().rounds
    logging.disable_progress_bar()
    console = Console()
    console.print(_encoding_table(rounds))
    console.print(_scoring_table())


def questions(rng: np.random.Generator, count: int, shortest: int, longest: int) -> list[str]:
    """Texts of so many words: questions of the built-in world in a row, cut where the text ends."""
    said = [question.text.split() for question in all_questions()]
    texts: list[str] = []
    for length in rng.integers(shortest, longest + 1, count):
        words: list[str] = []
        while len(words) < length:
            words += said[rng.integers(len(said))]
        texts.append(" ".join(words[:length]))
    return texts


def _encoding_table(rounds: int) -> Table:
    name, model = _model()
    table = Table("words", "threads", title=f"{name}, {BATCH} texts a call, texts a second")
    for column in ("tokens", "longest", "stock", "ours", "ratio"):
        table.add_column(column, justify="right")
    table.add_column("difference", justify="right")
    for lengths in LENGTHS:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            clock = time.process_time if threads == 1 else time.perf_counter
            cells = _beside_stock(model, lengths, clock, rounds)
            table.add_row(f"{lengths[0]} to {lengths[1]}", str(threads), *cells)
    torch.set_num_threads(1)
    return table


def _beside_stock(
    model: SentenceTransformer, lengths: tuple[int, int], clock: Callable[[], float], rounds: int
) -> list[str]:
    rng = np.random.default_rng(0)
    ours = BatchedEncoder(model)
    stock_times, our_times, tokens, longest, differences = [], [], [], [], []
    for place in range(rounds + 1):
        texts = questions(rng, BATCH, *lengths)
        stock_time, expected = _timed(lambda t=texts: model.encode(t, batch_size=BATCH), clock)
        our_time, vectors = _timed(lambda t=texts: ours.encode(t), clock)
        if place == 0:  # Fills caches, and is not counted.
            continue
        counts = model.preprocess(texts)["attention_mask"].sum(dim=1)
        stock_times.append(stock_time)
        our_times.append(our_time)
        tokens.append(counts.float().mean().item())
        longest.append(counts.max().item())
        differences.append(np.abs(vectors - expected).max())
    ratios = [stock / our for stock, our in zip(stock_times, our_times, strict=True)]
    return [
        f"{statistics.mean(tokens):.0f}",
        f"{statistics.mean(longest):.0f}",
        f"{BATCH / statistics.median(stock_times):.0f}",
        f"{BATCH / statistics.median(our_times):.0f}",
        f"{statistics.median(ratios):.2f}",
        f"{max(differences):.0e}",
    ]


def _scoring_table() -> Table:
    table = Table("history", title=f"{BATCH} texts whose embeddings are kept, µs")
    for column in ("score", "product with the sum", "all pairs", "difference"):
        table.add_column(column, justify="right")
    rng = np.random.default_rng(0)
    for size in HISTORIES:
        vectors = rng.normal(size=(size + BATCH, DIMENSION))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        texts = [str(place) for place in range(len(vectors))]
        measure = EmbeddingSimilarity(lambda asked, v=vectors: v[[int(text) for text in asked]])
        measure.add(texts[:size])
        history, batch, total = vectors[:size], vectors[size:], vectors[:size].sum(axis=0)
        score_us, scores = _repeated(lambda m=measure, t=texts[size:]: m.score(t))
        sum_us, _ = _repeated(lambda b=batch, t=total: b @ t)
        pairs_us, expected = _repeated(lambda b=batch, h=history: (b @ h.T).mean(axis=1))
        difference = np.abs(scores - expected).max()
        table.add_row(
            f"{size:,}", f"{score_us:.0f}", f"{sum_us:.1f}", f"{pairs_us:,.0f}", f"{difference:.0e}"
        )
    return table


def _repeated(call: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """The median microseconds of a call, timed in chunks of some, and what it returned."""
    first, result = _timed(call, time.process_time)
    each = max(1, min(1000, int(0.01 / max(first, 1e-6))))
    chunks = [
        _timed(lambda: [call() for _ in range(each)], time.process_time)[0] / each
        for _ in range(15)
    ]
    return 1e6 * statistics.median(chunks), result


def _timed(call: Callable[[], Any], clock: Callable[[], float]) -> tuple[float, Any]:
    start = clock()
    result = call()
    return clock() - start, result


def _model() -> tuple[str, SentenceTransformer]:
    try:
        return "MiniLM", load_minilm()
    except ConfigurationError:
        return "BERT of MiniLM's shape, random weights", _of_its_shape()


def _of_its_shape() -> SentenceTransformer:
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=2000, show_progress=False, special_tokens=["[PAD]", "[UNK]"]
    )
    tokenizer.train_from_iterator([question.text for question in all_questions()], trainer)
    config = BertConfig(
        hidden_size=DIMENSION,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=4 * DIMENSION,
    )
    with tempfile.TemporaryDirectory() as folder:
        BertModel(config).save_pretrained(folder)
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]"
        ).save_pretrained(folder)
        modules = [Transformer(folder), Pooling(DIMENSION), Normalize()]
        return SentenceTransformer(modules=modules, device="cpu")


if __name__ == "__main__":
    main()
