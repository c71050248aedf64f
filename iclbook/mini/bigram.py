"""A bigram model: what a language model must beat to have learned more than pairs of tokens.

Interpolated Kneser-Ney smoothing (Kneser and Ney 1995, in the form of Chen and Goodman 1999): a
pair's count is discounted, and what this frees goes to tokens by how many different tokens they
were seen to follow.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer


@dataclass(frozen=True)
class Bigram:
    """Counts of pairs, made by :func:`fit`.

    Attributes
    ----------
    pairs, counts : arrays
        Sorted codes ``first * size + second``, and how often each occurs.
    totals, kinds : arrays (size,)
        How often a token is first of a pair, and of how many different pairs.
    base : array (size,)
        Share of the different pairs that a token ends; never 0.
    discount : float
        Taken from every count.
    """

    pairs: Integer[np.ndarray, "P"]
    counts: Integer[np.ndarray, "P"]
    totals: Integer[np.ndarray, "V"]
    kinds: Integer[np.ndarray, "V"]
    base: Float[np.ndarray, "V"]
    discount: float

    def log_probs(
        self, first: Integer[np.ndarray, "n"], second: Integer[np.ndarray, "n"]
    ) -> Float[np.ndarray, "n"]:
        """Natural logarithms of the probability of each second token behind its first one."""
        code = first.astype(np.int64) * len(self.base) + second
        place = np.minimum(np.searchsorted(self.pairs, code), len(self.pairs) - 1)
        count = np.where(self.pairs[place] == code, self.counts[place], 0)
        total = self.totals[first]
        kept = np.maximum(count - self.discount, 0) / np.maximum(total, 1)
        free = np.where(total > 0, self.discount * self.kinds[first] / np.maximum(total, 1), 1.0)
        return np.log(kept + free * self.base[second])


def fit(tokens: Integer[np.ndarray, "n"], size: int) -> Bigram:
    """Count the pairs of neighbours in a row of tokens.

    Parameters
    ----------
    tokens : array (n,)
        Token ids, smaller than `size`.
    size : int
        Tokens of the vocabulary.

    Raises
    ------
    ValueError
        If there are fewer than two tokens.
    """
    if len(tokens) < 2:
        raise ValueError(f"tokens has {len(tokens)} entries; expected two or more.")
    codes = tokens[:-1].astype(np.int64) * size + tokens[1:]
    pairs, counts = np.unique(codes, return_counts=True)
    first, second = np.divmod(pairs, size)
    once, twice = (counts == 1).sum(), (counts == 2).sum()
    # One pair more for every token: none is impossible.
    base = (np.bincount(second, minlength=size) + 1) / (len(pairs) + size)
    return Bigram(
        pairs,
        counts,
        np.bincount(first, weights=counts, minlength=size).astype(np.int64),
        np.bincount(first, minlength=size),
        base,
        float(once / (once + 2 * twice)) if twice else 0.5,
    )
