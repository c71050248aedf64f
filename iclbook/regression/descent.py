r"""Gradient descent on a context, in closed form: what the trained layers are compared with.

The loss of a context is :math:`\frac{1}{2N} \sum_i |W x_i - y_i|^2`. One step from :math:`W_0`
changes the weights by :math:`-\frac{\eta}{N} \sum_i (W_0 x_i - y_i)\,x_i^\top` (von Oswald et al.
2023, equation 6). GD++ also transforms the inputs,
:math:`x_j \leftarrow (I - \gamma X X^\top)\,x_j` with :math:`X X^\top` the sum over the context,
not the mean (appendix A.10).

Losses are half mean squared errors, the authors' reporting unit.
"""

import math
import warnings
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from iclbook.regression.attention import predict
from iclbook.regression.tasks import TaskLaw, Tasks
from iclbook.validate import check_count, check_number


class UnstableWarning(RuntimeWarning):
    """Steps that are too large for some contexts: their errors grow."""


def largest_stable_rate(X: Float[Tensor, "B N d"]) -> Float[Tensor, "B"]:
    r"""For each context, the learning rate below which repeated steps of GD are stable.

    :math:`2N / \lambda`, with :math:`\lambda` the largest eigenvalue of :math:`X X^\top`: a step
    multiplies the error in that direction with :math:`1 - \frac{\eta}{N} \lambda`.
    """
    return 2 * X.shape[1] / torch.linalg.matrix_norm(X, ord=2).square()


def descend(
    tasks: Tasks,
    eta: float,
    steps: int = 1,
    W_0: Float[Tensor, "d_out d"] | None = None,
) -> Float[Tensor, "B d_out d"]:
    """The weights after gradient descent on each context, from W_0 (zero unless given).

    Warns
    -----
    UnstableWarning
        If the rate is beyond the stability bound of most contexts and there are several steps. (The
        best rate of a single step is beyond the bound of a few contexts, which does no harm.)
    """
    check_count("steps", steps, low=0)
    check_number("eta (learning rate)", eta, low=0.0)
    N, d = tasks.X.shape[1:]
    _check_first_weights(W_0, tasks.y.shape[-1], d)
    if steps > 1:
        _warn_if_unstable(tasks, eta)
    W = torch.zeros(len(tasks), tasks.y.shape[-1], d, dtype=tasks.X.dtype)
    if W_0 is not None:
        W = W + W_0
    for _ in range(steps):
        errors = tasks.y - tasks.X @ W.mT  # (B, N, d_out)
        W = W + eta / N * errors.mT @ tasks.X
    return W


def _check_first_weights(W_0: Tensor | None, d_out: int, d: int) -> None:
    if W_0 is not None and W_0.shape != (d_out, d):
        raise ValueError(f"W_0 has shape {tuple(W_0.shape)}; expected (d_out, d) = {(d_out, d)}.")


def _warn_if_unstable(tasks: Tasks, eta: float) -> None:
    """Look at the first contexts of a batch, which are as good as any."""
    rates = largest_stable_rate(tasks.X[:256])
    bound = float(rates.median())
    if eta > bound:
        warnings.warn(
            f"eta = {eta:g} is beyond the stability bound 2 N / lam of most contexts, whose errors "
            f"grow from step to step; it should stay below {bound:.3g} for half of them, and below "
            f"{float(rates.min()):.3g} for all (lam is the largest eigenvalue of X X^T).",
            UnstableWarning,
            stacklevel=3,
        )


def apply(W: Float[Tensor, "B d_out d"], x: Float[Tensor, "B d"]) -> Float[Tensor, "B d_out"]:
    """The predictions W x, task by task."""
    if W.ndim != 3 or (len(W), W.shape[-1]) != x.shape:
        raise ValueError(
            f"W has shape {tuple(W.shape)}; expected (B, d_out, d) with B, d = {tuple(x.shape)}."
        )
    return (W @ x[..., None])[..., 0]


def half_mse(predictions: Float[Tensor, "B d_out"], tasks: Tasks) -> Float[Tensor, ""]:
    """Half the mean squared error of the query predictions."""
    return (predictions - tasks.y_q).square().sum(dim=-1).mean() / 2


def best_rate(law: TaskLaw) -> float:
    r"""The learning rate eta* that minimises the expected loss after one step from zero.

    :math:`\frac{N}{s\,(N + d + k - 2)}` with s and k the variance and the kurtosis of an input
    entry; derived in the chapter "One layer, one step". Replaced targets (``law.noisy``) count as
    noise.
    """
    gain, cost = _gain_and_cost(law)
    return law.N * gain / cost


def expected_loss(law: TaskLaw, eta: float) -> float:
    r"""Expected half squared error of one target entry after one step from zero.

    .. math::
        \frac{d s}{2} \left(1 - 2 \eta s + \eta^2 s^2\,\frac{N + d + k - 2}{N}\right),

    times teacher_scale squared; eta = 0 gives the loss of predicting zero. Of N targets,
    ``law.noisy`` only add noise of variance 1.
    """
    s, _ = law.moments
    gain, cost = _gain_and_cost(law)
    size = law.teacher_scale**2 - 2 * eta / law.N * gain + (eta / law.N) ** 2 * cost
    return law.d * s / 2 * size


def _gain_and_cost(law: TaskLaw) -> tuple[float, float]:
    """Coefficients of -2 (eta/N) and of (eta/N)^2 in the loss over d s/2."""
    s, k = law.moments
    clean = law.N - law.noisy
    gain = law.teacher_scale**2 * clean * s
    return gain, gain * s * (clean + law.d + k - 2) + law.noisy * s


