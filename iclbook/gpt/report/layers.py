"""Recorded similarities layer by layer."""

from collections.abc import Collection

import numpy as np
from jaxtyping import Float64

from iclbook.gpt.metrics.scores import defined_mean
from iclbook.gpt.report.block import Block


def layers_of(
    block: Block, position: str, *path: str, tasks: Collection[str] | None = None
) -> Float64[np.ndarray, " L"]:
    """A similarity in each layer: mean over demonstration sets, then over tasks.

    Parameters
    ----------
    block : Block
    position : str
        ``"last"`` or ``"label"``.
    *path : str
        From the metric to the entry that has ``layers``: ``("simam", "difference")``.
    tasks : collection of str, optional
        Which of its tasks. By default those that its model can do: how alike two ways of failing
        are says nothing.

    Returns
    -------
    (L,) array
        NaN where a layer has no value in any record, as a change that is only rounding.

    Raises
    ------
    ValueError
        If the model does none of its tasks, there are none of those asked for, or a record has no
        such entry.
    """
    asked = [task for task in block.cells if tasks is None or task in tasks]
    if tasks is None:
        asked = [task for task in asked if block.can_do(task)]
    if not asked:
        what = "does none of its tasks in context"
        if tasks is not None:
            what = f"has none of the tasks {', '.join(tasks)}"
        raise ValueError(f"{block.label} {what}; nothing to average.")
    found = []
    for task in asked:
        layers = []
        for record in block.cells[task]:
            entry = record["positions"]
            for key in (position, *path):
                if key not in entry:
                    raise ValueError(
                        f"{position}.{'.'.join(path)}: {key!r} is no entry of a record of "
                        f"{block.label}; expected one of {', '.join(entry)}."
                    )
                entry = entry[key]
            layers.append(entry["layers"])
        found.append(defined_mean(np.array(layers, dtype=float), axis=0))
    return defined_mean(np.array(found), axis=0)
