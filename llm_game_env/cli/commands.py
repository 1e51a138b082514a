"""The commands there are: one row each, so that the overview need not import them."""

from typing import NamedTuple


class Command(NamedTuple):
    """A row of the overview.

    Attributes:
        name: as it is typed.
        module: with `SUMMARY`, `add_arguments` and `run`, see `llm_game_env.cli`.
        summary: what it does, in one line.
        example: a call that works as it stands or with the reader's own paths.
    """

    name: str
    module: str
    summary: str
    example: str


COMMANDS: tuple[Command, ...] = (
    Command(
        "train",
        "llm_game_env.cli.train",
        "co-train both players: the demo, or GPO and its kin on your own models",
        "llm-game train --out runs/demo",
    ),
    Command(
        "bench",
        "llm_game_env.cli.bench",
        "compare algorithms on equal budgets, yours too; writes a leaderboard",
        "llm-game bench --algorithms gpo rlhf sft --seeds 3 --workers 2",
    ),
    Command(
        "play",
        "llm_game_env.cli.play",
        "play one side yourself, with the verdict after each exchange",
        "llm-game play --as adversary --against builtin:defender",
    ),
    Command(
        "evaluate",
        "llm_game_env.cli.evaluate",
        "how safe and how helpful a defender is, by any number of judges",
        "llm-game evaluate --adversary builtin:adversary --defender builtin:defender",
    ),
    Command(
        "crossplay",
        "llm_game_env.cli.crossplay",
        "every adversary against every defender, as a matrix",
        "llm-game crossplay --adversary builtin:adversary --defender builtin:defender "
        "--defender refuses=builtin:refusal",
    ),
    Command(
        "report",
        "llm_game_env.cli.report",
        "one page about one or more runs: tables, figures, transcripts",
        "llm-game report runs/demo",
    ),
)


def find_command(name: str) -> Command | None:
    """The command of that name, None where there is none."""
    return next((command for command in COMMANDS if command.name == name), None)
