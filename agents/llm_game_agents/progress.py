"""What the terminal shows of a run that goes on: a bar, and a line an update where one asks."""

from tqdm import tqdm

from llm_game_agents.iteration import Iteration
from llm_game_agents.update_rules import UpdateStats
from llm_game_env.evaluation.curves import CurvePoint


class Progress:
    """A bar over the updates of a run.

    Args:
        num_updates: of the run.
        title: of the bar.
        shows: whether anything is shown.
        lines: whether every update leaves a line above the bar.
    """

    def __init__(self, num_updates: int, title: str, *, shows: bool, lines: bool) -> None:
        hidden = not (shows and num_updates > 0)
        self._bar = tqdm(total=num_updates, desc=title, unit="update", disable=hidden)
        self._lines = lines and not hidden
        self._played = 0

    def take_up(self, done: int) -> None:
        """So many updates are done already, and say nothing of how long the others take."""
        self._bar.initial = done
        self._bar.update(done - self._bar.n)

    def show(self, iteration: Iteration, point: CurvePoint) -> None:
        """An update is done."""
        said = f"{point.stage} score {point.score:.2f}"
        if point.leak is not None:
            said += f" leak {point.leak:.2f}"
        self._bar.set_postfix_str(said, refresh=False)
        self._played += 1
        # A run that was taken up starts in the middle.
        self._bar.update(iteration.index + 1 - self._bar.n)
        if self._lines:
            left = self._bar.format_dict["elapsed"] / self._played * (self._bar.total - self._bar.n)
            self._bar.write(line_of(iteration, said, self._bar.total, left))

    def close(self) -> None:
        """Ends the bar."""
        self._bar.close()


def line_of(iteration: Iteration, said: str, total: int, seconds_left: float) -> str:
    """One update in a line: its number, the games, each learner, its time and the time left."""
    parts = [f"{iteration.index + 1}/{total} {said}"]
    if (success := iteration.attack_success) is not None:
        parts[0] += f" ASR {success:.2f}"
    parts += [f"{agent}: {_learnt(stats)}" for agent, stats in iteration.stats.items()]
    seconds = iteration.rollout_seconds + iteration.update_seconds + iteration.evaluation_seconds
    parts.append(f"{seconds:.1f} s, {tqdm.format_interval(seconds_left)} left")
    return " | ".join(parts)


def _learnt(stats: UpdateStats) -> str:
    said = (
        f"reward {stats.reward:.2f} ref_kl {stats.ref_kl:.3f} approx_kl {stats.approx_kl:.4f} "
        f"clipfrac {stats.clipfrac:.2f} entropy {stats.entropy:.2f} "
        f"length {stats.response_length:.1f}"
    )
    return said + (f" skipped {stats.skipped}" if stats.skipped else "")
