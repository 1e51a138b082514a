"""Counting the memory of tensors as they come and go, on any device, with or without data."""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """Counts the tensors that are made while it is active, backward passes included.

    It sees operations, not allocators: what a kernel needs within itself and what an allocator
    rounds up are not counted. On the CPU it agrees with torch's profiler to the byte.

    Args:
        width: tensors whose last dimension is this are counted in `wide_at_peak`, too.

    Attributes:
        now: bytes that are alive.
        peak: the most that were alive at once.
        wide_at_peak: those of them in tensors of `width`.
    """

    def __init__(self, width: int = 0) -> None:
        super().__init__()
        self.now = self.peak = self.wide_at_peak = 0
        self._width = width
        self._wide = 0
        self._alive: dict[int, Any] = {}

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        given = {id(tensor.untyped_storage()) for tensor in _tensors((args, kwargs))}
        result = func(*args, **(kwargs or {}))
        for tensor in _tensors(result):
            # A view, of a parameter say, is nothing new.
            if id(tensor.untyped_storage()) not in given:
                self._note(tensor)
        return result

    def _note(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = id(storage)
        if key in self._alive:
            return
        size = storage.nbytes()
        wide = size if tensor.ndim and tensor.shape[-1] == self._width else 0
        self.now, self._wide = self.now + size, self._wide + wide
        if self.now > self.peak:
            self.peak, self.wide_at_peak = self.now, self._wide

        def forget(_: Any) -> None:
            del self._alive[key]
            self.now, self._wide = self.now - size, self._wide - wide

        self._alive[key] = weakref.ref(storage, forget)


def _tensors(tree: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]
