"""Linear regression tasks: a fresh teacher for every prompt.

A task is a teacher W, N context pairs (x_i, y_i = W x_i) and one query x_q with its target
(von Oswald et al. 2023, section 2 and appendix A.12). A batch of tasks is made anew at every
training step.

The trap: the paper's text says x ~ U(-1, 1); its code halves the range, and every number that it
prints belongs to U(-1/2, 1/2). That is the default here.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from iclbook.validate import check_choice, check_count, check_number

INPUT_LAWS = ("uniform", "normal", "exponential", "laplace", "mixture")


@dataclass(frozen=True)
class Tasks:
    """A batch of B tasks.

    Attributes
    ----------
    X : tensor (B, N, d)
        Context inputs.
    y : tensor (B, N, d_out)
        Context targets.
    x_q : tensor (B, d)
        Query inputs.
    y_q : tensor (B, d_out)
        Query targets: what a prediction is compared with.
    """

    X: Float[Tensor, "B N d"]
    y: Float[Tensor, "B N d_out"]
    x_q: Float[Tensor, "B d"]
    y_q: Float[Tensor, "B d_out"]

    def __post_init__(self) -> None:
        if self.X.ndim != 3:
            raise ValueError(
                f"X has shape {tuple(self.X.shape)}; expected (B, N, d), one context for each task."
            )
        (B, N, d), d_out = self.X.shape, self.y.shape[-1]
        for name, shape in (("y", (B, N, d_out)), ("x_q", (B, d)), ("y_q", (B, d_out))):
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f"{name} has shape {tuple(getattr(self, name).shape)}; expected {shape}, to go "
                    f"with X of shape {(B, N, d)} and y of shape {tuple(self.y.shape)}."
                )

    def __len__(self) -> int:
        return len(self.X)


@runtime_checkable
class Law(Protocol):
    """Anything that tasks can be drawn from: :class:`TaskLaw`, and laws of other chapters."""

    def sample(self, B: int, generator: torch.Generator) -> Tasks:
        """Draw B tasks."""


@dataclass(frozen=True)
class TaskLaw:
    """From which law tasks are drawn.

    Attributes
    ----------
    d, N, d_out : int
        Width of the inputs, number of context pairs, width of the targets.
    inputs : str
        Law of the inputs: ``uniform`` on (-1/2, 1/2); ``normal`` (standard); ``exponential``;
        ``laplace``; or ``mixture``, which draws one of the last three for each task and divides
        context and query by the Frobenius norm of the context, as the authors' code does.
    scale : float
        Factor on the inputs, ``a`` in the paper's out-of-distribution tests.
    teacher_scale : float
        Factor on the teacher's entries, which are standard normal.
    noisy : int
        How many of the N context targets are replaced by standard normal numbers.
    """

    d: int = 10
    N: int = 10
    d_out: int = 1
    inputs: str = "uniform"
    scale: float = 1.0
    teacher_scale: float = 1.0
    noisy: int = 0

    def __post_init__(self) -> None:
        for name in ("d", "N", "d_out"):
            check_count(name, getattr(self, name))
        check_choice("inputs (input law)", self.inputs, INPUT_LAWS)
        check_number("scale", self.scale, low=0.0, open_low=True)
        check_number("teacher_scale", self.teacher_scale, low=0.0, open_low=True)
        if check_count("noisy", self.noisy, low=0) > self.N:
            raise ValueError(f"noisy is {self.noisy}; expected at most the N = {self.N} targets.")

    @property
    def moments(self) -> tuple[float, float]:
        """Variance s and kurtosis (fourth moment over s squared) of one input entry.

        Raises
        ------
        ValueError
            For laws whose entries are not independent with mean zero.
        """
        known = {"uniform": (1 / 12, 1.8), "normal": (1.0, 3.0), "laplace": (2.0, 6.0)}
        if self.inputs not in known:
            raise ValueError(
                f"inputs is {self.inputs!r}; the closed forms need independent entries of a "
                f"symmetric law: {', '.join(known)}."
            )
        variance, kurtosis = known[self.inputs]
        return variance * self.scale**2, kurtosis

    def sample(
        self, B: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> Tasks:
        """Draw B tasks.

        The tensors are views of arrays that have the tasks on the last axis. Sums over the small
        axes are then sums of long rows, which is what makes training fast.
        """
        inputs = self._inputs(check_count("B (number of tasks)", B), generator, dtype)
        W = torch.randn(self.d_out, self.d, 1, B, generator=generator, dtype=dtype)
        if self.teacher_scale != 1:
            W *= self.teacher_scale
        targets = (W * inputs.permute(2, 1, 0)).sum(dim=1).permute(2, 1, 0)
        X, x_q, y, y_q = inputs[:, :-1], inputs[:, -1], targets[:, :-1], targets[:, -1]
        if self.noisy:
            noise = torch.randn(B, self.noisy, self.d_out, generator=generator, dtype=dtype)
            y = torch.cat([noise, y[:, self.noisy :]], dim=1)
        return Tasks(X, y, x_q, y_q)

    def _inputs(
        self, B: int, generator: torch.Generator, dtype: torch.dtype
    ) -> Float[Tensor, "B N_1 d"]:
        """Inputs of the context and, last, of the query; the tasks are the last axis in memory."""
        shape = (self.d, self.N + 1, B)
        if self.inputs == "mixture":
            draws = torch.stack([_draw(law, shape, generator, dtype) for law in INPUT_LAWS[1:4]])
            which = torch.randint(3, (1, 1, 1, B), generator=generator).expand(1, *shape)
            x = draws.gather(0, which)[0]
            x = x / x[:, :-1].norm(dim=(0, 1))
        else:
            x = _draw(self.inputs, shape, generator, dtype)
        return (x if self.scale == 1 else x * self.scale).permute(2, 1, 0)


def _draw(law: str, shape: tuple, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
    """Independent entries: uniform on (-1/2, 1/2), or the standard form of the law."""
    if law == "normal":
        return torch.randn(shape, generator=generator, dtype=dtype)
    u = torch.rand(shape, generator=generator, dtype=dtype)
    if law == "uniform":
        return u.sub_(0.5)
    if law == "exponential":
        return -torch.log1p(-u)
    centred = u.sub_(0.5)  # laplace, by the inverse of its distribution function
    inside = 0.5 - torch.finfo(dtype).eps  # at the end itself the entry would be infinite
    return -centred.sign() * torch.log1p(-2 * centred.abs().clamp_(max=inside))
