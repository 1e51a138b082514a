"""From a request to an exit status: which job it is, and on how many processes."""

import torch
from transformers.utils import logging

from llm_game_agents.main_job import demo, dry_run, own_models
from llm_game_agents.main_job.request import Request
from llm_game_agents.processes import open_processes


def run(request: Request) -> int:
    """Runs the demo or one's own models, or says what the latter would need; exit status.

    Raises:
        GameError: something that the user can put right; what was trained until then is saved.
    """
    # Its bars for loading and saving weights would break up the run's own.
    logging.disable_progress_bar()
    torch.set_num_threads(request.flags.threads)
    job = own_models.run if request.flags.names_own_models else demo.run
    if request.flags.dry_run:
        job = dry_run.run
    with open_processes(request.flags.device) as processes:
        return job(request, processes)
