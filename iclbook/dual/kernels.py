r"""Softmax attention as a kernel machine, and what is lost without the softmax.

Softmax attention weighs values by the exponential kernel :math:`\exp(s\,k \cdot q)`, divided by the
weights' sum. The kernel is an inner product of infinitely many features (its Taylor series), so
softmax attention is normalised linear attention in an infinite space. Random features make that
space finite (Rahimi and Recht 2007; Choromanski et al. 2021). Derived in the chapter "Softmax".

The trap: unnormalised linear attention lives on another scale than softmax attention. Compare
directions, or errors after the best scale, never raw differences.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from jaxtyping import Float

from iclbook.dual.attention import check_demonstrations, refuse_overflow
from iclbook.dual.memory import softmax
from iclbook.validate import check_array, check_count, check_number


def softmax_attention(
    K: Float[np.ndarray, "N d_k"],
    V: Float[np.ndarray, "N d_v"],
    q: Float[np.ndarray, "*m d_k"],
    scale: float | None = None,
) -> Float[np.ndarray, "*m d_v"]:
    r"""Softmax attention, :math:`\sum_i v_i \operatorname{softmax}_i(s\,k_i \cdot q)`.

    The scale s is 1/sqrt(d_k) unless given.

    Raises
    ------
    TypeError, ValueError
        On arrays of the wrong kind, shape or length, a scale that is not above 0, or scores that
        are not finite.
    """
    check_demonstrations(K, V, q)
    return softmax(_scores("K", K, q, scale)) @ V


@np.errstate(over="ignore", invalid="ignore")  # refuse_overflow speaks instead
def _scores(name: str, K: np.ndarray, q: np.ndarray, scale: float | None) -> np.ndarray:
    """``scale k_i . q`` with the given scale, checked, or 1/sqrt(d_k)."""
    if scale is None:
        scale = 1 / sqrt(K.shape[1])
    scale = check_number("scale", scale, low=0.0, open_low=True)
    return refuse_overflow(scale * (q @ K.T), f"{name} and q (times the scale {scale:.3g})")


@dataclass(frozen=True)
class Split:
    r"""The exact split of softmax attention over demonstrations X' and the query's own tokens X.

    .. math::
        \operatorname{Attn}([X'; X]) = (1 - \lambda)\,\operatorname{Attn}(X)
        + \lambda\,\operatorname{Attn}(X')

    Attributes
    ----------
    lam : array ``(*m)``
        Share of the attention that falls on the demonstrations, :math:`Z' / (Z' + Z)`.
    zero_shot : array ``(*m, d_v)``
        Attention over X alone.
    demonstrations : array ``(*m, d_v)``
        Attention over X' alone.
    """

    lam: np.ndarray
    zero_shot: np.ndarray
    demonstrations: np.ndarray

    @property
    def update(self) -> np.ndarray:
        r"""What the demonstrations add, shape ``(*m, d_v)``.

        :math:`\lambda\,(\operatorname{Attn}(X') - \operatorname{Attn}(X))`.
        """
        return self.lam[..., None] * (self.demonstrations - self.zero_shot)

    @property
    def output(self) -> np.ndarray:
        """Attention over both, shape ``(*m, d_v)``."""
        return self.zero_shot + self.update


def softmax_split(
    K: Float[np.ndarray, "n d_k"],
    V: Float[np.ndarray, "n d_v"],
    K_demo: Float[np.ndarray, "N d_k"],
    V_demo: Float[np.ndarray, "N d_v"],
    q: Float[np.ndarray, "*m d_k"],
    scale: float | None = None,
) -> Split:
    """Split softmax attention into the query's own tokens (K, V) and the demonstrations.

    Raises
    ------
    TypeError, ValueError
        On arrays of the wrong kind, shape or length, a scale that is not above 0, or scores that
        are not finite.
    """
    check_demonstrations(K, V, q)
    check_array("K_demo", K_demo, "N", K.shape[1])
    check_array("V_demo", V_demo, len(K_demo), V.shape[1])
    own, demo = _scores("K", K, q, scale), _scores("K_demo", K_demo, q, scale)
    gap = _log_sum_exp(own) - _log_sum_exp(demo)
    lam = np.exp(-np.logaddexp(0.0, gap))  # Z' / (Z' + Z) without overflow
    return Split(np.asarray(lam), softmax(own) @ V, softmax(demo) @ V_demo)


def _log_sum_exp(scores: np.ndarray) -> np.ndarray | np.floating:
    """Of the last axis; ten times as fast as ``np.logaddexp.reduce``."""
    top = scores.max(axis=-1)
    return top + np.log(np.exp(scores - top[..., None]).sum(axis=-1))


def exp_features(X: Float[np.ndarray, "n d"], degree: int) -> Float[np.ndarray, "n D"]:
    r"""Features of the exponential kernel up to a degree, by its Taylor series.

    :math:`\exp(x \cdot y) = \sum_m (x \cdot y)^m / m!` and :math:`(x \cdot y)^m` is the inner
    product of the m-fold tensor powers, so :math:`\phi(x) = (1, x, x \otimes x / \sqrt{2!}, \dots)`
    with :math:`D = \sum_m d^m` entries.

    Raises
    ------
    ValueError
        If D would pass ten million.
    """
    check_array("X", X, "n", "d")
    degree = check_count("degree", degree, low=0)
    n, d = X.shape
    D = 0
    for m in range(degree + 1):
        D += d**m
        if D > 10_000_000:
            raise ValueError(
                f"degree {degree} in {d} dimensions needs more than 10000000 features, which is "
                f"the limit. Lower the degree, or use positive_random_features."
            )
    block = np.ones((n, 1))
    blocks = [block]
    for m in range(1, degree + 1):
        block = (block[:, :, None] * X[:, None, :]).reshape(n, -1) / sqrt(m)
        blocks.append(block)
    return np.concatenate(blocks, axis=1)


def random_directions(
    m: int, d: int, rng: np.random.Generator, *, orthogonal: bool = False
) -> Float[np.ndarray, "m d"]:
    """Directions for `positive_random_features`: rows that are standard normal vectors.

    With `orthogonal`, rows are orthogonal in blocks of d and keep the lengths of normal vectors,
    which lowers the variance (Choromanski et al. 2021, section 2.4).
    """
    m, d = check_count("m", m), check_count("d", d)
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng is a {type(rng).__name__}; expected a random number generator. "
            f"Use np.random.default_rng(seed)."
        )
    if not orthogonal:
        return rng.standard_normal((m, d))
    Q, R = np.linalg.qr(rng.standard_normal((-(-m // d), d, d)))
    # Q is uniform only with a positive diagonal of R (Mezzadri 2007); LAPACK picks other signs.
    blocks = (Q * np.sign(np.diagonal(R, axis1=1, axis2=2))[:, None, :]).transpose(0, 2, 1)
    lengths = np.linalg.norm(rng.standard_normal((m, d)), axis=1, keepdims=True)
    return np.concatenate(blocks)[:m] * lengths


@np.errstate(over="ignore", invalid="ignore")  # refuse_overflow speaks instead
def positive_random_features(
    X: Float[np.ndarray, "n d"], Omega: Float[np.ndarray, "m d"]
) -> Float[np.ndarray, "n m"]:
    r"""Positive features whose inner product is :math:`\exp(x \cdot y)` on average over Omega.

    :math:`\phi(x) = \exp(\Omega x - |x|^2 / 2) / \sqrt{m}` (Choromanski et al. 2021, lemma 1). For
    the kernel :math:`\exp(s\,k \cdot q)` pass ``sqrt(s) k`` and ``sqrt(s) q``.

    Raises
    ------
    TypeError, ValueError
        On arrays of the wrong kind or shape, or if a feature is not finite.
    """
    check_array("X", X, "n", "d")
    check_array("Omega", Omega, "m", X.shape[1])
    phi = np.exp(X @ Omega.T - (X**2).sum(axis=1, keepdims=True) / 2) / sqrt(len(Omega))
    return refuse_overflow(phi, "X and Omega")


def kernel_attention(
    phi_K: Float[np.ndarray, "N D"],
    V: Float[np.ndarray, "N d_v"],
    phi_q: Float[np.ndarray, "m D"],
) -> Float[np.ndarray, "m d_v"]:
    r"""Normalised linear attention in feature space, with a state that does not grow with N.

    .. math::
        \Big(\sum_i v_i \phi(k_i)^\top\Big)\,\phi(q) \Big/ \sum_i \phi(k_i) \cdot \phi(q)

    (Katharopoulos et al. 2020, eq. 5).

    Raises
    ------
    TypeError, ValueError
        On wrong shapes, or if a normaliser is not positive: the features do not suit.
    """
    check_array("phi_K", phi_K, "N", "D")
    check_array("V", V, len(phi_K), "d_v")
    check_array("phi_q", phi_q, "m", phi_K.shape[1])
    Z = phi_q @ phi_K.sum(axis=0)
    if not (Z > 0).all():
        raise ValueError(
            f"the normaliser of query {int(np.argmin(Z))} is {Z.min():.3g}; expected a positive "
            f"number. Use positive features, or an even degree of exp_features."
        )
    return phi_q @ (phi_K.T @ V) / Z[:, None]
