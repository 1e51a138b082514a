"""A worker that makes iterations of TRL's trainers; see `trl_iteration.py`.

python benchmarks/trl_trainers.py ppo FOLDER          PPOTrainer, as TRL 1.12 has it
python benchmarks/trl_trainers.py grpo FOLDER         GRPOTrainer at its defaults
python benchmarks/trl_trainers.py grpo-fp32 FOLDER    the same in float32
python benchmarks/trl_trainers.py grpo-plain FOLDER   that without gradient checkpointing
"""

# pyright: reportMissingImports=false
# TRL is no dependency: it comes from a folder of its own.

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from iteration_gate import Gate
from reference_work import (
    ANSWER,
    BATCH,
    CLASSIFIER,
    GROUP,
    LEARNING_RATE,
    MINIBATCHES,
    POLICY,
    draw_prompts,
    python_reward,
)
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    TrainerCallback,
)

ITERATIONS = 1_000_000
GRPO_KNOBS: dict[str, dict[str, Any]] = {
    "grpo": {},
    "grpo-fp32": {"bf16": False},
    "grpo-plain": {"bf16": False, "gradient_checkpointing": False},
}


class Gated(TrainerCallback):
    """Stands between iterations, which take as many of the trainer's steps as it is told."""

    def __init__(self, steps: int) -> None:
        self.gate = Gate()
        self.steps = steps

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Before the first iteration."""
        self._wait()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """After each of the trainer's steps."""
        if state.global_step % self.steps == 0:
            self.gate.done()
            self._wait()

    def _wait(self) -> None:
        if not self.gate.wait():
            raise SystemExit


def main() -> None:
    """Makes iterations as long as it is told to."""
    kind, folder = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    with TemporaryDirectory() as out:
        train = train_ppo if kind == "ppo" else train_grpo
        train(folder, out, **({} if kind == "ppo" else GRPO_KNOBS[kind]))


def train_ppo(folder: Path, out: str) -> None:
    """A policy, its reference, a value model and a reward model: four networks of one size."""
    from datasets import Dataset
    from trl.experimental.ppo import PPOConfig, PPOTrainer

    tokenizer = AutoTokenizer.from_pretrained(folder / POLICY)
    rows = Dataset.from_dict({"input_ids": tokenizer(draw_prompts())["input_ids"]})
    value_model, reward_model = (
        AutoModelForSequenceClassification.from_pretrained(folder / CLASSIFIER) for _ in range(2)
    )
    gated = Gated(steps=1)
    PPOTrainer(
        PPOConfig(
            output_dir=out,
            per_device_train_batch_size=BATCH,
            num_mini_batches=MINIBATCHES,
            num_ppo_epochs=1,
            total_episodes=BATCH * ITERATIONS,
            response_length=ANSWER,
            temperature=1.0,
            learning_rate=LEARNING_RATE,
            bf16=False,
            gradient_checkpointing=False,
            num_sample_generations=0,
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
        ),
        processing_class=tokenizer,
        model=AutoModelForCausalLM.from_pretrained(folder / POLICY),
        ref_model=None,
        reward_model=reward_model,
        value_model=value_model,
        train_dataset=rows,
        eval_dataset=rows,
        callbacks=[gated],
    ).train()


def train_grpo(folder: Path, out: str, **knobs: Any) -> None:
    """Eight answers to each of eight prompts, a reward in Python, no critic and no reference."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    def reward(completions: list[str], **_: Any) -> list[float]:
        return python_reward(completions)

    tokenizer = AutoTokenizer.from_pretrained(folder / POLICY)
    trainer: Any = GRPOTrainer(
        args=GRPOConfig(
            output_dir=out,
            per_device_train_batch_size=BATCH // MINIBATCHES,
            steps_per_generation=MINIBATCHES,
            num_generations=GROUP,
            max_completion_length=ANSWER,
            max_steps=MINIBATCHES * ITERATIONS,
            learning_rate=LEARNING_RATE,
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            **knobs,
        ),
        processing_class=tokenizer,
        model=AutoModelForCausalLM.from_pretrained(folder / POLICY),
        reward_funcs=reward,
        train_dataset=Dataset.from_dict({"prompt": draw_prompts()}),
        callbacks=[Gated(steps=MINIBATCHES)],
    )
    trainer.train()


if __name__ == "__main__":
    main()
