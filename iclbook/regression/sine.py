r"""Sine regression: a layer of linear self-attention on top of learned features.

A token ``(x, y)`` is embedded linearly without bias, goes through one MLP with a residual, and
comes out as :math:`e = (m, v)`: the features m and, as the last entry, what stands for the target
(von Oswald et al. 2023, section 3 and appendix A.7). Then comes one layer of linear self-attention,
and minus the last entry of the query token is the prediction.

The trap: the authors' generator draws the amplitude and the phase of a task from the same random
key, so that :math:`a = 0.1 + 0.4\,\phi / \pi`. A task of theirs has one unknown, not two. That
is the law with ``tied=True``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu

from iclbook.regression.attention import INIT_SCALE, context_tokens, query_token
from iclbook.regression.descent import construction
from iclbook.regression.tasks import Tasks
from iclbook.validate import check_count, check_number

WIDTH, HIDDEN = 40, 160
"""Width of a token after the embedding, and of the MLP's hidden layer, as in the paper."""

CHUNK = 128
"""Tasks in one piece of a batch: its hidden layer then fits into a processor's cache."""


@dataclass(frozen=True)
class SineLaw:
    r"""Tasks :math:`y = a \sin(x + \phi)` with x ~ U(-5, 5), a ~ U(0.1, 0.5), phi ~ U(0, pi).

    Attributes
    ----------
    N : int
        Number of context pairs.
    tied : bool
        The authors' generator: amplitude and phase from one random number.
    """

    N: int = 10
    tied: bool = False

    def __post_init__(self) -> None:
        check_count("N", self.N)

    def waves(
        self, B: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "B"], Float[Tensor, "B"]]:
        """Draw the amplitudes and the phases of B tasks."""
        u = torch.rand(2, B, generator=generator, dtype=dtype)
        return 0.1 + 0.4 * (u[1] if self.tied else u[0]), math.pi * u[1]

    def mean_wave(self, x: Tensor) -> Tensor:
        """The mean of all waves at x: the best prediction before any pair is known."""
        mean = 0.6 / math.pi * x.cos()
        return mean - 0.8 / math.pi**2 * x.sin() if self.tied else mean

    def sample(
        self, B: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> Tasks:
        """Draw B tasks; inputs and targets have width 1."""
        amplitude, phase = (part[:, None] for part in self.waves(B, generator, dtype))
        x = torch.rand(B, self.N + 1, generator=generator, dtype=dtype).sub_(0.5).mul_(10)
        y = amplitude * torch.sin(x + phase)
        return Tasks(x[:, :-1, None], y[:, :-1, None], x[:, -1:], y[:, -1:])


class SineModel(nn.Module):
    """Embedding, MLP, and one layer of linear self-attention, of which the query's output counts.

    Parameters
    ----------
    eta : float, optional
        The control of the paper: the layer is the construction of Proposition 1 with this learning
        rate and stays so; only embedding and MLP are trained. Without it all weights are trained.
    N : int, optional
        Context pairs that the construction divides eta by; needed with eta.
    generator : torch.Generator, optional
        For the initial weights.
    init_scale : float
        They are truncated normal of variance init_scale / (width of the layer's input). Larger
        weights leave the flat start of training sooner.

    Attributes
    ----------
    embed, hidden, out : Linear
        Embedding and the two layers of the MLP.
    W_K, W_Q, W_V, P : (WIDTH, WIDTH)
        The attention layer: parameters, or buffers in the control.
    """

    def __init__(
        self,
        eta: float | None = None,
        N: int | None = None,
        generator: torch.Generator | None = None,
        init_scale: float = INIT_SCALE,
    ):
        super().__init__()
        check_number("init_scale", init_scale, low=0.0, open_low=True)
        self.embed = nn.Linear(2, WIDTH, bias=False)
        self.hidden = nn.Linear(WIDTH, HIDDEN)
        self.out = nn.Linear(HIDDEN, WIDTH)
        for part in (self.embed, self.hidden, self.out):
            _draw(part.weight, init_scale, generator)
        nn.init.zeros_(self.hidden.bias)
        nn.init.zeros_(self.out.bias)
        if eta is None:
            for name in ("W_K", "W_Q", "W_V", "P"):
                W = nn.Parameter(_draw(torch.empty(WIDTH, WIDTH), init_scale, generator))
                self.register_parameter(name, W)
        else:
            check_number("eta (learning rate)", eta, low=0.0, open_low=True)
            layer = construction(WIDTH - 1, check_count("N", N), eta, dtype=torch.float32)
            for name, W in layer.items():
                self.register_buffer(name, W)

    def embedded(self, tokens: Float[Tensor, "*any 2"]) -> Float[Tensor, "*any WIDTH"]:
        """Tokens (x, y) after embedding and MLP, which is what the attention layer sees."""
        if tokens.shape[-1] != 2:
            raise ValueError(
                f"the tokens have width {tokens.shape[-1]}; this model is for tokens of width 2, "
                "one input and one target, as SineLaw makes them."
            )
        e = self.embed(tokens)
        return e + self.out(gelu(self.hidden(e)))

    def read_out(self) -> tuple[Float[Tensor, "WIDTH"], Float[Tensor, "WIDTH WIDTH"]]:
        r"""What predicts: the last row of :math:`A = P W_V`, and :math:`M = W_K^\top W_Q`."""
        return self.P[-1] @ self.W_V, self.W_K.mT @ self.W_Q

    def before(self, tasks: Tasks) -> Float[Tensor, "B 1"]:
        """The prediction before the attention layer: minus the query token's last entry."""
        return -self.embedded(query_token(tasks))[:, -1:]

    def forward(self, tasks: Tasks) -> Float[Tensor, "B 1"]:
        r"""Predict the query targets, a chunk of tasks after the other.

        :math:`-\left(e_q + \sum_i (a \cdot e_i)\,(e_i \cdot M e_q)\right)_{\mathrm{last}}`, with a
        the last row of A. The context tokens :math:`e_i = W_e t_i + W_o h_i + b` are not formed:
        products with them are taken from the token t_i and the hidden layer h_i, which is four
        times fewer operations.
        """
        row, M = self.read_out()
        e_q = self.embedded(query_token(tasks))
        asked = e_q @ M.mT
        context = context_tokens(tasks)
        inward = torch.cat([self.hidden.weight @ self.embed.weight, self.hidden.bias[:, None]], 1)
        tokens = torch.cat([context, torch.ones_like(tasks.y)], dim=-1)  # (x, y, 1)
        values, scores = _HiddenProducts.apply(
            tokens, inward, row @ self.out.weight, asked @ self.out.weight
        )
        values = values + context @ (row @ self.embed.weight) + row @ self.out.bias
        scores = scores + (context * (asked @ self.embed.weight)[:, None]).sum(dim=-1)
        scores = scores + (asked @ self.out.bias)[:, None]
        return -(e_q[:, -1] + (values * scores).sum(dim=1))[:, None]


def _draw(W: Tensor, scale: float, generator: torch.Generator | None) -> Tensor:
    """Initial weights, in place: features before attention, so that the control gets the same."""
    std = math.sqrt(scale / W.shape[1]) / 0.87962566  # of the truncated normal
    return nn.init.trunc_normal_(W, std=std, a=-2 * std, b=2 * std, generator=generator)


class _HiddenProducts(torch.autograd.Function):
    r""":math:`h_i \cdot p` and :math:`h_i \cdot z` with :math:`h_i = \operatorname{gelu}(W t_i)`.

    One z for each task; both results (B, N).

    The gradients are written out, because what autograd does would pass over the hidden layers of
    all tokens (3.3 million numbers a batch) twice as often. There is none for the tokens.
    """

    @staticmethod
    def forward(ctx, tokens: Tensor, W: Tensor, p: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        N = tokens.shape[1]
        ctx.hidden, first, second = [], [], []
        for t, z_t in zip(tokens.split(CHUNK), z.split(CHUNK), strict=True):
            u = t.flatten(0, 1) @ W.mT
            h = gelu(u)
            ctx.hidden.append((u, h))
            first.append((h @ p).view(-1, N))
            second.append((h.view(-1, N, len(p)) * z_t[:, None]).sum(dim=-1))
        ctx.save_for_backward(tokens, W, p, z)
        return torch.cat(first), torch.cat(second)

    @staticmethod
    def backward(ctx, d_first: Tensor, d_second: Tensor) -> tuple:
        tokens, W, p, z = ctx.saved_tensors
        d_W, d_p, d_z = torch.zeros_like(W), torch.zeros_like(p), []
        pieces = (part.split(CHUNK) for part in (tokens, z, d_first, d_second[..., None]))
        for (u, h), t, z_t, f, s in zip(ctx.hidden, *pieces, strict=True):
            f = f.flatten()
            d_p += f @ h
            d_h = s * h.view(*t.shape[:2], -1)
            d_z.append(d_h.sum(dim=1))
            torch.mul(s, z_t[:, None], out=d_h)
            d_u = torch.ops.aten.gelu_backward(d_h.flatten(0, 1).addr_(f, p), u)
            d_W.addmm_(d_u.mT, t.flatten(0, 1))
        return None, d_W, d_p, torch.cat(d_z)


def on_grid(
    predict: Callable[[Tasks], Tensor], tasks: Tasks, x: Float[Tensor, "n"]
) -> Float[Tensor, "B n"]:
    """Predictions of each task at all points x, in place of the one query."""
    n = len(x)
    many = Tasks(
        tasks.X.repeat_interleave(n, dim=0),
        tasks.y.repeat_interleave(n, dim=0),
        x.repeat(len(tasks))[:, None],
        torch.zeros(len(tasks) * n, 1, dtype=x.dtype),
    )
    return predict(many).view(len(tasks), n)


def contributions(model: SineModel, tasks: Tasks) -> Float[Tensor, "B N"]:
    """What each context pair adds to the prediction; the sum is prediction minus `before`."""
    row, M = model.read_out()
    e, e_q = model.embedded(context_tokens(tasks)), model.embedded(query_token(tasks))
    return -(e @ row) * (e @ (e_q @ M.mT)[..., None])[..., 0]


def kernel(
    model: SineModel, x: Float[Tensor, "n"], x_q: Float[Tensor, "m"], height: float = 0.3
) -> Float[Tensor, "m n"]:
    """How a target at x moves the prediction at x_q, for each unit of the target.

    Half the difference of what the pairs (x, height) and (x, -height) add, over the height. The
    MLP sees the targets too, so that another height gives another kernel.
    """
    X, queries = x.expand(len(x_q), -1)[..., None], x_q[:, None]
    up, down = (
        contributions(model, Tasks(X, torch.full_like(X, y), queries, torch.zeros_like(queries)))
        for y in (height, -height)
    )
    return (up - down) / (2 * height)


def share_of_guess(model: SineModel, x: Float[Tensor, "n"]) -> tuple[float, float]:
    """How much of its own guess a model takes away from the targets of its examples.

    A step from zero learns nothing from a pair (x, 0). A step from a guess g learns that the wave
    runs below it: the pair adds ``-k(x, x_q) g(x)`` to the answer at x_q. So the share is the
    factor c for which ``-c k g`` fits best what such pairs add, over the grid of all x and x_q.
    It does not depend on where in the layer the targets enter.

    Returns
    -------
    share, fit : float
        The factor, and the part of the mean square that it explains.
    """
    X, queries = x.expand(len(x), -1)[..., None], x[:, None]
    silent = Tasks(X, torch.zeros_like(X), queries, torch.zeros_like(queries))
    added = contributions(model, silent)
    wanted = -kernel(model, x, x) * model.before(silent)[:, 0]
    share = (added * wanted).sum() / wanted.square().sum()
    unexplained = (added - share * wanted).square().sum() / added.square().sum()
    return float(share), 1 - float(unexplained)
