"""Rewards by token, generalised advantage estimation, whitening: pure tensor functions."""

import torch


def token_rewards(
    rewards: torch.Tensor,
    logprobs: torch.Tensor,
    ref_logprobs: torch.Tensor,
    response_mask: torch.Tensor,
    kl_coef: float,
) -> torch.Tensor:
    """-kl_coef·(log π - log π_ref) on each response token, the game's reward on the last one.

    The k1 estimator of the KL, in the reward (Ziegler et al. 2019, eq. 2; Zheng et al. 2024,
    section 3). A truncated response gets its reward on its last token like any other.

    Args:
        rewards: float [B].
        logprobs, ref_logprobs: float [B, T].
        response_mask: bool [B, T].
        kl_coef: at least 0.

    Returns:
        float [B, T], 0 outside the response.
    """
    shaped = -kl_coef * (logprobs - ref_logprobs) * response_mask
    positions = torch.arange(response_mask.shape[1], device=response_mask.device)
    last = (positions * response_mask).argmax(-1)
    landed = torch.zeros_like(shaped).scatter_(1, last[:, None], rewards[:, None].to(shaped.dtype))
    return shaped + landed * response_mask


def gae(
    rewards: torch.Tensor,
    values: torch.Tensor,
    response_mask: torch.Tensor,
    next_row: torch.Tensor,
    turn: torch.Tensor,
    *,
    gamma: float,
    gae_lambda: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Generalised advantage estimation along each player's own tokens.

    A_t = Σ_l (γλ)^l δ_{t+l}, δ_t = r_t + γ V_{t+1} - V_t (Schulman et al. 2016, eq. 16), where t
    runs over the response tokens of a row and goes on with those of the game's next turn; the
    other player's tokens are part of the environment. After the last token V is 0.

    Args:
        rewards, values: float [B, T].
        response_mask: bool [B, T].
        next_row: int64 [B], -1 where the game ends.
        turn: int64 [B].

    Returns:
        advantages and returns (advantages + values), float [B, T], 0 outside the response.
    """
    advantages = torch.zeros_like(values)
    first_value = torch.zeros_like(values[:, 0])
    first_advantage = torch.zeros_like(values[:, 0])
    for current in range(int(turn.max()), -1, -1):
        rows = torch.nonzero(turn == current)[:, 0]
        after = next_row[rows]
        # A message that was cut off ends like any other: nothing is bootstrapped after a game.
        goes_on = after >= 0
        value = torch.where(goes_on, first_value[after], 0.0)
        advantage = torch.where(goes_on, first_advantage[after], 0.0)
        for t in range(values.shape[1] - 1, -1, -1):
            mask = response_mask[rows, t]
            delta = rewards[rows, t] + gamma * value - values[rows, t]
            advantage = torch.where(mask, delta + gamma * gae_lambda * advantage, advantage)
            value = torch.where(mask, values[rows, t], value)
            advantages[rows, t] = torch.where(mask, advantage, 0.0)
        first_value[rows], first_advantage[rows] = value, advantage
    return advantages, (advantages + values) * response_mask


def whiten(x: torch.Tensor, mask: torch.Tensor, min_std: float = 0.0) -> torch.Tensor:
    """Zero mean and unit standard deviation over the masked entries, 0 elsewhere; same shape.

    The deviation is that of these entries themselves, over n and not n - 1.

    Args:
        x: float [B, T].
        mask: bool [B, T].
        min_std: a smaller deviation counts as this one, so that what hardly varies stays small
            instead of becoming noise of full size.
    """
    mean = masked_mean(x, mask)
    variance = masked_mean((x - mean) ** 2, mask)
    return (x - mean) / torch.sqrt(variance + 1e-8).clamp(min=min_std) * mask


def masked_mean(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over the masked entries; 0 where there is none. A scalar."""
    return (x * mask).sum() / mask.sum().clamp(min=1)


def fold_unlearnt(
    rewards: torch.Tensor, learnt_from: torch.Tensor, next_row: torch.Tensor, turn: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Makes turns that are not learnt from a part of the environment, for every rule alike.

    What such a turn earns is a consequence of what the player said before: it is added to the
    player's turn before it, undiscounted like all that the environment does in between, and the
    turn after it follows that one. What is earned before the first turn learnt from is nobody's.

    Args:
        rewards: float [B], a decision each.
        learnt_from: bool [B].
        next_row: int64 [B], -1 where the game ends.
        turn: int64 [B].

    Returns:
        rewards, float [B], and next_row, int64 [B]; of rows learnt from.
    """
    rewards, next_row = rewards.clone(), next_row.clone()
    for current in range(int(turn.max()) - 1, -1, -1):
        rows = torch.nonzero((turn == current) & (next_row >= 0))[:, 0]
        after = next_row[rows]
        rows, after = rows[~learnt_from[after]], after[~learnt_from[after]]
        rewards[rows] += rewards[after]
        next_row[rows] = next_row[after]
    return rewards, next_row


def rewards_to_go(
    rewards: torch.Tensor, next_row: torch.Tensor, turn: torch.Tensor, gamma: float
) -> torch.Tensor:
    """What each decision earned, it and those of the game's later turns: Σ_k γ^k r_{turn+k}.

    Args:
        rewards: float [B], a decision each.
        next_row: int64 [B], -1 where the game ends.
        turn: int64 [B].
        gamma: discount a turn.

    Returns:
        float [B].
    """
    earned = rewards.clone()
    for current in range(int(turn.max()), -1, -1):
        rows = torch.nonzero((turn == current) & (next_row >= 0))[:, 0]
        earned[rows] += gamma * earned[next_row[rows]]
    return earned


def group_sizes(group: torch.Tensor, turn: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
    """How many counted rows share a row's group and turn; float [B].

    Args:
        group, turn: int64 [B].
        counted: bool [B].
    """
    sums = torch.zeros(len(group), device=group.device)
    which = _group_numbers(group, turn)
    return sums.index_add(0, which, counted.float())[which]


def group_means(
    x: torch.Tensor, group: torch.Tensor, turn: torch.Tensor, counted: torch.Tensor
) -> torch.Tensor:
    """Mean of the counted rows that share a row's group and turn; float [B], 0 where none do.

    Args:
        x: float [B].
        group, turn: int64 [B].
        counted: bool [B].
    """
    which = _group_numbers(group, turn)
    sums = torch.zeros_like(x).index_add(0, which, x * counted)
    return sums[which] / group_sizes(group, turn, counted).clamp(min=1)


def _group_numbers(group: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
    """One number, from 0, for each pair of group and turn; int64 [B]."""
    return torch.stack([group, turn], dim=1).unique(dim=0, return_inverse=True)[1]
