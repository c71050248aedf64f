"""What tokens write into the heads, as one matrix a head, read in one frame.

The tokens of a text write the sum of their values' and keys' outer products. Demonstrations write
an update in context; training changes what a question writes. The chapter "Meta-gradients in a real
head" derives both, the recorded experiment ``gpt-updates`` compares many of them.

The trap: with rotary positions such a matrix stands in the frame of its tokens' positions. So
every context is read so that it ends where the questions begin. And heads that share keys and
values have one matrix: it is kept once a group (G).
"""

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.heads import Heads, read_heads
from iclbook.gpt.text.prompts import Ids, Prompts


class Frame:
    """Contexts that end, and questions that begin, at one position.

    Parameters
    ----------
    model : LanguageModel
    prompts : iterable of Prompts
        All whose matrices are to be compared; the longest context decides on the position.

    Attributes
    ----------
    bos : tuple of int
        What every text begins with; it counts to neither side.
    end : int
        The position; without rotation texts begin at 0, and nothing depends on it.
    """

    def __init__(self, model: LanguageModel, prompts: Iterable[Prompts]):
        every = list(prompts)
        self.model, self.bos = model, every[0].bos
        self.end = max(len(p.context) for p in every) if model.family.rotary else 0
        config = model.net.config
        heads = config.num_attention_heads
        self._apart = heads // (getattr(config, "num_key_value_heads", None) or heads)

    def context(self, prompts: Prompts) -> Heads:
        """Read the demonstrations."""
        return self._read(prompts.context, len(prompts.context))

    def question(self, query: Ids, inputs: Float[np.ndarray, "L T D"] | None = None) -> Heads:
        """Read a zero-shot question, perhaps with `inputs` held fixed (see `read_heads`)."""
        return self._read(self.bos + query, len(self.bos), inputs)

    def _read(self, ids: Ids, before: int, inputs=None) -> Heads:
        start = self.end - before if self.model.family.rotary else 0
        return read_heads(self.model, ids, start=start, inputs=inputs)

    def written(self, heads: Heads) -> Float[np.ndarray, "L G d d"]:
        r"""The sum of outer products :math:`v k^\top` over all tokens behind BOS."""
        return heads.update(range(len(self.bos), heads.q.shape[2]))[:, :: self._apart]

    def means(self, heads: Heads) -> Float[np.ndarray, "L G d d"]:
        """The part of it that is number of tokens, times mean value, times mean key."""
        k, v = (x[:, :: self._apart, len(self.bos) :].astype(float) for x in (heads.k, heads.v))
        return k.shape[2] * v.mean(2)[..., :, None] * k.mean(2)[..., None, :]

    def changes(
        self, queries: Sequence[Ids], before: Sequence[Heads]
    ) -> Float[np.ndarray, "n L G d d"]:
        """What the model's present weights change in what each question writes.

        Parameters
        ----------
        queries : sequence of n questions
        before : sequence of Heads
            The same questions, read with the weights before; every layer gets these inputs again.
        """
        return np.array(
            [
                self.written(self.question(query, base.inputs)) - self.written(base)
                for query, base in zip(queries, before, strict=True)
            ]
        )


def size(W: Float[np.ndarray, "*heads d_v d_k"]) -> Float[np.ndarray, "*heads"]:
    """Frobenius norms of matrices."""
    return np.linalg.norm(W, axis=(-2, -1))


def cosine(A: Float[np.ndarray, "... d_v d_k"], B: Float[np.ndarray, "... d_v d_k"]) -> np.ndarray:
    """Cosines of matrices as long vectors of entries; leading axes are broadcast."""
    return (A * B).sum((-2, -1)) / (size(A) * size(B))
