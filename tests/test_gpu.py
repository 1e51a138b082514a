"""The same numbers on a GPU as on the CPU: run with `pytest -m gpu` where there is one."""

import numpy as np
import pytest
import torch

from llm_game_agents.computing import Computing, Precision
from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.memory.passes import update_need
from llm_game_agents.memory.weightless import Weightless
from llm_game_agents.policy import LanguagePolicy
from llm_game_env import red_team_v0
from llm_game_env.gatekeeper.world import World, load_world
from llm_game_env.players import CausalLMPlayer
from llm_game_env.rewards import ClassifierReward, Exchange
from llm_game_env.seeds import Seed
from llm_game_env.spaces import Message

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.fixture(scope="module")
def world() -> World:
    return load_world()


def test_reward_model(world: World) -> None:
    prompts = [seed.text for seed in world.seed_prompts[:64]]
    exchanges = [Exchange(Seed(p), (), p, "that i must not say.") for p in prompts]
    model = ClassifierReward(world.path / "reward_model", label="good")
    on_cpu = model.score(exchanges)
    np.testing.assert_allclose(model.to("cuda").score(exchanges), on_cpu, atol=1e-4)


def test_log_probabilities(world: World) -> None:
    chats = [[Message(role="user", content=seed.text)] for seed in world.seed_prompts[:64]]
    answers = ["that i must not say."] * 64
    on_cpu = CausalLMPlayer.load(world.defender).logprob(chats, answers)
    on_gpu = CausalLMPlayer.load(world.defender, device="cuda").logprob(chats, answers)
    np.testing.assert_allclose(on_gpu, on_cpu, atol=1e-3)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("recompute", [False, True])
def test_an_update_needs_the_memory_that_was_planned(
    world: World, precision: Precision, recompute: bool
) -> None:
    computing = Computing(precision=precision, gradient_checkpointing=recompute)
    mode = Weightless()
    planned = mode.policy(world.defender, 1.0, computing)
    with mode:
        need = update_need(planned, 256, 48, 24)
    policy = LanguagePolicy.load(world.defender, device="cuda", computing=computing)
    update_need(policy, 1, 48, 24)  # Kernels bring workspaces of their own along.
    gradients = sum(p.nbytes for p in [*policy.learnt_weights(), *policy.critic_weights()])
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    update_need(policy, 256, 48, 24)
    measured = torch.cuda.max_memory_allocated() - before - gradients
    assert measured / 1.3 <= need.peak <= 1.3 * measured


def test_gpo_trains_both_players(world: World) -> None:
    run = GPO(
        red_team_v0.vector_env(16),
        LanguagePolicy.load(world.adversary, device="cuda"),
        LanguagePolicy.load(world.defender, device="cuda"),
        GPOConfig(defend_updates=2, attack_updates=2, rounds=1),
    )
    errors: list[float] = []

    def note(iteration: Iteration) -> None:
        errors.extend(stats.first_ratio_error for stats in iteration.stats.values())

    run.learn(note)
    assert len(errors) == 4
    assert max(errors) < 1e-3
