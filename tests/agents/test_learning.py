"""Learning by learning: small games in which only the right credit makes a policy win.

The bar is fixed. A policy that misses the point of a test stays far below it; PPO beat it with
every seed that was tried.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from llm_game_agents.gpo import GPO
from llm_game_agents.gpo_config import GPOConfig
from llm_game_agents.iteration import Iteration
from llm_game_agents.policy import LanguagePolicy
from llm_game_agents.schedules import Stage, adversary_only, defender_only
from llm_game_agents.shared_base import SharedBase
from llm_game_agents.update_rules.ppo import PPOConfig
from llm_game_env import red_team_v0
from llm_game_env.players import CausalLMPlayer, EchoPlayer, Player, ScriptedPlayer
from llm_game_env.rewards import Exchange, FunctionReward

BAR = 0.9
NUM_GAMES = 64
COLOUR_OF = {"sky": "blue", "grass": "green", "snow": "white", "coal": "black"}
WORDS = ["<pad>", "<unk>", "<end>", *COLOUR_OF, *COLOUR_OF.values(), "key", "door"]
PPO_KNOBS = PPOConfig(
    learning_rate=1e-3, critic_learning_rate=1e-2, kl_coef=0.01, vf_coef=0.5, warmup_updates=0
)


def make_policy(seed: int = 0, **options: Any) -> LanguagePolicy:
    """A random GPT-2 over some words; at first every word is about as probable as another."""
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="<end>",
        chat_template="{% for m in messages %}{{ m['content'] + ' <end> ' }}{% endfor %}",
    )
    shape: dict[str, Any] = {"n_layer": 1, "n_head": 2, "n_embd": 32, "n_positions": 24}
    config = GPT2Config(
        vocab_size=len(WORDS), bos_token_id=None, eos_token_id=2, **(shape | options)
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = GPT2LMHeadModel(config)
    return LanguagePolicy(CausalLMPlayer(model, fast))


class _Learned(Exception):
    """The bar has been beaten: no more updates are needed."""


def learn(
    function: Callable[[Sequence[Exchange]], Sequence[float]],
    stages: Iterable[Stage],
    *,
    adversary: Player,
    defender: Player,
    seed: int,
    knobs: PPOConfig = PPO_KNOBS,
    **arguments: Any,
) -> tuple[float, float]:
    """Plays until the bar is beaten; the learner's success at first and at best.

    At first: in the first three updates, before much is learned. At best: the highest mean over
    five updates on end, 320 games. Success is the score of a game's last exchange, 1 - score for
    an adversary.
    """
    env = red_team_v0.vector_env(
        NUM_GAMES,
        seed_prompts=list(COLOUR_OF),
        reward_model=FunctionReward(function),
        instruction="{seed_prompt}",
        **arguments,
    )
    config = GPOConfig(
        defender=knobs,
        adversary=knobs,
        defender_max_tokens=2,
        adversary_max_tokens=2,
        seed=seed,
    )
    successes: list[float] = []

    def note(iteration: Iteration) -> None:
        score = float(np.mean([e.score for e in iteration.exchanges[-NUM_GAMES:]]))
        successes.append(score if iteration.stage.kind == "defend" else 1.0 - score)
        if np.mean(successes[-5:]) > BAR:
            raise _Learned

    with suppress(_Learned):
        GPO(env, adversary, defender, config, stages).learn(note)
    means = np.convolve(successes, np.full(5, 0.2), "valid")
    return float(np.mean(successes[:3])), float(means.max())


def says_blue(exchanges: Sequence[Exchange]) -> list[float]:
    return [float(exchange.response == "blue") for exchange in exchanges]


def names_the_colour(exchanges: Sequence[Exchange]) -> list[float]:
    return [float(e.response == COLOUR_OF.get(e.seed.text)) for e in exchanges]


def opens_the_door(exchanges: Sequence[Exchange]) -> list[float]:
    """½ for "door" as the second answer, ½ for "key" as the first one."""
    return [
        0.5 * (exchange.response == "door")
        + 0.5 * (bool(exchange.history) and exchange.history[-1]["content"] == "key")
        for exchange in exchanges
    ]


def unless_coal(exchanges: Sequence[Exchange]) -> list[float]:
    return [float(exchange.prompt != "coal") for exchange in exchanges]


SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_defender_learns_to_say_one_word(seed: int) -> None:
    # By chance: a thirteenth for the word, times a quarter or so for an end.
    first, best = learn(
        says_blue,
        defender_only(100),
        adversary=EchoPlayer(),
        defender=make_policy(seed),
        seed=seed,
    )
    assert first < 0.1
    assert best > BAR


@pytest.mark.parametrize("seed", SEEDS)
def test_an_answer_may_depend_on_the_prompt(seed: int) -> None:
    # A player that does not look at the prompt is right a quarter of the time at best.
    first, best = learn(
        names_the_colour,
        defender_only(150),
        adversary=EchoPlayer(),
        defender=make_policy(seed),
        seed=seed,
    )
    assert first < 0.1
    assert best > BAR


@pytest.mark.parametrize("seed", SEEDS)
def test_an_adapter_learns_what_a_whole_model_does(seed: int) -> None:
    # The output layer is frozen with the base: with weights of the usual size it could make no
    # word more probable than 15 %, whatever the layers below learnt.
    base = SharedBase(make_policy(seed, initializer_range=0.2).player)
    first, best = learn(
        names_the_colour,
        defender_only(150),
        adversary=EchoPlayer(),
        defender=base.policy(seed=seed),
        seed=seed,
        knobs=replace(PPO_KNOBS, learning_rate=3e-3),
    )
    assert first < 0.1
    assert best > BAR


@pytest.mark.parametrize("seed", SEEDS)
def test_a_first_answer_gets_credit_for_the_second(seed: int) -> None:
    # All is paid at the end of the second turn. Without credit across turns the second answer is
    # learned alone, which is worth a half, as is saying the same word twice.
    first, best = learn(
        opens_the_door,
        defender_only(100),
        adversary=ScriptedPlayer(["sky"]),
        defender=make_policy(seed),
        seed=seed,
        max_turns=2,
        turn_reward="end",
    )
    assert first < 0.1
    assert best > BAR


@pytest.mark.parametrize("seed", SEEDS)
def test_an_adversary_learns_what_the_defender_cannot_answer(seed: int) -> None:
    first, best = learn(
        unless_coal,
        adversary_only(100),
        adversary=make_policy(seed),
        defender=ScriptedPlayer(["black"]),
        seed=seed,
    )
    assert first < 0.1
    assert best > BAR
