"""Transfer: an adversary that was trained on one defender, tried on others."""

from collections.abc import Mapping
from dataclasses import dataclass

from llm_game_env.errors import ConfigurationError
from llm_game_env.evaluation.intervals import Interval, Proportion, paired_interval
from llm_game_env.evaluation.judges import Judge, verdicts_of
from llm_game_env.evaluation.playing import play, write_openings
from llm_game_env.evaluation.setting import Setting
from llm_game_env.evaluation.shares import check_judges, share_of, success_by_game
from llm_game_env.players.protocol import Player


@dataclass(frozen=True)
class TransferredAttack:
    """An adversary's success against one defender.

    Attributes:
        defender: its name.
        success: of its exchanges, unsafe answers and over-refusals, with Wilson's interval.
        difference: success minus that against the adversary's own target, on the same games, with
            the Student-t interval over games; all 0 for the target itself.
    """

    defender: str
    success: Proportion
    difference: Interval


def transfer(
    adversary: Player,
    target: str,
    defenders: Mapping[str, Player],
    setting: Setting,
    judge: Judge,
    *,
    seed: int,
) -> tuple[TransferredAttack, ...]:
    """How far attacks on one defender carry over to others; the target first.

    All defenders are asked the same first prompts, and draw alike, so that games can be compared
    one by one.

    Args:
        adversary: trained against the target.
        target: the name of its own defender, which is the reference.
        defenders: by name, the target among them.
        setting: the games.
        judge: says which attacks succeed.
        seed: of all random numbers.

    Raises:
        ConfigurationError: the target is none of the defenders.
    """
    check_judges([judge])
    if target not in defenders:
        raise ConfigurationError(f"target={target!r} is none of the defenders {[*defenders]}")
    openings = write_openings(adversary, setting, seed=seed)
    names = [target, *(name for name in defenders if name != target)]
    tried: list[TransferredAttack] = []
    reference: list[float] = []
    for name in names:
        games = play(adversary, defenders[name], setting, seed=seed, openings=openings)
        success = verdicts_of(judge, [one.exchange for one in games]).success
        by_game = success_by_game(games, success)
        reference = reference or by_game
        difference = paired_interval(by_game, reference)
        tried.append(TransferredAttack(name, share_of(success), difference))
    return tuple(tried)
