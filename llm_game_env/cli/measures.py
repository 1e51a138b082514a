"""What an evaluation measures utility and diversity by, from the command line's flags."""

import argparse
from typing import NamedTuple

from llm_game_env.cli.judges import MODEL_WORDS, open_reward
from llm_game_env.diversity import Encoder
from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.utility import RightAnswers
from llm_game_env.gatekeeper.world import load_world
from llm_game_env.rewards.protocol import RewardModel


class Measures(NamedTuple):
    """Models that nobody learns from.

    Attributes:
        helpfulness: scores utility; None for none.
        encoder: of the measures of diversity that need one; None for none.
    """

    helpfulness: RewardModel | None
    encoder: Encoder | None


def add_measure_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that `open_measures` takes."""
    parser.add_argument(
        "--helpfulness",
        metavar="MODEL",
        help=f"scores how helpful an answer to a benign prompt is, for prompts of your own: "
        f"{MODEL_WORDS}",
    )
    parser.add_argument(
        "--encoder", metavar="MODEL", help="a SentenceTransformer, for diversity with your own"
    )


def open_measures(arguments: argparse.Namespace, *, in_world: bool) -> Measures:
    """The models that are named; for the built-in world's prompts, else, its own.

    Raises:
        ConfigurationError: one cannot be opened.
    """
    helpfulness: RewardModel | None = RightAnswers() if in_world else None
    if arguments.helpfulness is not None:
        helpfulness = open_reward(arguments.helpfulness, arguments.device)
    encoder: Encoder | None = load_world().encoder if in_world else None
    if arguments.encoder is not None:
        encoder = _open_encoder(arguments.encoder, arguments.device)
    return Measures(helpfulness, encoder)


def _open_encoder(path: str, device: str) -> Encoder:
    # Imported here: it brings torch.
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(
            path, device=device, trust_remote_code=False, model_kwargs={"use_safetensors": True}
        )
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise ConfigurationError(
            f"--encoder {path} cannot be loaded as a SentenceTransformer ({error}); give its "
            "folder or hub id"
        ) from error
