"""How alike in-context learning and a finetuned model are, in six numbers.

Four are those of the follow-up (Deutch et al. 2024): SimAOU of normalised and of plain outputs,
SimAM of maps and of their changes. Two are ours: the chance level of the first, and the direction
alone, in which no size is left.

Chapter: "Could gradient descent even do this?"
"""

import numpy as np
import torch
from jaxtyping import Float64

from iclbook.gpt.metrics import sim_am, sim_aou
from iclbook.gpt.metrics.simaou import TINY, cosine
from iclbook.gpt.reading.observe import Observations

SCORES = ("simaou-normalised", "chance", "simaou", "direction", "simam", "simam-difference")
"""``direction`` compares what stands at a right angle to the zero-shot output in both settings."""


def scores(
    zsl: Observations, icl: Observations, ft: Observations, position: str
) -> dict[str, Float64[np.ndarray, " L"]]:
    """`SCORES` of a finetuned model by layer, mean over items; NaN where there is none."""
    three = (zsl, icl, ft)
    outputs = [seen.hidden[position] for seen in three]
    normalised, plain = (sim_aou(*outputs, normalise=n) for n in (True, False))
    maps = sim_am(*(seen.scores[position] for seen in three), zsl.lengths[position])
    return {
        "simaou-normalised": normalised.layers(),
        "chance": normalised.layers("chance"),
        "simaou": plain.layers(),
        "direction": _direction(*outputs),
        "simam": maps["after"].layers(),
        "simam-difference": maps["difference"].layers(),
    }


def _direction(*outputs: np.ndarray) -> np.ndarray:
    """Cosine by layer of what stands at a right angle to the first of three outputs."""
    z, icl, ft = (torch.from_numpy(h).double() for h in outputs)
    z = z / (z.norm(dim=-1, keepdim=True) + TINY)
    across = [h - (h * z).sum(-1, keepdim=True) * z for h in (icl, ft)]
    return cosine(*across).mean(0).numpy()


def alpha(zsl: Observations, one: Observations, other: Observations, position: str) -> float:
    """Similarity of what two finetunings change in the attention maps, mean over layers."""
    maps = (seen.scores[position] for seen in (zsl, one, other))
    return sim_am(*maps, zsl.lengths[position])["difference"].mean()
