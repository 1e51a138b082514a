"""The keys and values of what was read so far, in memory that is not copied for every token."""

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

_LEAST_ROOM = 16


class RoomyLayer(DynamicLayer):
    """A layer's keys and values, with room for more behind them.

    transformers' own layer copies all that is there whenever a token comes. The numbers are the
    same: `keys` and `values` are views [B, H, T, D] of what is filled.
    """

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Adds those of new tokens, [B, H, new, D]; returns all."""
        length = self.get_seq_length()
        if not length:
            self.lazy_initialization(key_states, value_states)
            self._key_room, self._value_room = key_states, value_states
            self.keys, self.values = key_states, value_states
            return key_states, value_states
        total = length + key_states.shape[-2]
        if total > self._key_room.shape[-2]:
            size = total + max(total // 2, _LEAST_ROOM)
            self._key_room = _with_room(self._key_room[:, :, :length], size)
            self._value_room = _with_room(self._value_room[:, :, :length], size)
        self._key_room[:, :, length:total] = key_states
        self._value_room[:, :, length:total] = value_states
        self.keys, self.values = self._key_room[:, :, :total], self._value_room[:, :, :total]
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keeps some of the rows."""
        length = self.get_seq_length()
        indices = indices.to(self._key_room.device)  # Layers may be spread over devices.
        self._key_room = self._key_room.index_select(0, indices)
        self._value_room = self._value_room.index_select(0, indices)
        self.keys, self.values = self._key_room[:, :, :length], self._value_room[:, :, :length]


def make_cache(config: Any) -> DynamicCache:
    """A cache for a model of this configuration; layers of other kinds stay as they are."""
    cache = DynamicCache(config=config)
    cache.layers = [
        RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers
    ]
    return cache


def _with_room(filled: torch.Tensor, size: int) -> torch.Tensor:
    """A copy of [B, H, T, D] at the front of one of [B, H, size, D]."""
    batch, heads, length, width = filled.shape
    room = filled.new_empty(batch, heads, size, width)
    room[:, :, :length] = filled
    return room
