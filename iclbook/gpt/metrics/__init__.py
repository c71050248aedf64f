"""Metrics that compare zero-shot, in-context and finetuned: arrays in, numbers out.

Each similarity comes beside its chance level and its random baselines. One file a metric: the
function, and the entry that says what it needs observed, how a record holds it, and its rows in a
table (`metric.Metric`). `registry.measure` computes all of them for one cell. Importing this does
not import torch.
"""

from iclbook.gpt.metrics.accuracy import accuracy, beats_own_frequencies
from iclbook.gpt.metrics.distributions import (
    additive_cosine,
    likeliest,
    order_sensitivity,
    token_overlap,
    union_cosine,
)
from iclbook.gpt.metrics.intervals import bootstrap, seed_interval, share_interval
from iclbook.gpt.metrics.kendall import kendall
from iclbook.gpt.metrics.metric import Metric
from iclbook.gpt.metrics.rank import tau_b
from iclbook.gpt.metrics.rec2ftp import Recall, rec2ftp
from iclbook.gpt.metrics.registry import METRICS, measure, register, wanted
from iclbook.gpt.metrics.scores import Scores
from iclbook.gpt.metrics.simam import sim_am
from iclbook.gpt.metrics.simaou import sim_aou

__all__ = [
    "METRICS",
    "Metric",
    "Recall",
    "Scores",
    "accuracy",
    "additive_cosine",
    "beats_own_frequencies",
    "bootstrap",
    "kendall",
    "likeliest",
    "measure",
    "order_sensitivity",
    "rec2ftp",
    "register",
    "seed_interval",
    "share_interval",
    "sim_am",
    "sim_aou",
    "tau_b",
    "token_overlap",
    "union_cosine",
    "wanted",
]
