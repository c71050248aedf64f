"""Recorded cells, put together in blocks: one model with one set of settings, tasks and seeds."""

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import asdict, replace
from pathlib import Path

from iclbook import published, records
from iclbook.gpt.report.block import Block, entry
from iclbook.gpt.study.cell import Cell
from iclbook.gpt.study.names import short_names
from iclbook.gpt.study.presets import PRESETS
from iclbook.gpt.study.setup import PLACES
from iclbook.records import Record, RecordError

WITHIN = ("task", "seed", "lr", "threads", "device")
"""Settings in which the cells of one block may differ. A demonstration set counts once in a block:
of several of its cells, on other threads or another device, the latest does."""

INPUTS = {"model": "weights", "dtype": "dtype"}
"""Inputs of a cell that are those of its whole block, and what they are called."""


def recorded_blocks(
    *stores: Path | str,
    models: Collection[str] = (),
    tasks: Collection[str] = (),
    k: Collection[int] = (),
    broken: Callable[[RecordError], object] | None = None,
) -> list[Block]:
    """The cells in folders of records, in blocks; diverged ones are left out.

    If a demonstration set was run with several learning rates, each rate is a block of its own.

    Parameters
    ----------
    *stores : path
        Folders of records.
    models, tasks, k : collection, optional
        Only cells of these.
    broken : callable, optional
        Gets the error of each file that cannot be read, which is then left out.

    Raises
    ------
    ValueError
        If there are no finished cells; a `RecordError` if a file cannot be read and nobody is told.
    """
    found = defaultdict(list)
    every = [
        record
        for store in stores
        for record in records.all_records(store, broken, "gpt-cell")
        if not record["diverged"]
    ]
    short = short_names(record.config["model"] for record in every)
    usual = _usual()
    for record in every:
        model, task = record.config["model"], record.config["task"]
        asked = ((models, {model, short[model]}), (tasks, {task}), (k, {record["k"]}))
        if all(names & set(wanted) for wanted, names in asked if wanted):
            skipped = {*WITHIN, *PLACES}
            config = usual | record.config  # older records do not name every setting
            shared = {name: v for name, v in config.items() if name not in skipped}
            shared |= {"model": model, "k": record["k"]}
            shared |= {f"inputs {name}": entry(record, ("inputs", name)) for name in INPUTS}
            found[json.dumps(shared, sort_keys=True)].append(record)
    if not found:
        raise ValueError(
            f"no finished cells in {', '.join(map(str, stores))}"
            + (f" of those asked for; there are {_there(every, short)}" if every else "")
            + "; make some with: python -m iclbook run"
        )
    return _told_apart([block for cells in found.values() for block in _of_rates(cells, short)])


def most_items(blocks: Collection[Block]) -> list[Block]:
    """Blocks that differ in nothing but the number of items as one: of each task, those with most.

    Parameters
    ----------
    blocks : collection of Block
        See `recorded_blocks`.
    """
    alike = defaultdict(list)
    for block in blocks:
        settings = re.sub(r", items \d+", "", block.settings)
        alike[block.first.config["model"], block.preset, settings].append(block)
    return [_of_most_items(settings, same) for (_, _, settings), same in alike.items()]


def _of_most_items(settings: str, blocks: list[Block]) -> Block:
    cells: dict[str, list[Record]] = {}
    for block in sorted(blocks, key=lambda b: b.first.config["items"] or math.inf):
        cells |= block.cells
    return replace(
        blocks[-1], settings=settings, cells={t: cells[t] for t in sorted(cells, key=place)}
    )


def _there(every: list[Record], short: dict[str, str]) -> str:
    """Models, tasks and numbers of demonstrations of cells, in words."""
    models = sorted({short[record.config["model"]] for record in every})
    tasks = sorted({record.config["task"] for record in every}, key=place)
    counts = sorted({record["k"] for record in every})
    return f"models {', '.join(models)}, tasks {', '.join(tasks)}, k {', '.join(map(str, counts))}"


def _told_apart(blocks: list[Block]) -> list[Block]:
    """Blocks of one label get the inputs in their settings in which they differ."""
    told = []
    for block in blocks:
        same = [other for other in blocks if other.label == block.label]
        settings = block.settings
        for name, word in INPUTS.items():
            read = [entry(other.first, ("inputs", name)) or "unknown" for other in (block, *same)]
            if len(set(read)) > 1:
                settings += f", {word} {read[0][:8]}"
        told.append(replace(block, settings=settings))
    return told


def _of_rates(cells: list[Record], short: dict[str, str]) -> list[Block]:
    latest, newest = {}, {}
    for record in sorted(cells, key=lambda r: r.provenance["created"]):
        task, seed, lr = (record.config[key] for key in ("task", "seed", "lr"))
        *read, given = (
            entry(record, ("inputs", name)) or "" for name in ("task", "rows", "demonstrations")
        )
        latest[task, tuple(read), seed, given, lr] = record
        newest[task] = tuple(read)
    swept = len({key[:-1] for key in latest}) < len(latest)
    groups = defaultdict(lambda: defaultdict(list))
    for key, record in sorted(latest.items(), key=lambda item: (place(item[0][0]), item[0])):
        task, read, *_, lr = key
        label = f", rate {lr:g}" if swept else ""
        if read != newest[task]:
            label += f", before the task changed ({records.config_hash({'read': read})[:8]})"
        groups[label][task].append(record)
    config, settings = cells[0].config, in_words(cells[0])
    return [
        Block(short[config["model"]], settings + label, config["preset"], dict(group))
        for label, group in groups.items()
    ]


def place(task: str) -> tuple[int, str]:
    """A key that sorts tasks as the paper does, others by name behind them."""
    order, plain = published.table("dai2023-1").columns, task.removeprefix("mini-")
    return (order.index(plain) if plain in order else len(order), task)


def _usual() -> dict:
    """The default settings, as a record has them."""
    return json.loads(json.dumps(asdict(Cell())))


def in_words(record: Record, without: Collection[str] = ()) -> str:
    """k, and the settings of a cell that are not the defaults, but for some and those of places."""
    config, default = record.config, _usual()
    default["ft_all_k"] = PRESETS[config["preset"]].all_k
    words = f"k = {record['k']}"
    left_out = {*WITHIN, *PLACES, "k", *without}
    for name in default:
        if name not in left_out and config.get(name, default[name]) != default[name]:
            value = config[name]
            words += f", {name} {' '.join(value) if isinstance(value, list) else value}"
    return words
