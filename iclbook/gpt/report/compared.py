"""Models beside each other: which recorded cells stand for each, and what the paper claims of them.

A claim of Dai et al. (2023) says that one number is larger than another one. It is looked at in
each demonstration set, where both were measured on the same items: a claim about a task is one
about the mean difference over sets.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iclbook import published
from iclbook.columns import DASH
from iclbook.gpt.report.block import Block
from iclbook.gpt.report.recorded import most_items, recorded_blocks
from iclbook.gpt.report.render import Value
from iclbook.gpt.study.cell import Cell
from iclbook.gpt.study.presets import PRESETS
from iclbook.gpt.study.setup import FINETUNING

AS_IN_THE_PAPER = (*(name for name in FINETUNING if name != "ft_all_k"), "control")
"""Settings that have to be the defaults."""


def of_models(*stores: Path | str) -> list[Block]:
    """One block of each trained model and preset, the largest model first.

    It ran in context, and if it was finetuned, then as in the paper. If there are several, the one
    with the most settings counts, then the one with the most cells, then demonstrations. Of one
    task with several numbers of items, the most items count.

    Parameters
    ----------
    *stores : path
        Folders of records.

    Raises
    ------
    ValueError
        If there are no finished cells.
    """
    best: dict[tuple[str, str], Block] = {}
    for block in most_items(recorded_blocks(*stores)):
        key = block.first.config["model"], block.preset
        if _as_in_the_paper(block) and (key not in best or _size(block) > _size(best[key])):
            best[key] = block
    return sorted(best.values(), key=lambda b: (-b.origin.get("n_parameters", 0), b.label))


def _as_in_the_paper(block: Block) -> bool:
    config, usual = block.first.config, Cell()
    return (
        "icl" in block.settings_run
        and all(config.get(name, "") == getattr(usual, name) for name in AS_IN_THE_PAPER)
        and not block.origin.get("untrained")
        and not re.fullmatch(r"mini@\d+", config["model"])  # in the middle of its training
    )


def _size(block: Block) -> tuple[int, int, int]:
    return len(block.settings_run), sum(map(len, block.cells.values())), block.first["k"]


@dataclass(frozen=True)
class Claim:
    """One number is larger than another one.

    Attributes
    ----------
    text : str
        In words.
    larger, smaller : tuple of str
        Where the numbers are in a record; ``{random}`` is the preset's random baseline.
    or_smaller : tuple of str, optional
        Another smaller number: the one with the larger mean over sets counts. That choice sees the
        compared items, so it favours the smaller side slightly.
    placed : bool
        Whether they are read at a position.
    similarity : bool
        Whether it says nothing of a task that the model cannot do in context.
    published : int, optional
        The paper's table that has both.
    rows : tuple of (str, str, str)
        What tells the two rows apart there, and its value in each.
    """

    text: str
    larger: tuple[str, ...]
    smaller: tuple[str, ...]
    or_smaller: tuple[str, ...] = ()
    placed: bool = True
    similarity: bool = True
    published: int | None = None
    rows: tuple[str, str, str] = ("", "", "")


def _accuracy(text: str, larger: str, smaller: str) -> Claim:
    return Claim(
        text,
        ("accuracy", larger, "accuracy"),
        ("accuracy", smaller, "accuracy"),
        placed=False,
        similarity=False,
        published=1,
        rows=("setting", larger, smaller),
    )


def _calibrated(text: str, setting: str, *, better: bool = False) -> Claim:
    return Claim(
        text,
        ("calibrated", setting, "accuracy"),
        ("calibrated", "zsl", "accuracy"),
        or_smaller=("accuracy", "zsl", "accuracy") if better else (),
        placed=False,
        similarity=False,
    )


_RANDOM = ("references", "{random}", "mean")

CLAIMS = (
    _accuracy("accuracy: ICL above ZSL", "icl", "zsl"),
    _accuracy("accuracy: FT above ZSL", "ft", "zsl"),
    _accuracy("accuracy: ICL above FT", "icl", "ft"),
    _calibrated("calibrated: ICL above ZSL", "icl"),
    _calibrated("calibrated: ICL above better ZSL", "icl", better=True),
    _calibrated("calibrated: FT above better ZSL", "ft", better=True),
    Claim("Rec2FTP above chance", ("rec2ftp", "value"), ("rec2ftp", "chance"), placed=False),
    Claim(
        "SimAOU above chance",
        ("simaou", "normalised", "mean"),
        ("simaou", "normalised", "references", "chance", "mean"),
    ),
    Claim(
        "SimAM: after FT above before",
        ("simam", "after", "mean"),
        ("simam", "before", "mean"),
        published=4,
        rows=("map", "after", "before"),
    ),
    Claim("SimAM: after FT above random", ("simam", "after", "mean"), ("simam", "after", *_RANDOM)),
    Claim(
        "SimAM difference above random",
        ("simam", "difference", "mean"),
        ("simam", "difference", *_RANDOM),
    ),
    Claim(
        "Kendall's tau above random",
        ("kendall", "mean"),
        ("kendall", *_RANDOM),
        published=5,
        rows=("weights", "ft", "random"),
    ),
)
"""What the paper says, and what it would have to say where it has no chance level."""


def gains(block: Block, claim: Claim, position: str) -> dict[str, Value]:
    """By how much one number is larger, for each task of a block with sets that have both.

    Parameters
    ----------
    block : Block
    claim : Claim
    position : str
        ``"last"`` or ``"label"``: where similarities are read.

    Returns
    -------
    dict of str to Value
        By task: the mean difference, with its interval over demonstration sets.
    """
    home = ("positions", position) if claim.placed else ()
    larger, *smaller = (
        home + tuple(part.format(random=PRESETS[block.preset].random[0]) for part in path)
        for path in (claim.larger, claim.smaller, claim.or_smaller)
        if path
    )
    found = {}
    for task in block.cells:
        if claim.similarity and not block.can_do(task):
            continue
        leads = filter(None, (block.differences(task, larger, path) for path in smaller))
        if least := min(leads, key=np.mean, default=None):
            found[task] = Value.over_seeds(least)
    return found


def tally(found: Sequence[Block], position: str) -> list[list[str]]:
    """Of how many tasks each claim holds: a row a claim, with a column a model.

    The first two columns are the paper's models, of which there is no spread. In the others
    ``5/6 (4)`` says that on five tasks of six the mean difference is above zero, and on four so is
    the whole of its 95% interval over demonstration sets; with one set there is no interval.
    """
    return [
        [
            claim.text,
            *(_printed(claim, size) for size in ("1.3B", "2.7B")),
            *(_counted(gains(block, claim, position)) for block in found),
        ]
        for claim in CLAIMS
    ]


def _printed(claim: Claim, size: str) -> str:
    if claim.published is None:
        return DASH
    table = published.table(f"dai2023-{claim.published}")
    name, *which = claim.rows
    larger, smaller = (table.row(**{"model": size, name: value}) for value in which)
    tasks = [task for task in larger if task != "average"]
    return f"{sum(larger[task] > smaller[task] for task in tasks)}/{len(tasks)}"


def _counted(found: dict[str, Value]) -> str:
    if not found:
        return DASH
    above = sum(value.mean > 0 for value in found.values())
    clear = [v.mean > v.half for v in found.values() if v.half is not None]
    return f"{above}/{len(found)}" + (f" ({sum(clear)})" if clear else "")
