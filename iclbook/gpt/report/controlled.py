"""The recorded cells of each model with the default settings, and the controls of them."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from iclbook.gpt.model.sources import EMBEDDINGS, NORMS, UNTRAINED, split_name
from iclbook.gpt.report.block import Block, entry
from iclbook.gpt.report.recorded import in_words, place, recorded_blocks
from iclbook.gpt.study.cell import NO_TASKS, NOISE, OTHER_DRAW, WRONG_LABELS
from iclbook.gpt.study.setup import Setup
from iclbook.records import Record
from iclbook.validate import check_choice

ANOTHER_TASK = "another-task"
"""The control that is finetuned on demonstrations of another task, whichever that is."""

CONTROLS = ("", WRONG_LABELS, ANOTHER_TASK, UNTRAINED)
"""What a comparison is held against; the first is the comparison itself."""

EVERY_CONTROL = (*CONTROLS[:2], OTHER_DRAW, ANOTHER_TASK, NOISE, UNTRAINED, EMBEDDINGS, NORMS)
"""These and those of the chapter "Would an untrained network score the same?"."""

_FREE = ("items", "control")  # settings that need not be the defaults


def controlled_blocks(
    *stores: Path | str, controls: Sequence[str] = CONTROLS
) -> dict[str, dict[str, Block]]:
    """The cells with the default settings, and their controls, by model and by control.

    The cells of one task have one number of items and one precision. Of several numbers that counts
    for which there are the most kinds of controls, then the largest, then the precision of the most
    cells. Tasks may differ in both; the settings name the precisions if there were several.

    Networks with several draws of weights (``NAME@untrained:1``) are one control: of each set of
    demonstrations it has the cell of the last draw. So where every set has weights of its own, an
    interval over the sets is one over the weights, too.

    Parameters
    ----------
    *stores : path
        Folders of records.
    controls : sequence of str
        `CONTROLS`, or some of `EVERY_CONTROL`.

    Returns
    -------
    dict of str to dict of str to Block
        By model as its cells name it, drawn weights or not; then by control, those there are.

    Raises
    ------
    ValueError
        As `recorded_blocks`.
    """
    alike = defaultdict(lambda: defaultdict(list))
    for block in recorded_blocks(*stores):
        config, words = block.first.config, in_words(block.first)
        usual = in_words(block.first, without=_FREE) == f"k = {Setup.k}"
        if not usual or block.settings not in (words, f"{words}, dtype {_precision(block.first)}"):
            continue  # other settings; one of several rates; rows or weights that changed
        (model, variant, _), control = split_name(config["model"]), config.get("control", "")
        if variant:
            control = f"{variant}{control}"
        elif control not in ("", *NO_TASKS):
            control = ANOTHER_TASK
        if control in controls:
            alike[model][control].append(block)
    together = {}
    for model, found in alike.items():
        kinds = _kinds(found)
        together[model] = {
            name: _together(name, found[name], kinds) for name in controls if name in found
        }
    return together


def _kinds(found: Mapping[str, Sequence[Block]]) -> Counter[tuple[str, int | float]]:
    """How many of a model's blocks and its controls have a task with so many items."""
    return Counter(
        pair
        for blocks in found.values()
        for pair in {
            (task, _items(cells)) for block in blocks for task, cells in block.cells.items()
        }
    )


def _items(cells: Sequence[Record]) -> int | float:
    return cells[0].config["items"] or math.inf


def _precision(record: Record) -> str:
    return entry(record, ("inputs", "dtype")) or "unknown"


def _together(
    control: str, blocks: Sequence[Block], kinds: Mapping[tuple[str, int | float], int]
) -> Block:
    """One block of several: of each task the cells that count."""
    blocks = sorted(blocks, key=lambda block: split_name(block.first.config["model"])[-1])
    found = defaultdict(list)
    for block in _of_all_weights(blocks):
        for task, cells in block.cells.items():
            found[task].append(cells)
    taken = {
        task: max(found[task], key=lambda own: (kinds[task, _items(own)], _items(own), len(own)))
        for task in sorted(found, key=place)
    }
    settings = in_words(blocks[0].first, without=_FREE) + f", control {control}" * bool(control)
    if len({_precision(block.first) for block in blocks}) > 1:
        dtypes = {_precision(first) for first, *_ in taken.values()}
        settings += f", dtype {' and '.join(sorted(dtypes))}"
    return replace(blocks[0], settings=settings, cells=taken)


def _of_all_weights(blocks: Sequence[Block]) -> list[Block]:
    """Blocks that differ in nothing but the draw of their weights, in its order, as one."""
    alike = defaultdict(list)
    for block in blocks:
        config = block.first.config
        key = (config.get("control", ""), config["items"], _precision(block.first))
        alike[key].append(block)
    return [replace(same[0], cells=_by_demonstrations(same)) for same in alike.values()]


def _by_demonstrations(blocks: Sequence[Block]) -> dict[str, list[Record]]:
    """Of each task one cell for a set of demonstrations: that of the last block."""
    found = defaultdict(dict)
    for block in blocks:
        for task, cells in block.cells.items():
            found[task] |= {
                (cell.config["seed"], entry(cell, ("inputs", "demonstrations")) or ""): cell
                for cell in cells
            }
    return {task: [cells[draw] for draw in sorted(cells)] for task, cells in found.items()}


def find_block(model: str, *stores: Path | str, control: str = "") -> Block:
    """The cells of one model with the default settings, or a control of them.

    They are those of `controlled_blocks`.

    Parameters
    ----------
    model : str
    *stores : path
        Folders of records.
    control : str
        One of `CONTROLS`.

    Raises
    ------
    ValueError
        If there are none, or no such control.
    """
    check_choice("control", control, CONTROLS)
    name, option = model, ""
    if control == UNTRAINED:
        name += UNTRAINED
    elif control:
        option = f" --control {WRONG_LABELS if control == WRONG_LABELS else 'TASK'}"
    drawn = UNTRAINED if name.endswith(UNTRAINED) else control
    found = controlled_blocks(*stores).get(name.removesuffix(UNTRAINED), {})
    if drawn in found:
        return found[drawn]
    raise ValueError(
        f"no finished cells of {name!r} with the default settings{option and f' and{option}'} in "
        f"{', '.join(map(str, stores))}; make some with: "
        f"python -m iclbook run --model {name}{option} --seeds 0 1 2 3 4 --out my-records"
    )
