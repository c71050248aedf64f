r"""A linear layer trained by gradient descent, and the training examples it remembers.

The layer is :math:`y = W x`. Its loss depends on the weights only through its outputs, so every
gradient is a sum of outer products of an *error* (at the output) and an *input*. Whatever is
linear in the gradient keeps that shape: after T steps of gradient descent, with momentum and L2
decay if one likes,

.. math::
    W_T = a_T W_0 + \sum_t c_{T,t} \sum_{i \in B_t} \epsilon_i^t\,x_i^\top.

Derived in the chapter "Gradient descent is memory"; the identity is due to Aizerman, Braverman and
Rozonoer (1964), its reading as attention to Irie, Csordas and Schmidhuber (2022).

The trap: the errors :math:`\epsilon_i^t` depend on the weights along the way. The formula rewrites
a finished training run. It does not replace running it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from iclbook.validate import check_array, check_choice, check_count, check_number

LOSSES = ("squared", "cross-entropy")


def softmax(Z: Float[np.ndarray, "*batch n"]) -> Float[np.ndarray, "*batch n"]:
    """Exponentials divided by their sum, along the last axis; safe for large entries."""
    check_array("Z", Z, *["batch"] * (np.ndim(Z) - 1), "n")
    E = np.exp(Z - Z.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


def output_errors(
    outputs: Float[np.ndarray, "b d_out"],
    Y: Float[np.ndarray, "b d_out"],
    loss: str = "squared",
) -> Float[np.ndarray, "b d_out"]:
    r"""Minus the gradient of the mean loss at the outputs: the errors, 1/b included.

    The loss is :math:`\frac{1}{2b} \sum_i |W x_i - y_i|^2` ("squared") or the mean cross-entropy of
    ``softmax(outputs_i)`` against the distribution ``y_i`` ("cross-entropy").

    Raises
    ------
    TypeError, ValueError
        If a shape, a number or the name of the loss is not as said here.
    """
    check_choice("loss", loss, LOSSES)
    check_array("outputs", outputs, "b", "d_out")
    check_array("Y", Y, *outputs.shape)
    if loss == "cross-entropy" and not (Y.min() >= 0 and np.allclose(Y.sum(axis=1), 1)):
        raise ValueError(
            "Y holds rows that are no distributions; cross-entropy expects entries of 0 or more "
            "that sum to 1, such as one-hot rows. Normalise them, or use loss='squared'."
        )
    predicted = outputs if loss == "squared" else softmax(outputs)
    return (Y - predicted) / len(Y)


def coefficients(
    T: int, eta: float, mu: float = 0.0, lam: float = 0.0
) -> tuple[float, Float[np.ndarray, "T"]]:
    r"""How much of W_0 and of each step's gradient is left in the weights after T steps.

    Heavy ball with L2 decay inside the gradient, :math:`V \leftarrow \mu V + \lambda W - E`,
    :math:`W \leftarrow W - \eta V`, is a linear system with state (W, V), so its weights are its
    impulse response: :math:`c_{T,t} = (A^{T-1-t} B)_1` and :math:`a_T = (A^T)_{11}` with

    .. math::
        A = \begin{pmatrix} 1 - \eta\lambda & -\eta\mu \\ \lambda & \mu \end{pmatrix},
        \qquad B = (\eta, -1).

    Plain gradient descent is :math:`\mu = \lambda = 0`: all ``c`` equal eta, and :math:`a_T = 1`.

    Parameters
    ----------
    T : int
        Number of steps, 0 or more.
    eta : float
        Learning rate, above 0.
    mu : float
        Momentum, in [0, 1).
    lam : float
        L2 decay, 0 or more. (Decoupled decay, as in AdamW, is the same without momentum; with
        momentum it has coefficients of its own.)

    Returns
    -------
    a : float
        The share of W_0 that is left. With momentum and decay together it can be negative.
    c : array (T,)
        The weight of step t's sum of outer products, t = 0 .. T-1.
    """
    T = check_count("T", T, low=0)
    eta = check_number("eta (learning rate)", eta, low=0.0, open_low=True)
    mu = check_number("mu (momentum)", mu, low=0.0, high=1.0)
    lam = check_number("lam (L2 decay)", lam, low=0.0)
    A = np.array([[1 - eta * lam, -eta * mu], [lam, mu]])
    B = np.array([eta, -1.0])
    c = np.empty(T)
    row = np.array([1.0, 0.0])  # first row of A^k
    for k in range(T):
        c[T - 1 - k] = row @ B
        row = row @ A
    return float(row[0]), c


@dataclass(frozen=True)
class TrainingRun:
    r"""A finished training run, with everything that the dual form needs.

    Attributes
    ----------
    X : array (n, d_in)
        Training inputs.
    weights : array (T + 1, d_out, d_in)
        The weights before the first step and after each one.
    errors : list of T arrays (b, d_out)
        The errors :math:`\epsilon_i^t` of each step's batch, 1/b included.
    batches : list of T arrays (b,)
        The row numbers in X of each step's batch.
    eta, mu, lam : float
        Learning rate, momentum, L2 decay.
    """

    X: np.ndarray
    weights: np.ndarray
    errors: list[np.ndarray]
    batches: list[np.ndarray]
    eta: float
    mu: float
    lam: float

    @property
    def T(self) -> int:
        """Number of steps."""
        return len(self.errors)

    @cached_property
    def outer_products(self) -> Float[np.ndarray, "T d_out d_in"]:
        r"""Each step's sum of outer products, :math:`\sum_{i \in B_t} \epsilon_i^t\,x_i^\top`."""
        return np.stack([E.T @ self.X[B] for E, B in zip(self.errors, self.batches, strict=True)])

    def coefficients(self, T: int | None = None) -> tuple[float, Float[np.ndarray, "T"]]:
        """``a_T`` and ``c_{T,t}`` of this run after T steps (default: all of them)."""
        T = self.T if T is None else check_count("T", T, low=0)
        if T > self.T:
            raise ValueError(f"T is {T}; this run has {self.T} steps.")
        return coefficients(T, self.eta, self.mu, self.lam)

    def dual_weights(self, T: int | None = None) -> Float[np.ndarray, "d_out d_in"]:
        """W_T rebuilt from W_0, the errors and the inputs; the trained weights are not read."""
        a, c = self.coefficients(T)
        return a * self.weights[0] + np.tensordot(c, self.outer_products[: len(c)], axes=1)

    def dual_values(self, T: int | None = None) -> Float[np.ndarray, "n d_out"]:
        r"""One value a training example, summed over its uses.

        :math:`e_i = \sum_t c_{T,t}\,\epsilon_i^t`. With them
        :math:`W_T x = a_T W_0 x + \sum_i e_i\,(x_i \cdot x)`: unnormalised linear attention with
        keys ``x_i`` and values ``e_i`` (chapter "The dual").
        """
        _, c = self.coefficients(T)
        values = np.zeros((len(self.X), self.weights.shape[1]))
        for c_t, E, B in zip(c, self.errors, self.batches, strict=False):
            values[B] += c_t * E
        return values


