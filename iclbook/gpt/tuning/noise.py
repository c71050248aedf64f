"""Noise in the place of a finetuning, as large as what it changed.

A random update is a fair control only if nothing but the direction is another: each parameter is
moved as far as finetuning moved it.

Chapter: "Would an untrained network score the same?"
"""

import numpy as np
import torch

from iclbook.gpt.reading.merge import precise
from iclbook.gpt.tuning.finetune import Finetuned


@torch.no_grad()
def to_noise(tuned: Finetuned, rng: np.random.Generator) -> None:
    """Replace what finetuning added to each trained parameter by Gaussian noise of its norm.

    Parameters
    ----------
    tuned : Finetuned
        Inside its block; behind the block the base weights are back as ever.
    rng : numpy.random.Generator

    Notes
    -----
    In half precision the weights are rounded, and so are the norms.
    """
    for weights, before in zip(tuned.weights, tuned.base, strict=True):
        start = precise(before)
        noise = torch.tensor(rng.normal(size=start.shape)).to(start)
        weights.copy_(start + noise * ((precise(weights) - start).norm() / noise.norm()))
