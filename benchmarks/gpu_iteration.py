"""Samples and tokens a second of one GPO iteration at the size of real models.

    python benchmarks/gpu_iteration.py --shape qwen2-0.5b           on a GPU, in bfloat16
    python benchmarks/gpu_iteration.py --device cpu --shape tiny    whether it runs

Two players of one shape with random weights play a batch of games: the adversary writes a prompt,
the defender answers and makes one update of PPO. The time of each phase stands beside what its work
would take at the device's own limits, measured in the same run (`ceilings.py`). The work is counted
from the weights and from the tokens that were read and written, padding not counted:

    rollout   operations 2 · weights of the layers · tokens + 2 · output layer · tokens written,
              bytes: all weights once a token of the longest message
    update    operations the same for the reference, for the values (without the output layer), and
              three times for each pass of learning; bytes: all weights once a forward and twice a
              backward pass, seven times (weight, gradient, two moments; three written) a step

Attention's own products are left out: at these lengths they are below a twentieth.
"""

import argparse
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from ceilings import Ceilings, measure_ceilings
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

from llm_game_agents import GPO, GPOConfig, Iteration, LanguagePolicy, PPOConfig
from llm_game_agents.opponents import LatestAndPast
from llm_game_agents.schedules import defender_only
from llm_game_env import red_team_v0
from llm_game_env.players import CausalLMPlayer
from llm_game_env.rewards import FunctionReward

AGENT = "defender_0"
COMMON: dict[str, Any] = {"max_position_embeddings": 4096, "bos_token_id": None, "eos_token_id": 0}
SHAPES: dict[str, Any] = {
    "tiny": LlamaConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=512,
        tie_word_embeddings=True,
        **COMMON,
    ),
    "qwen2-0.5b": Qwen2Config(
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        vocab_size=151_936,
        tie_word_embeddings=True,
        **COMMON,
    ),
    "llama-1b": LlamaConfig(
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=16,
        num_attention_heads=32,
        num_key_value_heads=8,
        vocab_size=128_256,
        tie_word_embeddings=True,
        **COMMON,
    ),
}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Work(NamedTuple):
    """What a phase cannot do without.

    Attributes:
        operations: floating-point operations.
        num_bytes: read and written.
    """

    operations: float
    num_bytes: float


class Weights(NamedTuple):
    """Of one model: parameters of its linear layers, of its output layer, and bytes of both."""

    layers: int
    output: int
    num_bytes: int


def main() -> None:
    """Reads the command line, measures, prints one table."""
    arguments = _arguments()
    device, dtype = torch.device(arguments.device), DTYPES[arguments.dtype]
    if device.type == "cpu":
        torch.set_num_threads(1)
    run = make_run(arguments, device, dtype)
    ceilings, iterations = measure(run, device, dtype)
    defender: Any = run.players[AGENT]
    weights = count_weights(defender.model)
    work = [count_work(run, weights, iteration) for iteration in iterations]
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU, one thread"
    made = Table(
        "phase",
        title=f"{arguments.shape}, {arguments.dtype}: {arguments.games} games, messages of up to "
        f"{arguments.tokens} tokens",
        caption=f"{name}: at best {ceilings.flops / 1e12:.3g} Tflop/s, "
        f"{ceilings.bandwidth / 1e9:.3g} GB/s",
    )
    for column in ("seconds", "samples/s", "tokens/s", "of arithmetic", "of bandwidth"):
        made.add_column(column, justify="right")
    seconds = {
        "rollout": [i.rollout_seconds - i.scoring_seconds for i in iterations],
        "update": [i.update_seconds for i in iterations],
    }
    seconds["both"] = [sum(each) for each in zip(*seconds.values(), strict=True)]
    tokens = statistics.median(written(iteration) for iteration in iterations)
    for phase, each in seconds.items():
        took = statistics.median(each)
        share = ["", ""] if phase == "both" else _shares([w[phase] for w in work], each, ceilings)
        rates = (f"{arguments.games / took:.1f}", f"{tokens / took:,.0f}")
        made.add_row(phase, f"{took:.3f}", *rates, *share)
    Console(width=100).print(made)


