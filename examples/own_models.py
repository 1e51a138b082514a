"""GPO on one's own models: any Hugging Face causal language models and classifier."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from flags import INTERRUPTED, RunFlags, fresh_folder, gpo_config

from llm_game_agents.checkpoint_store import FOLDER, CheckpointStore
from llm_game_agents.critic import CriticKind
from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.player_folders import PlayerFolders
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.preflight import check_contexts, check_reward_model
from llm_game_agents.recorder import Recorder
from llm_game_agents.saved_run import learn_and_record, read_record, take_up, writing
from llm_game_agents.update_rules.ppo import PPOConfig
from llm_game_env import ConfigurationError, red_team_v0
from llm_game_env.diversity import Diversity
from llm_game_env.evaluation.curves import draw_curves
from llm_game_env.evaluation.results import write_results
from llm_game_env.rewards import ClassifierReward
from llm_game_env.vector import VectorGame


class Start(NamedTuple):
    """A run, its folder, and the record of what it has played already."""

    run: GPO
    folder: Path
    record: dict[str, Any] | None


def run(flags: RunFlags) -> int:
    """Checks everything, trains, and saves both players below one folder; exit status."""
    _require(flags)
    _check_device(flags.device)
    reward_model = ClassifierReward(
        flags.reward_model,
        label=flags.reward_label or None,
        best=_number("--reward-best", flags.reward_best),
        device=flags.device,
    )
    env = red_team_v0.vector_env(
        flags.games,
        seed_prompts=flags.seed_prompts,
        reward_model=reward_model,
        instruction=flags.instruction or None,
        diversity=Diversity(self_bleu=flags.diversity) if flags.diversity else None,
    )
    run, folder, record = taken_up(flags, env) if flags.resume else begun(flags, env)
    with writing(folder):
        recorder = Recorder(folder, run.total_updates, "gpo", judged=False, taken_up=record)
    status = 0
    try:
        learn_and_record(run, recorder, save_every=flags.save_every)
    except KeyboardInterrupt:
        status = INTERRUPTED
        print(f"\ninterrupted; --resume {folder} goes on")
    finally:
        if saved := CheckpointStore(folder).paths:
            print(f"players and optimisers saved in {saved[-1]}")
    with writing(folder):
        finish(flags, run.config, recorder, folder)
    return status


def begun(flags: RunFlags, env: VectorGame) -> Start:
    """A new run, checked."""
    adversary, defender = policies(flags)
    config = knobs(flags)
    check_contexts(env, adversary, defender, config)
    check_reward_model(env)
    run = GPO(env, adversary, defender, config)
    return Start(run, fresh_folder(flags.out), None)


def policies(flags: RunFlags) -> list[LanguagePolicy]:
    """The adversary and the defender, as whole models or as adapters."""
    paths = (flags.adversary, flags.defender)
    critic = cast(CriticKind, flags.critic)
    if flags.lora_rank:
        folders = PlayerFolders(flags.temperature, flags.device, flags.lora_rank)
        return [folders.fresh(path, 2 * flags.seed + i, critic) for i, path in enumerate(paths)]
    return [
        LanguagePolicy.load(path, critic=critic, device=flags.device, temperature=flags.temperature)
        for path in paths
    ]


def knobs(flags: RunFlags) -> GPOConfig:
    """GPO's knobs; the tuned ones of the built-in world's players are left behind."""
    return replace(
        gpo_config(flags),
        defender=PPOConfig(
            learning_rate=flags.defender_learning_rate,
            critic_learning_rate=_critic_rate(flags, flags.defender_learning_rate),
            kl_coef=flags.defender_kl_coef,
        ),
        adversary=PPOConfig(
            learning_rate=flags.adversary_learning_rate,
            critic_learning_rate=_critic_rate(flags, flags.adversary_learning_rate),
            kl_coef=flags.adversary_kl_coef,
            ent_coef=flags.adversary_ent_coef,
        ),
        adversary_max_tokens=flags.adversary_max_tokens,
        defender_max_tokens=flags.defender_max_tokens,
        temperature=flags.temperature,
    )


def _critic_rate(flags: RunFlags, own_rate: float) -> float:
    """At a value head's rate a whole model would forget what it knows."""
    by_kind = {"head": PPOConfig.critic_learning_rate, "model": own_rate}
    return flags.critic_learning_rate or by_kind[flags.critic]


def taken_up(flags: RunFlags, env: VectorGame) -> Start:
    """A saved run; players and knobs are those it was saved with.

    The folder of a run goes on in place; from a checkpoint a run goes on in a folder of its own.
    """
    check_reward_model(env)
    path = Path(flags.resume)
    if not (path / FOLDER).exists():
        run = GPO.load(path, env, device=flags.device)
        return Start(run, fresh_folder(flags.out), read_record(path))
    run, record, found = take_up(path, env, device=flags.device)
    for damaged, problem in found.damaged.items():
        print(f"{damaged} cannot be used: {problem}")
    print(f"going on from {found.path}")
    return Start(run, path, record)


def finish(flags: RunFlags, config: GPOConfig, recorder: Recorder, folder: Path) -> None:
    """Curves and results of what was played."""
    if recorder.points:
        draw_curves({"gpo": recorder.points}, folder / "curves.png")
        last = recorder.points[-1]
        print(f"last update: {last.stage} stage, mean score {last.score:.3f}")
    record = {
        "arm": "gpo",
        "games": recorder.games_played,
        "curves": [asdict(p) for p in recorder.points],
    }
    write_results(folder / "results.json", flags, config, [record])
    print(f"written to {folder}")


def _require(flags: RunFlags) -> None:
    needed = ("adversary", "defender", "reward_model", "seed_prompts")
    missing = [f"--{name.replace('_', '-')}" for name in needed if not getattr(flags, name)]
    if missing:
        raise ConfigurationError(
            f"{' and '.join(missing)} missing; with your own models give all of "
            "--adversary, --defender, --reward-model and --seed-prompts"
        )


def _number(name: str, text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError as error:
        raise ConfigurationError(f"{name}={text!r} must be a number") from error


def _check_device(device: str) -> None:
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        raise ConfigurationError(
            f"device={device!r} cannot be used ({error}); give cpu, or a device of this machine"
        ) from error
