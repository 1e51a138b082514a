"""How much memory a device has left."""

import psutil
import torch

SPARE = 0.8
"""Of what is free, how much is planned with: allocators round up and leave gaps."""


def free_bytes(device: str | torch.device) -> int | None:
    """Bytes that this process could still take; None where the device does not say.

    On a CUDA device what torch holds and does not use counts as free.
    """
    place = torch.device(device)
    if place.type == "cuda":
        held = torch.cuda.memory_reserved(place) - torch.cuda.memory_allocated(place)
        return torch.cuda.mem_get_info(place)[0] + held
    return psutil.virtual_memory().available if place.type == "cpu" else None
