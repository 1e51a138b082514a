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
    "ACCELERATE_USE_FSDP": "a sharded model cannot write its messages while other processes have "
    "ended theirs; use one of examples/accelerate",
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed steps the optimiser inside its backward pass, before "
    "target_kl or a gradient that is not finite could stop it; use one of examples/accelerate",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM has models of its own; use one of "
    "examples/accelerate",
}


def is_main_process() -> bool:
    """Whether this process is to print, before the processes have met; alone it is."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def open_processes(device: str) -> Iterator[Processes]:
    """The processes that the program was launched as: by `accelerate launch` or `torchrun`, or one.

    Where the block is left by an error the others are not waited for: the launcher ends them.

    Args:
        device: "cpu" or "cuda", where the models are to run; it decides how processes talk.

    Raises:
        ConfigurationError: Accelerate is missing, or configured for what cannot be done here.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    _refuse_what_is_not_done()
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


def _refuse_what_is_not_done() -> None:
    for name, reason in _REFUSED.items():
        if os.environ.get(name, "").lower() == "true":
            raise ConfigurationError(f"{name}=true: {reason}")
    for name, plain in (
        ("ACCELERATE_MIXED_PRECISION", "no"),
        ("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1"),
        ("ACCELERATE_DYNAMO_BACKEND", "no"),
    ):
        value = os.environ.get(name, plain)
        if value.lower() != plain:
            raise ConfigurationError(
                f"{name}={value!r} would change the update and not the sampling before it; set it "
                f"to {plain!r} in Accelerate's configuration, and use the run's own knobs"
            )
