"""A features extractor of Stable-Baselines3 for token ids.

Its own extractors take ids for numbers, as if token 12 were twice token 6.
"""

import torch
from gymnasium import Space, spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from llm_game_env.adapters.token_spaces import token_space
from llm_game_env.errors import ConfigurationError
from llm_game_env.formats.vocabulary import Reserved


class TokenFeatures(BaseFeaturesExtractor):
    """Reads a dialogue: one attention from its last token to all of them, in a few heads.

        PPO("MultiInputPolicy", env, policy_kwargs={"features_extractor_class": TokenFeatures})

    A token is embedded with its distance to the end, so that what it sees is the same however much
    padding follows. `action_mask` and `to_move` are left out: the ids tell whose message goes on.

    Args:
        observation_space: of the tokens format.
        features_dim: of what it returns, float32 [N, features_dim].
        embedding_dim: of a token.
        heads: of the attention; a divisor of `embedding_dim`.

    Raises:
        ConfigurationError: the space is not that of the tokens format, or the sizes do not fit.
    """

    def __init__(
        self,
        observation_space: Space,
        features_dim: int = 64,
        embedding_dim: int = 32,
        heads: int = 4,
    ) -> None:
        super().__init__(observation_space, features_dim)
        if embedding_dim % heads:
            raise ConfigurationError(
                f"embedding_dim={embedding_dim} must be a multiple of heads={heads}"
            )
        ids = token_space(observation_space)["observation"]
        assert isinstance(ids, spaces.Box)
        greatest = int(ids.high.max())
        self.padding = greatest - max(Reserved) + Reserved.PADDING
        self.heads = heads
        self.tokens = nn.Embedding(greatest + 1, embedding_dim, padding_idx=self.padding)
        self.distances = nn.Embedding(ids.shape[0], embedding_dim)
        self.query = nn.Linear(embedding_dim, embedding_dim)
        self.key_value = nn.Linear(embedding_dim, 2 * embedding_dim)
        self.out = nn.Sequential(nn.Linear(2 * embedding_dim, features_dim), nn.ReLU())

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Features, float32 [N, features_dim], of observations as Stable-Baselines3 casts them."""
        ids = observations["observation"].long()
        lengths = (ids != self.padding).sum(dim=1, keepdim=True)
        # A dialogue may be empty, for an agent that waits for its first word; it keeps one place.
        last = (lengths - 1).clamp(min=0)
        distances = last - torch.arange(ids.shape[1], device=ids.device)
        embedded = self.tokens(ids) + self.distances(distances.clamp(min=0))
        newest = embedded.gather(1, last[..., None].expand(-1, -1, embedded.shape[2]))
        keys, values = self.key_value(embedded).chunk(2, dim=2)
        read = scaled_dot_product_attention(
            self._split(self.query(newest)),
            self._split(keys),
            self._split(values),
            attn_mask=(distances >= 0)[:, None, None],
        )
        return self.out(torch.cat([newest[:, 0], read.flatten(1)], dim=1))

    def _split(self, tensor: Tensor) -> Tensor:
        """[N, L, dim] as [N, heads, L, dim / heads]."""
        return tensor.unflatten(2, (self.heads, -1)).transpose(1, 2)
