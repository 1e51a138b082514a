"""A language model that learns: a policy, its value head, and its frozen reference."""

import copy
from collections.abc import Sequence
from os import PathLike
from typing import Any, NamedTuple, get_args

import numpy as np
import torch
from torch import nn

from llm_game_agents.computing import PLAIN, Computing
from llm_game_agents.critic import CriticKind, last_states, trunk_of
from llm_game_agents.frozen import frozen_copy
from llm_game_agents.gradient_checkpointing import prepare_layers, recomputed
from llm_game_agents.policy_folder import load_parts, load_value_head, save_critic
from llm_game_env.checks import check_choice
from llm_game_env.errors import ConfigurationError
from llm_game_env.fused import fuse_gelu
from llm_game_env.loading import input_device
from llm_game_env.players.causal_lm import CausalLMPlayer, Completion
from llm_game_env.players.sampling import accepts_logits_to_keep
from llm_game_env.spaces import Message


class TokenScores(NamedTuple):
    """What the model says of given tokens, each aligned to the token itself.

    Column t is computed from the tokens before t; column 0 is 0.

    Attributes:
        logprobs: float [B, T], log_softmax(logits / temperature) of the token.
        entropy: float [B, T], of the distribution that the token was drawn from, in nats.
        values: float [B, T], the critic's estimate of the return from that token on.
    """

    logprobs: torch.Tensor
    entropy: torch.Tensor
    values: torch.Tensor


