"""How a policy computes: precision, what is computed twice to save memory, and compilation.

The defaults are plain float32. Everything here is opt-in and changes results by rounding alone.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

import torch

from llm_game_env.checks import check_choice
from llm_game_env.errors import ConfigurationError

Precision = Literal["float32", "bf16"]
DeviceMap = str | Mapping[str, int | str]


@dataclass(frozen=True)
class Computing:
    """How the models of a policy are kept and run.

    Attributes:
        precision: "float32", or "bf16": what learns is kept in float32, since small updates vanish
            in the rounding of bfloat16, and runs under autocast; what is frozen (references, past
            players, the base of adapters) is kept in bfloat16 from then on. Log-probabilities are
            float32 from the logits on in either case. Under "bf16" those of the sampler are
            computed anew before an update, by the update's own forward pass. On GPT-2 and Llama
            models of 4 layers × 256, with random weights of the usual deviation 0.02, a token's
            log-probability is off by up to 0.01 nats; with weights five times as large, by up to
            0.2 nats under autocast and 0.3 where the weights are kept in bfloat16.
        gradient_checkpointing: an update keeps the inputs of each layer alone and computes the
            rest again for the gradient: less memory, about a third more time.
        compile: the update's forward pass goes through `torch.compile`, which takes seconds for
            each new shape.
        device_map: of frozen models that are opened from disk, as `from_pretrained` takes it; what
            learns stays on one device.
        fused_activation: GPT-2's activation in one kernel, in the policy, its reference and its
            critic, see `fuse_gelu`. Activations differ by at most 5e-7 in float32.
        coarse_gradients: backward passes multiply in bfloat16 and add up in float32, where the
            processor can (AMX on CPUs; TensorFloat-32 on CUDA). Log-probabilities, ratios, the KL
            and values are of forward passes, and stay as they are. On a GPT-2 of 4 layers × 128
            with random weights, a gradient is off by up to 0.4 % of its norm. Under gradient
            checkpointing, what is computed again is coarse, too.

    Raises:
        ConfigurationError: a choice that there is not, or two that exclude each other.
    """

    precision: Precision = "float32"
    gradient_checkpointing: bool = False
    compile: bool = False
    device_map: DeviceMap | None = None
    fused_activation: bool = False
    coarse_gradients: bool = False

    def __post_init__(self) -> None:
        check_choice("precision", self.precision, get_args(Precision))
        if self.compile and self.gradient_checkpointing:
            raise ConfigurationError(
                "compile=True keeps its own choice of what to compute again; leave "
                "gradient_checkpointing=True out, or compile"
            )

    @property
    def frozen_dtype(self) -> torch.dtype | None:
        """Of the weights that do not learn; None leaves them as they are."""
        return torch.bfloat16 if self.precision == "bf16" else None

    @property
    def recomputes_logprobs(self) -> bool:
        """Whether the sampler's log-probabilities are too coarse to take ratios to."""
        return self.precision == "bf16"

    def autocast(self, device: torch.device) -> torch.autocast:
        """What forward passes run under."""
        enabled = self.precision == "bf16"
        return torch.autocast(device.type, torch.bfloat16, enabled=enabled)

    @contextmanager
    def backward_products(self) -> Iterator[None]:
        """What backward passes run under; the setting is torch's own, of the whole process."""
        before = torch.get_float32_matmul_precision()
        try:
            if self.coarse_gradients:
                torch.set_float32_matmul_precision("medium")
            yield
        finally:
            if self.coarse_gradients:
                torch.set_float32_matmul_precision(before)


PLAIN = Computing()