def construction(
    d: int,
    N: int,
    eta: float,
    *,
    d_out: int = 1,
    W_0: Float[Tensor, "d_out d"] | None = None,
    gamma: float = 0.0,
    dtype: torch.dtype = torch.float64,
) -> dict[str, Float[Tensor, "D D"]]:
    """The weights of Proposition 1: a layer of linear self-attention that does one step of GD.

    With gamma above zero the layer also does the input transformation of GD++.

    Returns
    -------
    dict
        ``W_K, W_Q, W_V, P``, each (d + d_out, d + d_out) (appendix A.1).
    """
    d, d_out = check_count("d", d), check_count("d_out", d_out)
    check_count("N", N)
    check_number("eta (learning rate)", eta, low=0.0, open_low=True)
    check_number("gamma", gamma, low=0.0)
    _check_first_weights(W_0, d_out, d)
    x, y = slice(0, d), slice(d, d + d_out)
    W_K = torch.zeros(d + d_out, d + d_out, dtype=dtype)
    W_K[x, x] = torch.eye(d, dtype=dtype)
    W_V = torch.zeros_like(W_K)
    W_V[y, y] = -torch.eye(d_out, dtype=dtype)
    if W_0 is not None:
        W_V[y, x] = W_0
    P = torch.zeros_like(W_K)
    P[y, y] = eta / N * torch.eye(d_out, dtype=dtype)
    if gamma:
        W_V[x, x] = torch.eye(d, dtype=dtype)
        P[x, x] = -gamma * torch.eye(d, dtype=dtype)
    return {"W_K": W_K, "W_Q": W_K.clone(), "W_V": W_V, "P": P}


def gdpp_products(
    d: int, N: int, eta: Float[Tensor, "L"], gamma: Float[Tensor, "L"], d_out: int = 1
) -> tuple[Float[Tensor, "L 1 D D"], Float[Tensor, "L 1 D D"]]:
    """The products A and M of GD++ layers (GD where gamma is 0), for `predict`.

    Differentiable in eta and gamma, one of each a layer.
    """
    on_x = torch.cat([torch.ones(d), torch.zeros(d_out)]).to(eta.dtype)
    on_y = 1 - on_x
    # A = P W_V: -gamma on the inputs, -eta/N on the targets
    diagonal = -gamma[:, None] * on_x - (eta / N)[:, None] * on_y
    A = torch.diag_embed(diagonal)[:, None]
    M = torch.diag(on_x).expand(len(eta), 1, -1, -1)
    return A, M


def fit_rates(
    loss: Callable[[Tensor, Tensor], Tensor],
    layers: int,
    *,
    tied: bool = True,
    with_gamma: bool = True,
    eta: float | Float[Tensor, "..."] = 6.0,
    gamma: float | Float[Tensor, "..."] = 0.0,
    steps: int = 200,
) -> tuple[Float[Tensor, "L"], Float[Tensor, "L"], float]:
    """The learning rates (and gammas) of GD or GD++ that minimise a loss, by L-BFGS.

    Parameters
    ----------
    loss : callable, (eta, gamma) -> scalar
        Differentiable in both, one of each a layer, in double precision.
    layers : int
        How many.
    tied : bool
        One pair for all layers.
    with_gamma : bool
        Search gamma as well; else it is 0 and this is gradient descent.
    eta, gamma : float, or one a layer
        Where the search starts.
    steps : int
        Iterations at most.

    Returns
    -------
    eta, gamma : tensors (layers,)
    loss : float
        The loss there.

    Raises
    ------
    FloatingPointError
        If the search leaves the region where the steps are stable; start closer.
    """
    layers = check_count("layers", layers)
    size = 1 if tied else layers
    unit = torch.tensor([[10.0], [0.1 if with_gamma else 0.0]], dtype=torch.float64)
    start = torch.stack([torch.as_tensor(v).double().expand(size) for v in (eta, gamma)])
    steer = (start / torch.tensor([[10.0], [0.1]])).requires_grad_()  # both of order one

    def rates() -> Tensor:
        return (steer * unit).expand(2, layers)

    search = torch.optim.LBFGS(
        [steer], max_iter=steps, line_search_fn="strong_wolfe", tolerance_grad=1e-9
    )

    def closure() -> Tensor:
        search.zero_grad()
        value = loss(*rates())
        value.backward()
        return value

    search.step(closure)
    found = float(closure().detach())
    if not math.isfinite(found):
        raise FloatingPointError(
            f"the search for the best rates diverged from eta = {eta}, gamma = {gamma}; "
            f"start closer to a stable pair."
        )
    return *rates().detach().clone(), found


def tune_gdpp(
    tasks: Tasks, layers: int, **search
) -> tuple[Float[Tensor, "L"], Float[Tensor, "L"], float]:
    """The rates of GD or GD++ that predict the queries of the given tasks best.

    Parameters
    ----------
    tasks, layers
        As they are.
    **search
        Options of :func:`fit_rates`, which says what is returned and raised.
    """
    tasks = Tasks(*(part.double() for part in (tasks.X, tasks.y, tasks.x_q, tasks.y_q)))
    N, d = tasks.X.shape[1:]

    def loss(eta: Tensor, gamma: Tensor) -> Tensor:
        products = gdpp_products(d, N, eta, gamma, d_out=tasks.y.shape[-1])
        return half_mse(predict(*products, tasks), tasks)

    return fit_rates(loss, layers, **search)
