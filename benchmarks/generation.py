"""How many tokens a second a player writes, beside `generate` of transformers.

    python benchmarks/generation.py

A GPT-2 of 4 layers of 128 with random weights and a vocabulary of 1,024 answers prompts of 32
tokens with up to 32. Both sample from the same distribution and keep the log-probabilities of what
they drew, which training needs; `generate` is also measured without them. Each computes attention
as it would: a player opens its model with "eager", transformers with "sdpa". "Answers that end"
have an end-of-sequence token that is drawn so often that they are a quarter of the limit long on
average. The two take turns, and what counts is the median of the ratios of their times.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from transformers import GPT2Config, GPT2LMHeadModel

from llm_game_env.players.sampling import sample_tokens

VOCABULARY, PROMPT, LIMIT = 1024, 32, 32
END, PAD = 0, 1
BATCHES = (1, 8, 64, 256)


def main() -> None:
    """Reads the command line, measures, prints one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="turns of each (default: 9)")
    parser.add_argument("--batches", type=int, nargs="+", default=list(BATCHES), help="sizes")
    parser.add_argument("--threads", type=int, default=1, help="of torch (default: 1)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    table = Table("answers", "batch", title="Tokens/s, and how much longer generate takes")
    for column in ("player", "generate, with logprobs", "×", "generate, without", "×"):
        table.add_column(column, justify="right")
    for ends in (False, True):
        model = make_model(ends=ends)
        for batch in arguments.batches:
            name = "that end" if ends else "of full length"
            table.add_row(name, str(batch), *_measure(model, batch, arguments.rounds))
    Console().print(table)


def make_model(*, ends: bool) -> GPT2LMHeadModel:
    """Random weights; the end-of-sequence token is drawn at the rate wanted, or never.

    A token's own bias is what GPT-2's output layer lacks: the model's logits are shifted instead.
    """
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_layer=4,
        n_head=4,
        n_embd=128,
        n_positions=PROMPT + LIMIT,
        bos_token_id=None,
        eos_token_id=END,
        pad_token_id=PAD,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = GPT2LMHeadModel(config).eval()
    # Mean length a quarter of the limit: drawn with probability 4 / limit at each step.
    rate = 4 / LIMIT if ends else 0.0
    shift = float(np.log(rate / (1 - rate) * (VOCABULARY - 1))) if ends else float("-inf")
    bias = torch.zeros(VOCABULARY)
    bias[END] = shift

    def shifted(_module: torch.nn.Module, _inputs: object, logits: torch.Tensor) -> torch.Tensor:
        return logits + bias

    model.lm_head.register_forward_hook(shifted)
    return model


def _measure(model: GPT2LMHeadModel, batch: int, rounds: int) -> list[str]:
    rng = np.random.default_rng(0)
    times: list[list[float]] = []
    written: list[list[int]] = []
    for round_index in range(rounds + 1):
        prompts = rng.integers(2, VOCABULARY, size=(batch, PROMPT))
        uniforms = rng.random((batch, LIMIT))
        subjects: list[Callable[[], int]] = [
            lambda p=prompts, u=uniforms: play(model, p, u),
            lambda p=prompts, i=round_index: generate(model, p, i, scores=True),
            lambda p=prompts, i=round_index: generate(model, p, i, scores=False),
        ]
        taken, tokens = zip(*map(_timed, subjects), strict=True)
        if round_index:  # The first round fills caches, and is not counted.
            times.append(list(taken))
            written.append(list(tokens))
    # Per token: the sequences that each drew are of different lengths.
    costs = np.array(times) / np.array(written)
    ratios = costs[:, 1:] / costs[:, :1]
    speeds = [f"{1 / statistics.median(column):,.0f}" for column in costs.T]
    with_scores, without = (f"{statistics.median(column):.2f}" for column in ratios.T)
    return [speeds[0], speeds[1], with_scores, speeds[2], without]


def _timed(subject: Callable[[], int]) -> tuple[float, int]:
    start = time.process_time()
    tokens = subject()
    return time.process_time() - start, tokens


def play(model: GPT2LMHeadModel, prompts: np.ndarray, uniforms: np.ndarray) -> int:
    """The player's sampling; how many tokens it wrote."""
    model.set_attn_implementation("eager")
    sampled = sample_tokens(
        model,
        prompts.tolist(),
        uniforms,
        eos_ids=[END],
        pad_id=PAD,
        context=PROMPT + LIMIT + 1,
    )
    return sum(len(one.ids) for one in sampled)


@torch.inference_mode()
def generate(model: Any, prompts: np.ndarray, seed: int, *, scores: bool) -> int:
    """Sampling by transformers; how many tokens it wrote."""
    model.set_attn_implementation("sdpa")
    ids = torch.from_numpy(prompts)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        output = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            top_k=0,
            max_new_tokens=LIMIT,
            return_dict_in_generate=True,
            output_logits=scores,
        )
    answers = output.sequences[:, PROMPT:]
    if scores:
        logprobs = torch.stack(output.logits, dim=1).log_softmax(-1)
        logprobs.gather(-1, answers[..., None])
    ended = (answers == END).int()
    before_end = ended.cumsum(1) - ended == 0
    return int(before_end.sum())


if __name__ == "__main__":
    main()
