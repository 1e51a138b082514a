"""What a device does at best, measured: operations and bytes a second.

A data sheet states what no program reaches; a large matrix product and a large copy reach what a
model could, on this device, in this process, at this moment.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import torch

_REPEATS = 5


class Ceilings(NamedTuple):
    """The most that was measured.

    Attributes:
        flops: floating-point operations a second, in the dtype given.
        bandwidth: bytes read and written a second.
    """

    flops: float
    bandwidth: float


def measure_ceilings(device: torch.device, dtype: torch.dtype) -> Ceilings:
    """The best of a few square matrix products, and of a few sums, copies and triads."""
    large = device.type == "cuda"
    return Ceilings(
        _products(device, dtype, 8192 if large else 1536),
        _streams(device, dtype, (1 << 30) if large else (1 << 27)),
    )


def seconds(call: Callable[[], object], device: torch.device) -> float:
    """What a call takes until the device is done: CPU time on the CPU, wall time elsewhere."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    _wait(device)
    start = clock()
    call()
    _wait(device)
    return clock() - start


def _products(device: torch.device, dtype: torch.dtype, side: int) -> float:
    a, b, out = (torch.ones(side, side, device=device, dtype=dtype) for _ in range(3))
    return 2 * side**3 / _best(lambda: torch.mm(a, b, out=out), device)


def _streams(device: torch.device, dtype: torch.dtype, num_bytes: int) -> float:
    a, b, out = (
        torch.ones(num_bytes // dtype.itemsize, device=device, dtype=dtype) for _ in range(3)
    )
    # A processor may fetch what it is about to overwrite, which nobody asked for: only the sum
    # tells how fast it reads.
    return max(
        num_bytes / _best(lambda: a.sum(), device),
        2 * num_bytes / _best(lambda: out.copy_(a), device),
        3 * num_bytes / _best(lambda: torch.add(a, b, alpha=2, out=out), device),
    )


def _best(call: Callable[[], object], device: torch.device) -> float:
    call()
    return min(seconds(call, device) for _ in range(_REPEATS))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
