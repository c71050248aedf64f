"""How alike are a trained layer and gradient descent? The measures of von Oswald et al. 2023.

Losses, the mean difference of predictions, and the *model*: the gradient of the prediction with
respect to the query input, whose cosine and distance to the weights of gradient descent are taken
task by task (section 3 and figure 2). Interpolation averages the products of weights (A.3).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from iclbook.regression.attention import predict
from iclbook.regression.descent import apply, half_mse
from iclbook.regression.tasks import Tasks


@dataclass(frozen=True)
class Alignment:
    """A model beside a reference, on the same tasks.

    Attributes
    ----------
    loss, reference_loss : float
        Half mean squared errors.
    prediction_difference : float
        Mean distance of the predictions.
    cosine, model_difference : float
        Mean cosine and mean distance of the two gradients with respect to the query input.
    """

    loss: float
    reference_loss: float
    prediction_difference: float
    cosine: float
    model_difference: float


def sensitivity(model: nn.Module, tasks: Tasks) -> Float[Tensor, "B d"]:
    """The gradient of each task's prediction (summed over outputs) in its query input."""
    x_q = tasks.x_q.detach().clone().requires_grad_()
    prediction = model(Tasks(tasks.X, tasks.y, x_q, tasks.y_q))
    return torch.autograd.grad(prediction.sum(), x_q)[0]


def align(
    model: nn.Module,
    reference: Float[Tensor, "B d_out d"] | nn.Module,
    tasks: Tasks,
) -> Alignment:
    """Compare a model with the weights that gradient descent reaches, or with another model."""
    with torch.no_grad():
        ours = model(tasks)
        theirs = reference(tasks) if callable(reference) else apply(reference, tasks.x_q)
    g = sensitivity(model, tasks)
    h = sensitivity(reference, tasks) if callable(reference) else reference.sum(dim=1)
    return Alignment(
        loss=float(half_mse(ours, tasks)),
        reference_loss=float(half_mse(theirs, tasks)),
        prediction_difference=float((ours - theirs).norm(dim=1).mean()),
        cosine=float(torch.cosine_similarity(g, h, dim=1).mean()),
        model_difference=float((g - h).norm(dim=1).mean()),
    )


class Products(nn.Module):
    """Layers given by their products A and M, as a model that predicts."""

    def __init__(self, A: Float[Tensor, "L H D D"], M: Float[Tensor, "L H D D"]):
        super().__init__()
        self.register_buffer("A", A.detach())
        self.register_buffer("M", M.detach())

    def forward(self, tasks: Tasks) -> Float[Tensor, "B d_out"]:
        """Predict the query targets."""
        return predict(self.A.to(tasks.X.dtype), self.M.to(tasks.X.dtype), tasks)


def balance(A: Tensor, M: Tensor, d: int) -> tuple[Tensor, Tensor]:
    """Share out the free factor: M's diagonal over the inputs gets the mean 1, A takes the rest.

    :math:`(A c, M / c)` is the same layer for every c. With one head only (A.3).
    """
    c = M.diagonal(dim1=-2, dim2=-1)[..., :d].mean(dim=-1)[..., None, None]
    return A * c, M / c


def interpolate(model: nn.Module, A: Tensor, M: Tensor, d: int) -> Products:
    """The model half way between a trained one and the layers (A, M), both balanced first.

    Raises
    ------
    ValueError
        If the model has several heads: which of them should meet which?
    """
    A_model, M_model = (part.detach() for part in model.products())
    if A_model.shape[1] != 1:
        raise ValueError(
            f"the model has {A_model.shape[1]} heads; weights can be interpolated with one head."
        )
    A_model, M_model = balance(A_model, M_model, d)
    A_model, M_model = A_model.expand(A.shape), M_model.expand(M.shape)
    return Products((A_model + A.to(A_model.dtype)) / 2, (M_model + M.to(M_model.dtype)) / 2)