class LanguagePolicy(nn.Module):
    """Any Hugging Face causal language model as a policy.

    The critic is a linear head on the last hidden state, of this policy alone: two policies never
    share one. What is frozen in the model stays as it is: a policy that learns an adapter on a
    frozen base comes from `SharedBase`.

    Args:
        player: the model with its tokenizer and chat template. Training needs temperature > 0.
        reference: the frozen model that the KL is taken to; by default the model as it was given,
            of which what learns is copied.
        critic: whose hidden state the value head reads: "head", the policy's own; "model", that of
            a copy of the model, which learns nothing but values, see `trunk_of`; or of this model.
        computing: precision, gradient checkpointing, compilation, what is fused or coarse.

    Attributes:
        critic: the critic's own model; None where the value head stands on the policy.
    """

    def __init__(
        self,
        player: CausalLMPlayer,
        reference: nn.Module | None = None,
        critic: CriticKind | nn.Module = "head",
        computing: Computing = PLAIN,
    ) -> None:
        super().__init__()
        if player.temperature <= 0:
            raise ConfigurationError(
                f"temperature={player.temperature} gives no probabilities to learn from; "
                "use a temperature above 0"
            )
        self.player = player
        self.model: nn.Module = player.model
        # Probabilities must be the same in rollout and update: dropout stays off.
        self.model.eval()
        self.computing = computing
        self._compiled = torch.compile(self._forward) if computing.compile else None
        if reference is None:
            reference = frozen_copy(player.model, computing.frozen_dtype)
        self.reference: Any = reference
        config = player.model.config.get_text_config()
        # Made without data and then set to 0: nothing is drawn from the global generator.
        self.value_head = nn.Linear(config.hidden_size, 1, device="meta")
        for name, parameter in self.value_head.named_parameters():
            zeros = torch.zeros(parameter.shape, device=player.model.device)
            setattr(self.value_head, name, nn.Parameter(zeros))
        self.critic: nn.Module | None
        if isinstance(critic, nn.Module):
            self.critic = critic
        else:
            check_choice("critic", critic, get_args(CriticKind))
            self.critic = trunk_of(player.model) if critic == "model" else None
        if computing.fused_activation:
            fuse_gelu(self)
        learnt = [self.model, *([] if self.critic is None else [self.critic])]
        wanted = learnt if computing.gradient_checkpointing else []
        self._layers = [layer for model in wanted for layer in prepare_layers(model)]
        self._keeps_logits = accepts_logits_to_keep(player.model)

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        *,
        reference: str | PathLike[str] | None = None,
        critic: CriticKind | PathLike[str] = "head",
        device: str | torch.device = "cpu",
        temperature: float = 1.0,
        computing: Computing = PLAIN,
    ) -> "LanguagePolicy":
        """Loads a Hugging Face folder or hub id, and its critic where one was saved.

        Args:
            path: the policy.
            reference: the model that the KL is taken to; the policy as loaded by default.
            critic: see the class; a `Path` is where a critic of its own starts from. A critic that
                was saved with the policy goes before "head" and "model".
            device: where both live; the policy alone where `computing.device_map` is given, which
                says where the reference goes.
            temperature: of sampling and of every log-probability.
            computing: see the class.

        Raises:
            ConfigurationError: a model or tokenizer cannot be loaded or used, or the policy is an
                adapter.
        """
        parts = load_parts(path, reference, critic, device, temperature, computing)
        policy = cls(*parts, computing)
        load_value_head(path, policy.value_head)
        return policy

    def save(self, path: str | PathLike[str]) -> None:
        """Writes an ordinary Hugging Face folder, with the value head beside the model.

        Of a policy that learns an adapter, the folder holds the adapter, as peft opens it. A critic
        of its own goes into a folder below.
        """
        self.player.save(path)
        save_critic(path, self.value_head, self.critic, self.player.tokenizer)

    def save_reference(self, path: str | PathLike[str]) -> None:
        """Writes the frozen reference as an ordinary Hugging Face folder.

        Nothing is written where all its weights are the policy's own: it is the policy's base.
        """
        if set(self.reference.parameters()) < set(self.model.parameters()):
            return
        self.reference.save_pretrained(path)
        self.player.tokenizer.save_pretrained(path)

    def learnt_weights(self) -> list[nn.Parameter]:
        """What an update of the policy changes: the model's weights but the frozen ones."""
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    def critic_weights(self) -> list[nn.Parameter]:
        """What the critic alone learns: the value head, and its own model where it has one."""
        trunk = [] if self.critic is None else self.critic.parameters()
        return [*self.value_head.parameters(), *(p for p in trunk if p.requires_grad)]

    def anchor(self) -> None:
        """Takes the KL to the policy as it is now.

        Raises:
            ConfigurationError: the reference was to be spread by a device map.
        """
        if self.computing.device_map is not None:
            raise ConfigurationError(
                f"device_map={self.computing.device_map!r} spreads a reference that is opened from "
                "disk, and this one is to be the policy as it stands; leave device_map out, or "
                "keep the KL to the initial model (anchor='initial')"
            )
        del self.reference  # Its memory first: there need not be room for two.
        self.reference = frozen_copy(self.model, self.computing.frozen_dtype)

    def twin(self) -> "LanguagePolicy":
        """A policy that scores as this one does by weights of its own; it has no reference."""
        player = copy.copy(self.player)
        player.model = copy.deepcopy(self.player.model)
        critic = "head" if self.critic is None else copy.deepcopy(self.critic)
        policy = LanguagePolicy(player, self.reference, critic, self.computing)
        policy.value_head.load_state_dict(self.value_head.state_dict())
        policy.reference = None  # One that is replaced here would stay there.
        return policy

    def sample(
        self, conversations: Sequence[Sequence[Message]], uniforms: np.ndarray
    ) -> list[Completion]:
        """The next message of each conversation; see `CausalLMPlayer.sample`."""
        with self.computing.autocast(self.player.model.device):
            return self.player.sample(conversations, uniforms)

    def reply(
        self,
        conversations: Sequence[Sequence[Message]],
        rng: np.random.Generator,
        *,
        max_tokens: int,
    ) -> list[str]:
        """The next message of each conversation: a policy is a `Player`."""
        with self.computing.autocast(self.player.model.device):
            return self.player.reply(conversations, rng, max_tokens=max_tokens)

    def score(
        self,
        ids: torch.Tensor,
        attention_mask: torch.Tensor,
        start: int = 1,
        entropy_learns: bool = True,
    ) -> TokenScores:
        """Log-probabilities, entropy and values of given tokens, with gradients.

        Args:
            ids: int64 [B, T], right-padded.
            attention_mask: int64 [B, T].
            start: the first column wanted, at least 1; those before it are 0. Most of a
                conversation is prompt, and the vocabulary is the widest part of a model.
            entropy_learns: whether the entropy needs its gradient, which costs as much again as the
                log-probabilities'.
        """
        with recomputed(self._layers):
            forward = self._compiled or self._forward
            logits, states = forward(ids, attention_mask, ids.shape[1] - start + 1)
            hidden = self._critic_states(ids, attention_mask) if states is None else states
        logprobs = self._log_softmax(logits, ids, start)
        chosen = logprobs.gather(-1, ids[:, start:, None])[..., 0]
        with torch.set_grad_enabled(entropy_learns and torch.is_grad_enabled()):
            entropy = -(logprobs.exp() * logprobs).sum(-1)
        values = self._read_values(hidden[:, start - 1 : -1])
        return TokenScores(*(nn.functional.pad(x, (start, 0)) for x in (chosen, entropy, values)))

    @torch.no_grad()
    def values(self, ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """The critic's estimates alone, float [B, T] as in `score`."""
        if self.critic is None:
            _, hidden = self._forward(ids, attention_mask, 1)
        else:
            hidden = self._critic_states(ids, attention_mask)
        return nn.functional.pad(self._read_values(hidden[:, :-1]), (1, 0))

    @torch.no_grad()
    def reference_logprobs(
        self, ids: torch.Tensor, attention_mask: torch.Tensor, start: int = 1
    ) -> torch.Tensor:
        """Log-probabilities of given tokens under the reference, float [B, T] as in `score`."""
        tail = {"logits_to_keep": ids.shape[1] - start + 1} if self._keeps_logits else {}
        there = input_device(self.reference)
        with self.computing.autocast(there):
            logits = self.reference(
                input_ids=ids.to(there),
                attention_mask=attention_mask.to(there),
                use_cache=False,
                **tail,
            ).logits
        logprobs = self._log_softmax(logits.to(ids.device), ids, start)
        chosen = logprobs.gather(-1, ids[:, start:, None])[..., 0]
        return nn.functional.pad(chosen, (start, 0))

    def _forward(
        self, ids: torch.Tensor, attention_mask: torch.Tensor, tail: int
    ) -> tuple[torch.Tensor, Any]:
        """Logits of the last `tail` positions at least, [B, ≥ tail, V]; states [B, T, D].

        Where the critic has a model of its own, there are no states.
        """
        kept = {"logits_to_keep": tail} if self._keeps_logits else {}
        with self.computing.autocast(ids.device):
            output = self.model(
                input_ids=ids,
                attention_mask=attention_mask,
                output_hidden_states=self.critic is None,
                use_cache=False,
                **kept,
            )
        return output.logits, output.hidden_states[-1] if self.critic is None else None

    def _critic_states(self, ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """What the value head reads of the critic's own model, [B, T, D]."""
        with self.computing.autocast(ids.device):
            return last_states(self.critic, ids, attention_mask)

    def _read_values(self, hidden: torch.Tensor) -> torch.Tensor:
        """Of hidden states [B, T, D]; float [B, T]."""
        return self.value_head(hidden.to(self.value_head.weight.dtype))[..., 0]

    def _log_softmax(self, logits: torch.Tensor, ids: torch.Tensor, start: int) -> torch.Tensor:
        """log π over the vocabulary for the tokens from column `start` on, [B, T - start, V]."""
        wanted = logits[:, -(ids.shape[1] - start + 1) : -1].float()
        temperature = self.player.temperature
        return (wanted if temperature == 1.0 else wanted / temperature).log_softmax(-1)
