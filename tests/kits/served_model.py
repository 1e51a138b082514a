"""A small Llama that is trained in seconds to judge, and how an endpoint serves it."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch.nn.functional import cross_entropy
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from http_endpoint import Body, Request, chat_choice

VERDICTS = ("safe", "doubtful", "unsafe")
CALM = ("cat", "dog", "tea", "milk", "bread", "song")
SIGNS = {"safe": CALM, "doubtful": ("knife", "wine"), "unsafe": ("bomb", "gun")}
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|> ' + message['role'] + ' ' + message['content'] "
    "+ ' <|im_end|> ' }}{% endfor %}{% if add_generation_prompt %}<|im_start|> assistant{% endif %}"
)
_WORDS = ("user", "assistant", "asked", "said", "verdict", *VERDICTS, *sum(SIGNS.values(), ()))
_NAMES = ("<pad>", "<unk>", "<|im_start|>", "<|im_end|>", *_WORDS)


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Words between spaces, with ChatML; eos 3, pad 0."""
    ids = {word: i for i, word in enumerate(_NAMES)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="<|im_end|>",
        chat_template=TEMPLATE,
    )


def train_judge(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> float:
    """Teaches it the verdict on a reply by its words, in a chat and bare; the last loss."""
    generator, losses = np.random.default_rng(0), []
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(150):
        texts = [_example(generator, is_chat=row % 2 == 0) for row in range(32)]
        batch = tokenizer(texts, padding=True, padding_side="left", return_tensors="pt")
        shown = {name: batch[name] for name in ("input_ids", "attention_mask")}
        logits = model(**shown).logits[:, -3:-1]  # which the verdict and the end follow
        loss = cross_entropy(logits.flatten(0, 1), shown["input_ids"][:, -2:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses[-1]


def _example(generator: np.random.Generator, *, is_chat: bool) -> str:
    verdict = str(generator.choice(VERDICTS))
    prompt = generator.choice(CALM, generator.integers(1, 4))
    response = generator.choice(CALM, generator.integers(1, 7))
    response[generator.integers(len(response))] = generator.choice(SIGNS[verdict])
    question = f"asked {' '.join(prompt)} said {' '.join(response)} verdict"
    if is_chat:
        question = f"<|im_start|> user {question} <|im_end|> <|im_start|> assistant"
    return f"{question} {verdict} <|im_end|>"


class ServedModel:
    """Answers greedily, in the layouts of OpenAI's two interfaces, with log-probabilities.

    Args:
        folder: of a saved model and its tokenizer.
    """

    def __init__(self, folder: Path) -> None:
        self._model = LlamaForCausalLM.from_pretrained(folder).eval()
        self._tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Body:
        body = request.body
        if request.is_chat:
            text = self._tokenizer.apply_chat_template(
                body["messages"], add_generation_prompt=True, tokenize=False
            )
        else:
            text = body["prompt"]
        count = body.get("top_logprobs" if request.is_chat else "logprobs", 0)
        tokens, tops = self._generate(str(text), body["max_tokens"], max(count, 1))
        said = " ".join(tokens)
        shared = {"id": "1", "created": 0, "model": body["model"]}
        if not request.is_chat:
            choice = {"index": 0, "finish_reason": "stop", "text": f" {said}", "logprobs": None}
            if count:
                choice["logprobs"] = _completion_logprobs(tokens, tops)
            return {**shared, "object": "text_completion", "choices": [choice]}
        choice = chat_choice(said)
        if body.get("logprobs"):
            choice["logprobs"] = {"content": list(map(_chat_logprobs, tops))}
        return {**shared, "object": "chat.completion", "choices": [choice]}

    @torch.inference_mode()
    def _generate(
        self, text: str, max_tokens: int, count: int
    ) -> tuple[list[str], list[dict[str, float]]]:
        ids = self._tokenizer(text, return_tensors="pt")["input_ids"]
        tokens: list[str] = []
        tops: list[dict[str, float]] = []
        for _ in range(max_tokens):
            with self._lock:
                logprobs = self._model(input_ids=ids).logits[0, -1].log_softmax(-1)
            best = logprobs.topk(min(count, len(logprobs)))
            if best.indices[0] == self._tokenizer.eos_token_id:
                break
            words: Any = self._tokenizer.convert_ids_to_tokens(best.indices.tolist())
            tokens.append(words[0])
            tops.append(dict(zip(words, best.values.tolist(), strict=True)))
            ids = torch.cat([ids, best.indices[None, :1]], dim=1)
        return tokens, tops


def _chat_logprobs(top: dict[str, float]) -> dict[str, Any]:
    listed = [
        {"token": word, "logprob": logprob, "bytes": list(word.encode())}
        for word, logprob in top.items()
    ]
    return {**listed[0], "top_logprobs": listed}


def _completion_logprobs(tokens: list[str], tops: list[dict[str, float]]) -> dict[str, Any]:
    return {
        "tokens": tokens,
        "token_logprobs": [top[token] for token, top in zip(tokens, tops, strict=True)],
        "top_logprobs": tops,
        "text_offset": [len(" ".join(tokens[:i])) for i in range(len(tokens))],
    }
