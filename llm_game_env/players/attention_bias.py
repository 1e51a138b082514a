"""What attention adds to its logits where single tokens follow a prompt, made once for all of them.

transformers works it out anew for every token, which takes a twentieth of a small model's time.
"""

from typing import Any

import torch

# Models that take it ready made, and in whose every layer a token sees all that came before; others
# may read positions off the mask itself.
_KNOWN = ("gpt2", "llama", "qwen2")


def attention_bias(model: Any, mask: torch.Tensor, steps: int) -> torch.Tensor | None:
    """For the tokens after a prompt: 0 where one looks, the least number where it does not.

    Args:
        model: of transformers.
        mask: int64 [N, T], of the left-padded prompts.
        steps: how many tokens follow at most.

    Returns:
        [N, 1, 1, T + steps] in the model's dtype, of which a token takes what is there by then;
        None for models that are better asked to work it out.
    """
    config = model.config
    is_known = getattr(config, "model_type", None) in _KNOWN
    if not is_known or config._attn_implementation != "eager":
        return None
    if getattr(config, "layer_types", None) and set(config.layer_types) != {"full_attention"}:
        return None
    num_rows, width = mask.shape
    bias = torch.zeros(num_rows, 1, 1, width + steps, dtype=model.dtype, device=mask.device)
    bias[:, 0, 0, :width].masked_fill_(mask == 0, torch.finfo(model.dtype).min)
    return bias