def train(
    X: Float[np.ndarray, "n d_in"],
    Y: Float[np.ndarray, "n d_out"],
    W_0: Float[np.ndarray, "d_out d_in"],
    *,
    eta: float,
    steps: int,
    loss: str = "squared",
    mu: float = 0.0,
    lam: float = 0.0,
    batch_size: int | None = None,
    seed: int = 0,
) -> TrainingRun:
    """Train :math:`y = W x` by gradient descent and keep what the dual form needs.

    Parameters
    ----------
    X, Y : arrays (n, d_in) and (n, d_out)
        Training inputs and targets, one example a row. A bias is a constant input of 1.
    W_0 : array (d_out, d_in)
        Initial weights.
    eta, mu, lam : float
        Learning rate, heavy-ball momentum, L2 decay (inside the gradient).
    steps : int
        Number of steps T.
    loss : {"squared", "cross-entropy"}
        See `output_errors`.
    batch_size : int, optional
        Examples a step; default all. Batches walk through a new random order in each epoch; what
        does not fill a batch at the end of an epoch is left out.
    seed : int
        Seed of that order.

    Raises
    ------
    TypeError, ValueError
        On wrong shapes or numbers, before the first step.
    FloatingPointError
        If weights or outputs stop being finite: names the step and the learning rate.
    """
    check_count("seed", seed, low=0)
    check_array("X", X, "n", "d_in")
    n, d_in = X.shape
    check_array("Y", Y, n, "d_out")
    check_array("W_0", W_0, Y.shape[1], d_in)
    steps = check_count("steps", steps)
    coefficients(0, eta, mu, lam)  # checks the three numbers
    batch_size = n if batch_size is None else check_count("batch_size", batch_size)
    if batch_size > n:
        raise ValueError(f"batch_size is {batch_size}; expected at most the {n} examples of X.")
    batches = list(_batches(n, batch_size, steps, np.random.default_rng(seed)))

    W, V = W_0.astype(float), np.zeros_like(W_0, dtype=float)
    weights, errors = [W], []
    for t, B in enumerate(batches):
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = X[B] @ W.T
            finite = np.isfinite(outputs).all()
            if finite:
                E = output_errors(outputs, Y[B], loss)
                V = mu * V + lam * W - E.T @ X[B]
                W = W - eta * V
        if not (finite and np.isfinite(W).all()):
            raise FloatingPointError(
                f"training diverged at step {t + 1} of {steps} with eta = {eta:g}; "
                f"expected finite weights and outputs. Use a smaller eta."
            )
        weights.append(W)
        errors.append(E)
    return TrainingRun(X, np.stack(weights), errors, batches, eta, mu, lam)


def _batches(n: int, size: int, steps: int, rng: np.random.Generator):
    """Yield `steps` arrays of row numbers; all rows in order if a batch holds them all."""
    order: Int[np.ndarray, "n"] = np.arange(n)
    start = n
    for _ in range(steps):
        if start + size > n:
            if size < n:
                order = rng.permutation(n)
            start = 0
        yield order[start : start + size]
        start += size
