r"""Linear attention and its other face, a matrix of fast weights.

Attention without the softmax, over keys :math:`k_i` and values :math:`v_i`, is
:math:`\sum_i v_i\,(k_i \cdot q)`. Moving the bracket gives
:math:`(\sum_i v_i k_i^\top)\,q = \Delta W q`: the same numbers, read as an update. Derived in the
chapter "Attention is training" (Schmidhuber 1992; Katharopoulos et al. 2020; Schlag, Irie and
Schmidhuber 2021; Dai et al. 2023, section 3).

Shapes: keys K (N, d_k), values V (N, d_v), one row a demonstration; a query q (d_k,), or several as
the rows of (m, d_k).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from iclbook.validate import check_array, check_count


def check_demonstrations(K, V, q=None) -> None:
    """Raise unless K (N, d_k), V (N, d_v) and, if given, q (d_k,) or (m, d_k) belong together."""
    check_array("K", K, "N", "d_k")
    check_array("V", V, len(K), "d_v")
    if q is not None:
        batch = ("m",) if isinstance(q, np.ndarray) and q.ndim == 2 else ()
        check_array("q", q, *batch, K.shape[1])


def refuse_overflow(result: np.ndarray, names: str) -> np.ndarray:
    """Return what was computed from finite arguments, or raise and name them if it overflowed."""
    if not np.isfinite(result).all():
        raise ValueError(
            f"{names} are too large: their products pass the largest {result.dtype} number. "
            f"Expected numbers whose products are finite. Scale them down."
        )
    return result


@np.errstate(over="ignore", invalid="ignore")  # refuse_overflow speaks instead
def delta_w(
    K: Float[np.ndarray, "N d_k"], V: Float[np.ndarray, "N d_v"]
) -> Float[np.ndarray, "d_v d_k"]:
    r"""The weight update that demonstrations amount to: :math:`\sum_i v_i k_i^\top`.

    Raises
    ------
    TypeError, ValueError
        On arrays of the wrong kind, shape or length, without demonstrations, or if numbers are so
        large that the result is not finite.
    """
    check_demonstrations(K, V)
    return refuse_overflow(V.T @ K, "K and V")


@np.errstate(over="ignore", invalid="ignore")  # refuse_overflow speaks instead
def linear_attention(
    K: Float[np.ndarray, "N d_k"],
    V: Float[np.ndarray, "N d_v"],
    q: Float[np.ndarray, "*m d_k"],
) -> Float[np.ndarray, "*m d_v"]:
    r"""Unnormalised linear attention, :math:`\sum_i v_i\,(k_i \cdot q)`.

    No matrix d_v x d_k is formed.

    Raises
    ------
    TypeError, ValueError
        On arrays of the wrong kind, shape or length, without demonstrations, or if numbers are so
        large that the result is not finite.
    """
    check_demonstrations(K, V, q)
    return refuse_overflow((q @ K.T) @ V, "K, V and q")


class FastWeights:
    """Attention state of fixed size: each token adds one outer product, each query is a product.

    Parameters
    ----------
    W : array (d_v, d_k)
        Weights before the first token: W_ZSL, or zeros.

    Attributes
    ----------
    W : array (d_v, d_k)
        W_ZSL plus the update of all tokens written so far.
    """

    def __init__(self, W: Float[np.ndarray, "d_v d_k"]):
        self.W = check_array("W", W, "d_v", "d_k").copy()

    def write(self, k: Float[np.ndarray, "d_k"], v: Float[np.ndarray, "d_v"]) -> None:
        r"""Take in one demonstration: :math:`W \leftarrow W + v k^\top`."""
        check_array("k", k, self.W.shape[1])
        check_array("v", v, self.W.shape[0])
        self.W += np.outer(v, k)

    def read(self, q: Float[np.ndarray, "d_k"]) -> Float[np.ndarray, "d_v"]:
        """Answer a query: ``W q``."""
        return self.W @ check_array("q", q, self.W.shape[1])


def causal_linear_attention_parallel(
    Q: Float[np.ndarray, "N d_k"], K: Float[np.ndarray, "N d_k"], V: Float[np.ndarray, "N d_v"]
) -> Float[np.ndarray, "N d_v"]:
    """Every token attends to itself and to those before it; all N x N scores at once.

    Raises
    ------
    TypeError, ValueError
        On arrays of the wrong kind, shape or length.
    """
    check_demonstrations(K, V)
    check_array("Q", Q, len(K), K.shape[1])
    return np.tril(Q @ K.T) @ V


def causal_linear_attention_recurrent(
    Q: Float[np.ndarray, "N d_k"], K: Float[np.ndarray, "N d_k"], V: Float[np.ndarray, "N d_v"]
) -> Float[np.ndarray, "N d_v"]:
    """The same outputs token by token, with a state of d_v x d_k numbers.

    Raises
    ------
    TypeError, ValueError
        On arrays of the wrong kind, shape or length.
    """
    check_demonstrations(K, V)
    check_array("Q", Q, len(K), K.shape[1])
    W = np.zeros((V.shape[1], K.shape[1]), dtype=np.result_type(K, V))
    out = np.empty_like(V, dtype=np.result_type(Q, K, V))
    for t, (q, k, v) in enumerate(zip(Q, K, V, strict=True)):
        W += np.outer(v, k)
        out[t] = W @ q
    return out


def update_as_demonstrations(
    W: Float[np.ndarray, "d_v d_k"],
) -> tuple[Float[np.ndarray, "r d_k"], Float[np.ndarray, "r d_v"]]:
    r"""The way back: the fewest demonstrations whose update :math:`\sum_i v_i k_i^\top` is W.

    From the singular value decomposition; r is the rank of W, and the keys are orthonormal.

    Raises
    ------
    TypeError, ValueError
        If W is no finite matrix, or is zero (no demonstrations needed).
    """
    U, s, Vt = np.linalg.svd(check_array("W", W, "d_v", "d_k"), full_matrices=False)
    r = int((s > s[0] * max(W.shape) * np.finfo(W.dtype).eps).sum())
    if r == 0:
        raise ValueError("W is the zero matrix; expected an update of rank 1 or more.")
    return Vt[:r], (U[:, :r] * s[:r]).T


@dataclass(frozen=True)
class OperationCounts:
    """Multiply-adds of the two forms of linear attention."""

    attention: int
    weights: int


def operation_counts(N: int, d_k: int, d_v: int, *, causal: bool = False) -> OperationCounts:
    """Multiply-adds of linear attention as attention, and as fast weights.

    Parameters
    ----------
    N : int
        Tokens in the context.
    d_k, d_v : int
        Width of keys and of values.
    causal : bool
        False: one query is read, the N tokens having been stored. Attention needs N scores of
        d_k and a sum of N values of d_v; the weights need one product with a d_v x d_k matrix.
        True: all N tokens of a sequence. Attention forms the full N x N score matrix before the
        mask; the weights write and read once a token.
    """
    N, d_k, d_v = check_count("N", N), check_count("d_k", d_k), check_count("d_v", d_v)
    if causal:
        return OperationCounts(attention=N * N * (d_k + d_v), weights=2 * N * d_k * d_v)
    return OperationCounts(attention=N * (d_k + d_v), weights=d_k * d_v)


def crossover(d_k: int, d_v: int, *, causal: bool = False) -> float:
    """The length at which both forms need as many operations: N* = d_k d_v / (d_k + d_v).

    For a whole causal sequence, where the weights are also written at each token, it is 2 N*.
    """
    d_k, d_v = check_count("d_k", d_k), check_count("d_v", d_v)
    return (2 if causal else 1) * d_k * d_v / (d_k + d_v)
