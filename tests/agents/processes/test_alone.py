"""One process: no exchange, no Accelerate, and the rows that others would have."""

import sys

import pytest

from llm_game_agents.processes import ALONE, is_main_process, open_processes, shared_reward
from llm_game_env.errors import ConfigurationError
from llm_game_env.rewards import FunctionReward


def test_everything_is_its_own_work() -> None:
    assert ALONE.is_main
    assert ALONE.gathered(lambda: 3) == [3]
    assert ALONE.together(lambda: 3) == ALONE.from_main(lambda: 3) == 3
    assert ALONE.any(True)
    assert not ALONE.any(False)
    assert ALONE.share_out(3, lambda own: list("abc")[own]) == list("abc")
    assert ALONE.share_out(0, lambda own: [1 // own.stop]) == []
    ALONE.check_alike("nothing", object())


def test_a_reward_model_stays_as_it_is() -> None:
    model = FunctionReward(lambda exchanges: [0.0] * len(exchanges))
    assert shared_reward(model, ALONE) is model


@pytest.mark.parametrize("size", [None, "1"])
def test_a_program_by_itself_is_alone(monkeypatch: pytest.MonkeyPatch, size: str | None) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if size is not None:
        monkeypatch.setenv("WORLD_SIZE", size)
    assert is_main_process()
    with open_processes("cuda") as processes:
        assert processes is ALONE
    assert processes.place("cuda:1") == "cuda:1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACCELERATE_USE_DEEPSPEED", "true"),
        ("ACCELERATE_USE_MEGATRON_LM", "true"),
        ("ACCELERATE_MIXED_PRECISION", "bf16"),
        ("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "2"),
        ("ACCELERATE_DYNAMO_BACKEND", "INDUCTOR"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anybody_is_waited_for(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name), open_processes("cpu"):
        pass


@pytest.mark.parametrize(
    ("name", "value"), [("FSDP_VERSION", "1"), ("FSDP_CPU_RAM_EFFICIENT_LOADING", "true")]
)
def test_fsdp_of_other_kinds_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"WORLD_SIZE": "2", "ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", name: value}
    for key, setting in settings.items():
        monkeypatch.setenv(key, setting)
    with pytest.raises(ConfigurationError, match=f"{name}='{value}'"), open_processes("cpu"):
        pass


def test_without_accelerate_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    monkeypatch.delitem(sys.modules, "llm_game_agents.processes.accelerated", raising=False)
    with pytest.raises(ConfigurationError, match=r"\[processes\]"), open_processes("cpu"):
        pass
