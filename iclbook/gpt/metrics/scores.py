"""What a similarity metric returns: one number an item and layer, beside what it is compared with.

Means are taken as in the papers: over items for each layer, then over layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from iclbook.gpt.metrics.intervals import bootstrap


@dataclass(frozen=True)
class Scores:
    """A score for each item and layer; NaN where it is not defined.

    Attributes
    ----------
    items : array, shape (n, L)
    references : dict of str to array, shape (n, L)
        What the score is to be read against: "chance" (pure noise of the same size), "uniform"
        (the authors' random baseline), "isotropic" (the proper one).
    heads : array, shape (L, H), optional
        Mean over items for each head.
    """

    items: Float[np.ndarray, "n L"]
    references: dict[str, Float[np.ndarray, "n L"]] = field(default_factory=dict)
    heads: Float[np.ndarray, "L H"] | None = None

    def layers(self, reference: str | None = None) -> Float[np.ndarray, "L"]:
        """Mean over items for each layer, of the score or of a reference."""
        return defined_mean(self._values(reference), axis=0)

    def mean(self, reference: str | None = None) -> float:
        """Mean over layers of the means over items, of the score or of a reference."""
        return float(defined_mean(self.layers(reference), axis=0))

    def summary(self, rng: np.random.Generator, random: Sequence[str] | None = None) -> dict:
        """Plain numbers for a record; None stands for a mean of nothing.

        Parameters
        ----------
        rng : numpy.random.Generator
            For the bootstrap over items, which holds for one demonstration set.
        random : sequence of str, optional
            The random baselines to keep among the references; all by default.
        """
        of_items = defined_mean(self.items, axis=1)
        of_items = of_items[np.isfinite(of_items)]
        interval = bootstrap(of_items, rng) if len(of_items) else (None, None)
        return {
            "mean": plain(self.mean()),
            "interval": [plain(bound) for bound in interval],
            "layers": [plain(value) for value in self.layers()],
            "undefined": int(np.isnan(self.items).sum()),
            "references": {
                name: {
                    "mean": plain(self.mean(name)),
                    "layers": [plain(value) for value in self.layers(name)],
                }
                for name in self.references
                if random is None or name == "chance" or name in random
            },
        }

    def _values(self, reference: str | None) -> np.ndarray:
        if reference is None:
            return self.items
        if reference not in self.references:
            raise ValueError(
                f"reference is {reference!r}; this score has {', '.join(self.references) or 'none'}"
                f". Random baselines need a generator: pass rng=np.random.default_rng(0)."
            )
        return self.references[reference]


def check_defined(items: np.ndarray, what: str) -> None:
    """Refuse similarities of observations that hold NaN or infinite numbers.

    Raises
    ------
    ValueError
        If an entry is not finite.
    """
    if not np.isfinite(items).all():
        item, layer = (int(i) for i in np.argwhere(~np.isfinite(items))[0])
        raise ValueError(
            f"{what} of item {item}, layer {layer} is {items[item, layer]}; expected finite "
            f"observations. After a finetuning that diverged there is nothing to compare."
        )


def plain(value) -> float | None:
    """A Python float, or None for NaN, which JSON does not have."""
    return None if value is None or np.isnan(value) else float(value)


def defined_mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean of the defined values; NaN where there are none."""
    defined = ~np.isnan(values)
    total, count = np.where(defined, values, 0.0).sum(axis), defined.sum(axis)
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)
