"""Part I: the dual form of gradient descent and attention, in NumPy.

Modules
-------
memory
    A linear layer trained by gradient descent, rebuilt from its training examples.
attention
    Linear attention, and the weight update that it amounts to.
kernels
    Softmax attention: its exact split, its kernel, random features.
cost
    The time that both forms of linear attention take: the recorded experiment.
compare
    Cosines and errors that do not mistake scale for difference.
"""

from iclbook.dual.attention import (
    FastWeights,
    OperationCounts,
    causal_linear_attention_parallel,
    causal_linear_attention_recurrent,
    crossover,
    delta_w,
    linear_attention,
    operation_counts,
    update_as_demonstrations,
)
from iclbook.dual.compare import best_map, best_scale, cosines, relative_error
from iclbook.dual.kernels import (
    Split,
    exp_features,
    kernel_attention,
    positive_random_features,
    random_directions,
    softmax_attention,
    softmax_split,
)
from iclbook.dual.memory import TrainingRun, coefficients, output_errors, softmax, train

__all__ = [
    "FastWeights",
    "OperationCounts",
    "Split",
    "TrainingRun",
    "best_map",
    "best_scale",
    "causal_linear_attention_parallel",
    "causal_linear_attention_recurrent",
    "coefficients",
    "cosines",
    "crossover",
    "delta_w",
    "exp_features",
    "kernel_attention",
    "linear_attention",
    "operation_counts",
    "output_errors",
    "positive_random_features",
    "random_directions",
    "relative_error",
    "softmax",
    "softmax_attention",
    "softmax_split",
    "train",
    "update_as_demonstrations",
]
