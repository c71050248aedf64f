"""Ordinary tokens: inputs and targets at separate positions, so that a layer has to copy first.

The prompt is x_1, y_1, x_2, y_2, ..., x_N, y_N, x_q: 2N + 1 tokens of width d, where a target
stands in the last coordinate of an otherwise empty token. Sinusoidal position codes are appended
(von Oswald et al. 2023, section 4 and appendix A.5). No token holds a pair (x_i, y_i), which one
step of gradient descent needs. A first layer can copy y_i next to x_i; a second does the step.

The trap: the authors' measure of sensitivity to *other* tokens still contains the next one.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from iclbook.regression.attention import SelfAttention
from iclbook.regression.tasks import Tasks
from iclbook.validate import check_count, check_number

GAIN = math.sqrt(10)
"""Initial weights are larger than in the other models: variance scale 0.02, not 0.002."""


def ordinary_tokens(tasks: Tasks) -> Float[Tensor, "B T d"]:
    """The prompt x_1, y_1, ..., x_N, y_N, x_q as T = 2N + 1 tokens.

    Raises
    ------
    ValueError
        If a target has more than one entry.
    """
    B, N, d = tasks.X.shape
    if tasks.y.shape[-1] != 1:
        raise ValueError(f"targets have {tasks.y.shape[-1]} entries; ordinary tokens expect 1.")
    E = tasks.X.new_zeros(B, 2 * N + 1, d)
    E[:, 0:-1:2], E[:, 1::2, -1], E[:, -1] = tasks.X, tasks.y[..., 0], tasks.x_q
    return E


def position_codes(count: int, width: int) -> Float[Tensor, "T width"]:
    """Sinusoidal codes of positions 0, 1, ...: sines and cosines of falling frequency.

    Raises
    ------
    ValueError
        If the width is odd.
    """
    check_count("count", count)
    if check_count("width", width, low=2) % 2:
        raise ValueError(f"width is {width}; expected an even number, a sine and a cosine each.")
    rate = 10000.0 ** (-torch.arange(0, width, 2) / width)
    angle = torch.arange(count)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


class CopyingModel(nn.Module):
    """Two layers of self-attention over ordinary tokens: first softmax, then linear.

    Parameters
    ----------
    d, N : int
        Width of the inputs and number of context pairs.
    position_width : int
        Entries of a position code; the paper's code has 10.
    generator : torch.Generator, optional
        For the initial weights.

    Attributes
    ----------
    layers : SelfAttention
        Holds the weights: two layers, one head, tokens of width D = d + position_width.
    """

    def __init__(
        self,
        d: int,
        N: int,
        *,
        position_width: int = 10,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        check_count("d", d), check_count("N", N)
        codes = position_codes(2 * N + 1, position_width)
        self.register_buffer("codes", codes)
        self.layers = SelfAttention(d + position_width, layers=2, generator=generator)
        with torch.no_grad():
            for W in self.layers.parameters():
                W.mul_(GAIN)

    def forward(self, tasks: Tasks) -> Float[Tensor, "B 1"]:
        """Predict the query targets: minus the last entry of the last token, as in the paper.

        The second layer asks two things of its tokens, the inner products with two vectors. The
        transpose of the first layer carries both back to its own tokens.
        """
        E = self._with_positions(ordinary_tokens(tasks))
        weights, context = self._attend(E), E[:, :-1]
        A, M = (part[:, 0] for part in self.layers.products())
        e_q = E[:, -1] + (weights[:, -1:] @ context)[:, 0] @ A[0].mT
        asked = torch.stack([e_q @ M[1].mT, A[1, -1].expand_as(e_q)], dim=-1)  # (B, D, 2)
        scores = context @ asked + weights[:, :-1] @ (context @ (A[0].mT @ asked))
        return -(e_q[:, -1] + (scores[..., 0] * scores[..., 1]).sum(dim=1))[:, None]

    def first_layer(self, tokens: Float[Tensor, "B T d"]) -> Float[Tensor, "B T D"]:
        """All tokens, with their position codes, after the softmax layer."""
        E = self._with_positions(tokens)
        A = self.layers.products()[0][0, 0]
        return E + self._attend(E) @ E[:, :-1] @ A.mT

    def attention(self, tokens: Float[Tensor, "B T d"]) -> Float[Tensor, "B T n"]:
        """Attention weights of the first layer, from each token to the n = 2N context tokens."""
        return self._attend(self._with_positions(tokens))

    def _with_positions(self, tokens: Tensor) -> Tensor:
        if tokens.shape[1] != len(self.codes):
            raise ValueError(
                f"the prompt has {tokens.shape[1]} tokens; this model was made for "
                f"{len(self.codes)}, that is N = {len(self.codes) // 2} pairs and the query."
            )
        return torch.cat([tokens, self.codes.expand(len(tokens), -1, -1)], dim=-1)

    def _attend(self, E: Tensor) -> Tensor:
        M = self.layers.products()[1][0, 0] / math.sqrt(E.shape[-1])
        return (E @ M.mT @ E[:, :-1].mT).softmax(dim=-1)


@dataclass(frozen=True)
class Sensitivity:
    """To which tokens the first layer's output at token j reacts, averaged over j.

    Attributes
    ----------
    own, following : float
        To token j, and to token j + 1, which holds the target if token j is an input.
    others : float
        To one of the other context tokens, on average.
    others_published : float
        The same by the authors' code: its sum contains token j + 1.
    """

    own: float
    following: float
    others: float
    others_published: float


def copy_metric(model: CopyingModel, tasks: Tasks) -> Sensitivity:
    """Norms of the task-averaged Jacobian of the first layer's output (summed over entries)."""
    tokens = ordinary_tokens(tasks).requires_grad_()
    T = tokens.shape[1]
    output = model.first_layer(tokens).sum(dim=(0, 2)) / len(tokens)  # (T,)
    found = torch.zeros(4)
    for j in range(T - 2):
        slope = torch.autograd.grad(output[j], tokens, retain_graph=True)[0]
        norms = slope.sum(dim=0).norm(dim=-1)  # (T,)
        own, following = norms[j], norms[j + 1]
        rest = norms.sum() - own - following  # the query is no key: its share is zero
        found += torch.stack([own, following, rest / (T - 3), (rest + following) / (T - 2)])
    return Sensitivity(*(found / (T - 2)).tolist())


