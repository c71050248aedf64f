r"""GD and GD++ seen through the eigenvalues of :math:`X X^\top`, summed over a context.

On noiseless tasks every eigenvector goes its own way. A layer multiplies what is left of the error
along an eigenvalue :math:`\lambda` with :math:`1 - \frac{\eta}{N} \lambda`, and GD++ then changes
the eigenvalue itself to :math:`\lambda\,(1 - \gamma\lambda)^2`, which the next layer sees. With
teachers and queries averaged out, the loss of any number of layers is a mean over eigenvalues,
:func:`spectral_loss`.

The trap: a mean over tasks is not safe from single ones. One context with an eigenvalue beyond the
stable range can outweigh ten thousand others, so the largest eigenvalue of a law matters more than
the typical one (:func:`largest_damping`).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from iclbook.regression.descent import fit_rates
from iclbook.regression.tasks import TaskLaw, Tasks
from iclbook.validate import check_number


def spectrum(tasks: Tasks) -> Float[Tensor, "B d"]:
    r"""The eigenvalues of :math:`X X^\top` for each context, increasing, in double precision."""
    X = tasks.X.double()
    return torch.linalg.eigvalsh(X.mT @ X)


def change_eigenvalue(lam: Tensor, gamma: float | Tensor) -> Tensor:
    r"""What GD++ makes of eigenvalues: :math:`\lambda\,(1 - \gamma\lambda)^2` (appendix A.10).

    Zero at 0 and at 1/gamma, with a maximum of 4/(27 gamma) between them, at 1/(3 gamma).
    """
    return lam * (1 - gamma * lam).square()


def residual(
    lam: Float[Tensor, "*any"], eta: Float[Tensor, "L"], gamma: Float[Tensor, "L"], N: int
) -> Float[Tensor, "*any"]:
    """The share of the error that L layers leave along each eigenvalue."""
    left = torch.ones_like(lam)
    for eta_k, gamma_k in zip(eta, gamma, strict=True):
        left = left * (1 - eta_k / N * lam)
        lam = change_eigenvalue(lam, gamma_k)
    return left


def spectral_loss(
    lam: Float[Tensor, "B d"], eta: Float[Tensor, "L"], gamma: Float[Tensor, "L"], law: TaskLaw
) -> Float[Tensor, ""]:
    """Expected half squared error of the query on contexts with these eigenvalues.

    ``s/2`` times the sum of squared residuals, averaged over the contexts, where s is the variance
    of an input entry. Teachers and queries are averaged out; exact if their entries are
    independent, with mean zero.
    """
    s, _ = law.moments
    return law.teacher_scale**2 * s / 2 * residual(lam, eta, gamma, law.N).square().sum(-1).mean()


def tune_on_spectrum(
    lam: Float[Tensor, "B d"], layers: int, law: TaskLaw, **search
) -> tuple[Float[Tensor, "L"], Float[Tensor, "L"], float]:
    """The rates of GD or GD++ with the smallest :func:`spectral_loss`.

    Faster and less noisy than :func:`iclbook.regression.descent.tune_gdpp`, which sees one teacher
    and one query a task. Options and results as in :func:`iclbook.regression.descent.fit_rates`.
    """
    return fit_rates(lambda eta, gamma: spectral_loss(lam, eta, gamma, law), layers, **search)


def largest_damping(eta: float, N: int, l_max: float) -> float:
    r"""The damping below which repeated steps of GD are stable.

    :math:`2 / (\frac{\eta}{N} \lambda_{\max})`.

    Each step multiplies the error along an eigenvalue :math:`\lambda` with
    :math:`1 - \gamma\,\frac{\eta}{N} \lambda`, which has to lie between
    -1 and 1 for the largest eigenvalue.
    """
    eta = check_number("eta (learning rate)", eta, low=0.0, open_low=True)
    return 2 * N / (eta * check_number("l_max (largest eigenvalue)", l_max, low=0.0, open_low=True))
