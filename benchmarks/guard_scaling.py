"""How many exchanges a guard scores in a second, by the size of its batches.

    python benchmarks/guard_scaling.py                # a tiny guard on the CPU, 1b on a GPU
    python benchmarks/guard_scaling.py --size 8b

A guard with random weights (`random_guard.py`) is opened by `GuardReward` as any other; what is
timed is its `score`, templates and tokenizer included. It stands beside two limits, measured in
the same run (`ceilings.py`): the operations that the tokens need, padding not counted,

    2 · weights of the layers · tokens + 2 · layers · width · Σ n(n + 1) + 2 · output layer · rows

with n the tokens of a row; and reading all weights once a batch. The last column is how many times
as long it takes in the order of arrival, with every row padded to the longest.

On the CPU it is one thread's CPU time that counts, as neighbours disturb it least.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import torch
from ceilings import Ceilings, measure_ceilings, seconds
from random_guard import SIZES, draw_exchanges, save_guard
from rich.console import Console
from rich.table import Table
from transformers.utils import logging

from llm_game_env.buckets import Batch
from llm_game_env.rewards import Exchange, GuardReward

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
LARGEST_BATCH = 256


class Work(NamedTuple):
    """What scoring the exchanges takes, whatever their batches.

    Attributes:
        tokens: of all rows, without padding.
        operations: floating-point operations.
        weight_bytes: what a batch reads of the weights.
    """

    tokens: int
    operations: int
    weight_bytes: int


class Timing(NamedTuple):
    """The best times of one batch size, in seconds for all exchanges."""

    by_length: float
    unsorted: float


def main() -> None:
    """Reads the command line, measures, prints one table."""
    arguments = _arguments()
    device, dtype, size = torch.device(arguments.device), DTYPES[arguments.dtype], arguments.size
    logging.disable_progress_bar()
    if device.type == "cpu":
        torch.set_num_threads(1)
    exchanges = draw_exchanges(SIZES[size], arguments.exchanges or SIZES[size].exchanges)
    with tempfile.TemporaryDirectory() as folder:
        save_guard(Path(folder), SIZES[size], device, dtype)
        guard = GuardReward(folder, device=device)
    work = count_work(guard, exchanges)
    batches = batch_sizes(len(exchanges))
    ceilings, timings = measure(guard, exchanges, batches, arguments.rounds)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    table = Table(
        "batch",
        title=f"{len(exchanges)} exchanges, {work.tokens:,} tokens; {size}, {arguments.dtype}",
        caption=f"{name}: at best {ceilings.flops / 1e12:.3g} Tflop/s, "
        f"{ceilings.bandwidth / 1e9:.3g} GB/s; {work.weight_bytes / 1e9:.3g} GB of weights",
    )
    for column in ("samples/s", "tokens/s", "of arithmetic", "of bandwidth", "unsorted takes"):
        table.add_column(column, justify="right")
    for batch, timing in zip(batches, timings, strict=True):
        table.add_row(str(batch), *_cells(batch, timing, work, ceilings, len(exchanges)))
    Console(width=100).print(table)


def batch_sizes(exchanges: int) -> list[int]:
    """1, 2, 4, … up to the number of exchanges, or 256."""
    largest = min(exchanges, LARGEST_BATCH)
    return [1 << i for i in range(largest.bit_length())]


def count_work(guard: GuardReward, exchanges: Sequence[Exchange]) -> Work:
    """The operations and bytes of the formula above, from the model's own weights."""
    lengths: list[int] = []

    def note(batch: Batch, **_: Any) -> torch.Tensor:
        lengths.extend(batch.attention_mask.sum(1).tolist())
        return torch.zeros(len(batch.input_ids), 2)

    with mock.patch.object(guard, "_run_batch", note):
        guard.score(exchanges)
    model: Any = guard._model
    linear = [each for each in model.model.modules() if isinstance(each, torch.nn.Linear)]
    layers = sum(each.weight.numel() for each in linear)
    output = model.lm_head.weight.numel()
    config = model.config
    width = config.head_dim * config.num_attention_heads
    squares = sum(n * (n + 1) for n in lengths)
    attention = 2 * config.num_hidden_layers * width * squares
    return Work(
        tokens=sum(lengths),
        operations=2 * layers * sum(lengths) + attention + 2 * output * len(lengths),
        weight_bytes=(layers + output) * model.dtype.itemsize,
    )


def measure(
    guard: GuardReward, exchanges: Sequence[Exchange], batches: Sequence[int], rounds: int
) -> tuple[Ceilings, list[Timing]]:
    """The best of some rounds, in each of which everything has its turn."""
    device = guard._model.device
    ceilings: list[Ceilings] = []
    timings: list[list[Timing]] = []
    guard.score(exchanges[:1])
    for _ in range(rounds):
        ceilings.append(measure_ceilings(device, guard._model.dtype))
        timings.append([_time(guard, exchanges, batch) for batch in batches])
    best = [Timing(*map(min, zip(*each, strict=True))) for each in zip(*timings, strict=True)]
    return Ceilings(*map(max, zip(*ceilings, strict=True))), best


def run_unsorted(
    run: Callable[[Batch], torch.Tensor],
    rows: Sequence[Sequence[int]],
    *,
    pad_id: int,
    batch_size: int,
    device: torch.device,
    **_: Any,
) -> np.ndarray:
    """In place of `run_by_length`: rows as they come, all padded (on the left) to the longest."""
    width = max(len(row) for row in rows)
    padded = torch.tensor([[pad_id] * (width - len(row)) + list(row) for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    positions = (mask.cumsum(1) - 1).clamp_min(0)
    tensors = (padded, mask, positions, torch.zeros_like(mask))
    batches = zip(*(each.split(batch_size) for each in tensors), strict=True)
    with torch.inference_mode():
        values = [run(Batch(*(each.to(device) for each in batch))).cpu() for batch in batches]
    return torch.cat(values).numpy()


def _time(guard: GuardReward, exchanges: Sequence[Exchange], batch: int) -> Timing:
    guard.batch_size = batch
    device = guard._model.device
    by_length = seconds(lambda: guard.score(exchanges), device)
    with mock.patch("llm_game_env.rewards.guard.run_by_length", run_unsorted):
        return Timing(by_length, seconds(lambda: guard.score(exchanges), device))


def _cells(batch: int, timing: Timing, work: Work, best: Ceilings, exchanges: int) -> list[str]:
    took = timing.by_length
    num_bytes = work.weight_bytes * -(-exchanges // batch)
    return [
        f"{exchanges / took:,.1f}",
        f"{work.tokens / took:,.0f}",
        f"{work.operations / took / best.flops:.0%}",
        f"{num_bytes / took / best.bandwidth:.0%}",
        f"{timing.unsorted / took:.2f}",
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    gpu = torch.cuda.is_available()
    add = parser.add_argument
    add("--device", default="cuda" if gpu else "cpu", help="default: a GPU if there is one")
    add("--size", choices=SIZES, help="default: 1b on a GPU, tiny on the CPU")
    add("--dtype", choices=DTYPES, help="default: bf16 on a GPU, fp32 on the CPU")
    add("--exchanges", type=int, help="how many are scored in one call")
    add("--rounds", type=int, default=3, help="of which the best counts (default: 3)")
    arguments = parser.parse_args()
    on_cpu = torch.device(arguments.device).type == "cpu"
    arguments.size = arguments.size or ("tiny" if on_cpu else "1b")
    arguments.dtype = arguments.dtype or ("fp32" if on_cpu else "bf16")
    return arguments


if __name__ == "__main__":
    main()
