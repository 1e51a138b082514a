"""The world's word-level tokenizer, its chat template, and its sentence encoder."""

import numpy as np
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from llm_game_env.gatekeeper.corpus import INSTRUCTION, answers
from llm_game_env.gatekeeper.grammar import FRAMES, OPENERS, SLOT, all_questions, words
from llm_game_env.gatekeeper.judge import REFUSALS
from llm_game_env.gatekeeper.matters import MATTERS

PAD, UNKNOWN, END = "<pad>", "<unk>", "<end>"
ROLE_MARKERS = ("<system>", "<user>", "<assistant>")
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<' + message['role'] + '>' + message['content'] + '<end>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A fast tokenizer over every word of the world; case does not count."""
    vocabulary = {token: i for i, token in enumerate([*_special_tokens(), *_all_words()])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    # Its cleanup takes away the space before punctuation, so that decoded text reads naturally.
    tokenizer.decoder = decoders.WordPiece(cleanup=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=END,
        additional_special_tokens=list(ROLE_MARKERS),
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def build_encoder() -> SentenceTransformer:
    """A sentence encoder with one static vector a word, from explicit semantic analysis.

    A word's vector says about which matters, with which openers and in which frames it is used
    (Gabrilovich & Markovitch 2007), less the mean of each group: aliases of one matter get the
    same direction, and words that everything contains get none.
    """
    groups: list[dict[str, set[str]]] = [{}, {}, {}]
    for question in all_questions():
        used = set(words(question.text))
        keys = (question.matter.key, question.opener, question.frame)
        for group, key in zip(groups, keys, strict=True):
            group.setdefault(key, set()).update(used)
    vocabulary = _all_words()
    profiles = [
        np.array([[word in used for used in group.values()] for word in vocabulary], np.float32)
        for group in groups
    ]
    centred = [profile - profile.mean(axis=1, keepdims=True) for profile in profiles]
    vectors = np.concatenate(centred, axis=1)
    special = np.zeros((len(_special_tokens()), vectors.shape[1]), np.float32)
    embedding = StaticEmbedding(
        build_tokenizer().backend_tokenizer, embedding_weights=np.concatenate([special, vectors])
    )
    return SentenceTransformer(modules=[embedding], device="cpu")


def _special_tokens() -> tuple[str, ...]:
    return (PAD, UNKNOWN, END, *ROLE_MARKERS)


def _all_words() -> list[str]:
    texts = [*OPENERS.values(), *(frame.replace(SLOT, "") for frame in FRAMES.values())]
    texts += [INSTRUCTION.replace("{seed_prompt}", ""), *REFUSALS]
    for matter in MATTERS:
        texts += [*matter.aliases, *answers(matter)]
    return sorted({word for text in texts for word in words(text)})
