"""Builds the world's models: `python -m llm_game_env.gatekeeper.build [--out DIR] [--seed N]`.

Everything is drawn from the seed: the splits, the corpora, the initial weights. The shipped world
is seed 0 at full scale.
"""

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2LMHeadModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from llm_game_env.gatekeeper import cards
from llm_game_env.gatekeeper.corpus import (
    INSTRUCTION,
    adversary_example,
    defender_example,
    reward_example,
)
from llm_game_env.gatekeeper.splits import Splits, draw_splits
from llm_game_env.gatekeeper.supervised import SupervisedBatch, chat_batch, class_batch, train
from llm_game_env.gatekeeper.tokenizer import build_encoder, build_tokenizer

LABELS = ("bad", "good")
Trainer = Callable[[Splits, PreTrainedTokenizerFast, "BuildConfig"], PreTrainedModel]


@dataclass(frozen=True)
class BuildConfig:
    """How the models of a world are trained.

    Attributes:
        seed: the world's seed.
        width, layers, heads, context: the shape of every transformer; context in tokens.
        batch_size: examples a step.
        defender_steps, reward_steps: training steps.
        adversary_broad_steps, adversary_steps: of the adversary on every reachable way of asking,
            then on its SFT examples: what it seldom writes, it can write.
        learning_rate: peak of the one-cycle schedule of the players.
        reward_learning_rate: of the reward model's, which starts from the trained defender.
        reward_sharpness: factor on the reward model's logits after training. Its scores of good
            answers then lie within 0.02 of each other: differences between kinds of good answers
            would pay the adversary for a choice of matter, before it has met a weakness.
    """

    seed: int = 0
    width: int = 64
    layers: int = 2
    heads: int = 4
    context: int = 192
    batch_size: int = 64
    defender_steps: int = 1500
    adversary_broad_steps: int = 700
    adversary_steps: int = 700
    reward_steps: int = 2000
    learning_rate: float = 4e-3
    reward_learning_rate: float = 2e-3
    reward_sharpness: float = 2.0


def build_world(out: Path, config: BuildConfig, *, workers: int = 2) -> None:
    """Trains the models of a world and writes them below `out`, with a card each.

    Each transformer is trained from a generator of its own, so that the result does not depend
    on how many are trained at once. The reward model starts from the defender's weights, as those
    of assistants do: from scratch it hardly learns which value belongs to which matter.
    """
    splits = draw_splits(config.seed)
    out.mkdir(parents=True, exist_ok=True)
    record = {"instruction": INSTRUCTION, "splits": splits.to_json()}
    (out / "world.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    build_encoder().save(str(out / "encoder"), create_model_card=False)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        defender = pool.submit(_train_and_save, _train_defender, splits, config, out / "defender")
        adversary = pool.submit(
            _train_and_save, _train_adversary, splits, config, out / "adversary"
        )
        defender.result()
        trainer = partial(_train_reward_model, start=out / "defender")
        pool.submit(_train_and_save, trainer, splits, config, out / "reward_model").result()
        adversary.result()
    cards.write(out)


def _train_and_save(trainer: Trainer, splits: Splits, config: BuildConfig, folder: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    tokenizer = build_tokenizer()
    trainer(splits, tokenizer, config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _train_defender(
    splits: Splits, tokenizer: PreTrainedTokenizerFast, config: BuildConfig
) -> PreTrainedModel:
    rng = np.random.default_rng([config.seed, 1])

    def next_batch(_step: int) -> SupervisedBatch:
        pairs = [defender_example(splits, rng) for _ in range(config.batch_size)]
        return chat_batch(tokenizer, pairs)

    model = GPT2LMHeadModel(_config(tokenizer, config))
    return train(model, next_batch, config.defender_steps, config.learning_rate, "defender")


def _train_adversary(
    splits: Splits, tokenizer: PreTrainedTokenizerFast, config: BuildConfig
) -> PreTrainedModel:
    rng = np.random.default_rng([config.seed, 2])

    def next_batch(step: int) -> SupervisedBatch:
        broad = step < config.adversary_broad_steps
        pairs = [adversary_example(splits, rng, broad=broad) for _ in range(config.batch_size)]
        told = [(INSTRUCTION.replace("{seed_prompt}", seed), text) for seed, text in pairs]
        return chat_batch(tokenizer, told)

    model = GPT2LMHeadModel(_config(tokenizer, config))
    steps = config.adversary_broad_steps + config.adversary_steps
    return train(model, next_batch, steps, config.learning_rate, "adversary")


def _train_reward_model(
    splits: Splits, tokenizer: PreTrainedTokenizerFast, config: BuildConfig, *, start: Path
) -> PreTrainedModel:
    rng = np.random.default_rng([config.seed, 3])

    def next_batch(_step: int) -> SupervisedBatch:
        examples = [reward_example(splits, rng) for _ in range(config.batch_size)]
        pairs = [(example.prompt, example.response) for example in examples]
        return class_batch(tokenizer, pairs, [int(example.good) for example in examples])

    labels = {"id2label": dict(enumerate(LABELS)), "label2id": {n: i for i, n in enumerate(LABELS)}}
    model = GPT2ForSequenceClassification(_config(tokenizer, config, **labels))
    trunk = GPT2LMHeadModel.from_pretrained(start).transformer
    model.transformer.load_state_dict(trunk.state_dict())
    train(model, next_batch, config.reward_steps, config.reward_learning_rate, "reward model")
    model.score.weight.data.mul_(config.reward_sharpness)
    return model


def _config(tokenizer: PreTrainedTokenizerFast, config: BuildConfig, **labels: Any) -> GPT2Config:
    end: Any = tokenizer.eos_token_id
    pad: Any = tokenizer.pad_token_id
    return GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=config.context,
        n_embd=config.width,
        n_layer=config.layers,
        n_head=config.heads,
        activation_function="gelu_pytorch_tanh",  # The same curve as gelu_new, in one kernel.
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        summary_first_dropout=0.0,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=pad,
        **labels,
    )


def main() -> None:
    """Command line of the build."""
    parser = argparse.ArgumentParser(description=__doc__)
    here = Path(__file__).parent / "weights"
    parser.add_argument("--out", type=Path, default=here, help="folder to write (default: shipped)")
    parser.add_argument("--seed", type=int, default=0, help="the world's seed")
    arguments = parser.parse_args()
    start = time.monotonic()
    build_world(arguments.out, BuildConfig(seed=arguments.seed))
    print(f"built {arguments.out} in {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
