"""Finding out how a program was launched, and joining the other processes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from llm_game_agents.processes.alone import ALONE
from llm_game_agents.processes.protocol import Processes
from llm_game_env.errors import ConfigurationError

# Whoever waits has nothing to do; the launcher ends all processes where one of them dies.
_PATIENCE = timedelta(hours=6)
_REFUSED = {
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed steps the optimiser inside its backward pass, before "
    "target_kl or a gradient that is not finite could stop it; use one of examples/accelerate",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM has models of its own; use one of "
    "examples/accelerate",
}
# Version 1 keeps weights in flat buffers; loading on one process would leave the others' players
# empty; the rest is for the run's own knobs.
_PLAIN_FSDP = (
    ("FSDP_VERSION", "2"),
    ("FSDP_CPU_RAM_EFFICIENT_LOADING", "false"),
    ("FSDP_ACTIVATION_CHECKPOINTING", "false"),
    ("FSDP_OFFLOAD_PARAMS", "false"),
)


def is_main_process() -> bool:
    """Whether this process is to print, before the processes have met; alone it is."""
    return _count() == 1 or int(os.environ.get("RANK", "0")) == 0


@contextmanager
def open_processes(device: str) -> Iterator[Processes]:
    """The processes that the program was launched as: by `accelerate launch` or `torchrun`, or one.

    Where the block is left by an error the others are not waited for: the launcher ends them.

    Args:
        device: "cpu" or "cuda", where the models are to run; it decides how processes talk.

    Raises:
        ConfigurationError: Accelerate is missing, or configured for what cannot be done here.
    """
    if _count() == 1:
        yield ALONE
        return
    refuse_what_is_not_done()
    try:
        from accelerate import Accelerator, InitProcessGroupKwargs

        from llm_game_agents.processes.accelerated import Accelerated
    except ImportError as error:
        raise ConfigurationError(
            "several processes need Accelerate; pip install 'llm-game-env[processes]'"
        ) from error
    accelerator = Accelerator(
        cpu=device.partition(":")[0] == "cpu",
        kwargs_handlers=[InitProcessGroupKwargs(timeout=_PATIENCE)],
    )
    yield Accelerated(accelerator)
    accelerator.end_training()


def refuse_what_is_not_done() -> None:
    """Looks at what a launcher has put into the environment.

    Raises:
        ConfigurationError: that cannot be done here; names the variable and what it should be.
    """
    for name, reason in _REFUSED.items():
        if os.environ.get(name, "").lower() == "true":
            raise ConfigurationError(f"{name}=true: {reason}")
    for name, plain in (
        ("ACCELERATE_MIXED_PRECISION", "no"),
        ("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1"),
        ("ACCELERATE_DYNAMO_BACKEND", "no"),
        *(_PLAIN_FSDP if os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true" else ()),
    ):
        value = os.environ.get(name, "unset" if name == "FSDP_VERSION" else plain)
        if value.lower() != plain:
            raise ConfigurationError(
                f"{name}={value!r} is not supported; set it to {plain!r} in Accelerate's "
                "configuration, as the files in examples/accelerate do"
            )


def _count() -> int:
    """How many processes the launcher says it has started."""
    return int(os.environ.get("WORLD_SIZE", "1"))
