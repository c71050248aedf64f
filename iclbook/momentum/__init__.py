"""Part IV: momentum attention, which adds a decaying sum of past values to attention.

sums
    The sum: its definition, the recurrence, and in parts at a cost near that of reading the values.
mixing
    What a block adds: momentum, and for comparison a weighted sum over the last values.
attention
    The attention function that transformers is given; padding and caches.
attach
    Momentum put into a model, and taken out again.
"""

from iclbook.momentum.attach import add_mixing, add_momentum, attention_blocks, remove_mixing
from iclbook.momentum.mixing import Mixing, Momentum, Taps
from iclbook.momentum.sums import decayed_sum, explicit_sum

__all__ = [
    "Mixing",
    "Momentum",
    "Taps",
    "add_mixing",
    "add_momentum",
    "attention_blocks",
    "decayed_sum",
    "explicit_sum",
    "remove_mixing",
]