def make_run(arguments: argparse.Namespace, device: torch.device, dtype: torch.dtype) -> GPO:
    """A defend stage of as many updates as are to be measured, and one before."""
    config = SHAPES[arguments.shape]
    tokenizer = _tokenizer(config.vocab_size)
    adversary, defender = (
        CausalLMPlayer(_model(config, seed, device, dtype), tokenizer) for seed in (0, 1)
    )
    env = red_team_v0.vector_env(
        arguments.games,
        seed_prompts=[" ".join(f"w{i + 1}" for i in range(32))],
        reward_model=FunctionReward(lambda exchanges: [len(e.response) % 7 for e in exchanges]),
        instruction="{seed_prompt}",
    )
    rule = PPOConfig(
        learning_rate=1e-6,
        update_epochs=1,
        num_minibatches=4,
        micro_batch_size=arguments.micro_batch,
    )
    knobs = GPOConfig(
        defender=rule,
        defender_plays=LatestAndPast(),
        defender_max_tokens=arguments.tokens,
        adversary_max_tokens=arguments.tokens,
    )
    stages = list(defender_only(arguments.rounds + 1))
    return GPO(env, adversary, LanguagePolicy(defender), knobs, stages)


def measure(run: GPO, device: torch.device, dtype: torch.dtype) -> tuple[Ceilings, list[Iteration]]:
    """The device's limits, and all iterations but the first, which fills caches."""
    iterations: list[Iteration] = []
    ceilings = [measure_ceilings(device, dtype)]
    run.learn(iterations.append)
    ceilings.append(measure_ceilings(device, dtype))
    return Ceilings(*map(max, zip(*ceilings, strict=True))), iterations[1:]


def count_weights(model: Any) -> Weights:
    """Of a causal language model."""
    linear = [each for each in model.base_model.modules() if isinstance(each, torch.nn.Linear)]
    layers, output = sum(each.weight.numel() for each in linear), model.lm_head.weight.numel()
    return Weights(layers, output, (layers + output) * model.dtype.itemsize)


def written(iteration: Iteration) -> int:
    """Tokens that the defender wrote."""
    decisions = iteration.rollouts[AGENT].decisions[AGENT]
    return sum(len(one.completion.ids) for one in decisions)


def count_work(run: GPO, weights: Weights, iteration: Iteration) -> dict[str, Work]:
    """By phase. The adversary, which nothing is kept of, wrote what the defender read."""
    decisions = iteration.rollouts[AGENT].decisions[AGENT]
    read = sum(len(one.completion.prompt_ids) for one in decisions)
    answers, longest = written(iteration), max(len(one.completion.ids) for one in decisions)
    seed_tokens = 32 * len(decisions)
    tokens = 2 * read + answers + seed_tokens  # The prompt is written by one, read by the other.
    layers, output = 2 * weights.layers, 2 * weights.output
    rule = run.config.defender
    steps = rule.update_epochs * rule.num_minibatches
    size = rule.micro_batch_size if isinstance(rule.micro_batch_size, int) else 0
    pieces = -(-len(decisions) // (size or len(decisions)))
    pieces = max(pieces, rule.num_minibatches)
    forward = layers * (read + answers)
    learning = 3 * rule.update_epochs
    passes = pieces * (2 + learning) + 7 * steps
    return {
        "rollout": Work(
            layers * tokens + output * (answers + read), 2 * longest * weights.num_bytes
        ),
        "update": Work(
            forward * (2 + learning) + output * answers * (1 + learning),
            passes * weights.num_bytes,
        ),
    }


def _shares(work: Sequence[Work], seconds: Sequence[float], best: Ceilings) -> list[str]:
    pairs = list(zip(work, seconds, strict=True))
    arithmetic, bandwidth = (
        statistics.median(each[part] / took / limit for each, took in pairs)
        for part, limit in enumerate(best)
    )
    return [f"{arithmetic:.1%}", f"{bandwidth:.1%}"]


def _model(config: Any, seed: int, device: torch.device, dtype: torch.dtype) -> Any:
    """Random weights, drawn where the model lives."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices), device:
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="eager")


def _tokenizer(size: int) -> PreTrainedTokenizerFast:
    """A word is a token; a message follows the one before after a space."""
    ids = {"<end>": 0, **{f"w{i}": i for i in range(1, size)}}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="w1"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<end>",
        chat_template="{% for m in messages %}{{ m['content'] + ' ' }}{% endfor %}",
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    gpu = torch.cuda.is_available()
    add = parser.add_argument
    add("--device", default="cuda" if gpu else "cpu", help="default: a GPU if there is one")
    add("--shape", choices=SHAPES, default="qwen2-0.5b" if gpu else "tiny")
    add("--dtype", choices=DTYPES, default="bf16" if gpu else "fp32")
    add("--games", type=int, default=256 if gpu else 16, help="of a batch")
    add("--tokens", type=int, default=128 if gpu else 16, help="of one message at most")
    add("--micro-batch", type=int, default=32 if gpu else 0, help="rows at once in an update")
    add("--rounds", type=int, default=5, help="iterations that count (default: 5)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
