"""Training attention layers on regression tasks, as the paper does: fresh tasks at every step.

Adam with the authors' settings (von Oswald et al. 2023, appendix A.12, and where text and code
disagree, their code): betas 0.9 and 0.98, learning rate 1e-3, batches of 2,048 tasks, and the
gradient clipped to a norm of 0.001. With Adam such a clip mostly normalises the gradient.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn

from iclbook.regression.descent import half_mse
from iclbook.regression.tasks import Law, TaskLaw
from iclbook.validate import check_count, check_number

CHECK_EVERY = 50
"""Steps between two looks at whether the loss is still finite."""


class Diverged(FloatingPointError):
    """Training left the finite numbers; the message names the step and the loss."""


@dataclass(frozen=True)
class Training:
    """How to train.

    Attributes
    ----------
    law : Law
        Where the tasks come from.
    steps, batch : int
        Optimisation steps, and tasks in each.
    lr, betas : float, pair of floats
        Adam's.
    clip : float
        Norm to which the gradient is clipped.
    seed : int
        Of the initial weights and of the tasks.
    """

    law: Law = field(default_factory=TaskLaw)
    steps: int = 5000
    batch: int = 2048
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.98)
    clip: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("steps", self.steps)
        check_count("batch", self.batch)
        check_number("lr (learning rate)", self.lr, low=0.0, open_low=True)
        check_number("clip", self.clip, low=0.0, open_low=True)

    def generators(self) -> tuple[torch.Generator, torch.Generator]:
        """Random numbers for the initial weights, and for the tasks."""
        return tuple(torch.Generator().manual_seed(2 * self.seed + k) for k in (0, 1))


def adam(model: nn.Module, how: Training) -> torch.optim.Adam:
    """A fresh optimiser for a training."""
    return torch.optim.Adam(model.parameters(), lr=how.lr, betas=how.betas, fused=True)


def train(
    model: nn.Module,
    how: Training,
    tasks: torch.Generator,
    *,
    at: tuple[int, ...] = (),
    look: Callable[[int, nn.Module], None] | None = None,
    optimiser: torch.optim.Optimizer | None = None,
) -> nn.Module:
    """Train a model in place.

    Parameters
    ----------
    model : module
        Anything that maps a batch of tasks to predictions (B, d_out).
    how : Training
        Law, budget and optimiser.
    tasks : torch.Generator
        Random numbers for the tasks.
    at, look : tuple of int, callable
        ``look(step, model)`` is called before these steps (0 is the untrained model, and
        ``how.steps`` the trained one).
    optimiser : torch.optim.Optimizer, optional
        Of an earlier part of the same training, to go on with; :func:`adam` makes a new one.

    Raises
    ------
    Diverged
        If the loss is no longer finite; the model is then of no use.
    """
    optimiser = adam(model, how) if optimiser is None else optimiser
    wanted = set(at)
    torch.empty(2**22)  # a large block that is freed makes glibc keep memory: no page faults below
    for step in range(how.steps):
        if step in wanted:
            look(step, model)
        batch = how.law.sample(how.batch, tasks)
        loss = half_mse(model(batch), batch)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), how.clip)
        optimiser.step()
        due = step % CHECK_EVERY == 0 or step == how.steps - 1
        if due and not torch.isfinite(loss):
            raise Diverged(
                f"training diverged: the loss is {loss.item()} at step {step} of {how.steps} "
                f"(lr = {how.lr:g}). Use a smaller learning rate, or clip the tokens."
            )
    if how.steps in wanted:
        look(how.steps, model)
    return model