def copying_layer(count: int, scale: float | int) -> dict[str, Float[Tensor, "D D"]]:
    """The weights of Proposition 3: each token copies the content of the next one.

    Tokens are (content, position), both of width `count`: the content is padded with zeros, the
    position is one-hot. The copy takes the place of the position.

    Parameters
    ----------
    count : int
        Number of tokens.
    scale : float
        Factor on the logits, which softmax needs: see :func:`copied_share`.

    Returns
    -------
    dict
        ``W_K, W_Q, W_V, P``, each (2 count, 2 count), for attention without 1/sqrt(D).
    """
    check_count("count", count, low=2)
    check_number("scale", scale, low=0.0, open_low=True)
    eye, zero = torch.eye(count), torch.zeros(count, count)
    back = torch.diag(torch.ones(count - 1), 1)  # takes position j + 1 to position j

    def blocks(rows: list[list[Tensor]]) -> Tensor:
        return torch.cat([torch.cat(row, dim=1) for row in rows]).double()

    return {
        "W_K": blocks([[zero, zero], [zero, eye]]),
        "W_Q": blocks([[zero, zero], [zero, scale * back.mT]]),
        "W_V": blocks([[zero, zero], [eye, -back]]),
        "P": blocks([[eye, zero], [zero, eye]]),
    }


def copied_share(scale: float | int, keys: int) -> float:
    """The softmax weight of one key with logit `scale` among keys with logit 0.

    :math:`e^s / (e^s + n - 1)`: with s = 1 and n = 21 it is 0.12, far from a copy.
    """
    check_number("scale", scale, low=0.0)
    return 1 / (1 + (check_count("keys", keys) - 1) * math.exp(-scale))


def needed_scale(share: float, keys: int) -> float:
    """The logit that gives one of n keys this share of the attention."""
    check_number("share", share, low=0.0, high=1.0, open_low=True)
    return math.log(share * (check_count("keys", keys, low=2) - 1) / (1 - share))
