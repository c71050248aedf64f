"""Metrics that compare zero-shot, in-context and finetuned: arrays in, numbers out.

Each similarity comes beside its chance level and its random baselines. `Preset` names the options,
`measure` computes everything for one cell. Importing this does not import torch.
"""

from iclbook.gpt.metrics.attention import sim_am
from iclbook.gpt.metrics.distributions import order_sensitivity, token_overlap, union_cosine
from iclbook.gpt.metrics.intervals import bootstrap, seed_interval
from iclbook.gpt.metrics.prediction import Recall, accuracy, beats_own_frequencies, rec2ftp
from iclbook.gpt.metrics.preset import BOOK, DAI_CODE, PRESETS, Preset, measure
from iclbook.gpt.metrics.rank import tau_b
from iclbook.gpt.metrics.representation import sim_aou
from iclbook.gpt.metrics.scores import Scores
from iclbook.gpt.metrics.training_tokens import kendall

__all__ = [
    "BOOK",
    "DAI_CODE",
    "PRESETS",
    "Preset",
    "Recall",
    "Scores",
    "accuracy",
    "beats_own_frequencies",
    "bootstrap",
    "kendall",
    "measure",
    "order_sensitivity",
    "rec2ftp",
    "seed_interval",
    "sim_am",
    "sim_aou",
    "tau_b",
    "token_overlap",
    "union_cosine",
]
