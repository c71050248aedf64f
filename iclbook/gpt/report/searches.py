"""Recorded searches for a learning rate, with the default settings."""

from collections.abc import Sequence
from pathlib import Path

from iclbook import records
from iclbook.gpt.study.presets import PRESETS
from iclbook.gpt.study.setup import FINETUNING, Setup
from iclbook.records import Record

DECISIVE = ("k", "preset", "wording", "scheme", "long_labels", "demonstrations", *FINETUNING)
"""Settings that a search has in common with a cell of the same demonstrations."""


def recorded_searches(
    model: str, *stores: Path | str, preset: str = "book"
) -> dict[tuple[str, int], Record]:
    """The searches of one model with the default settings.

    Parameters
    ----------
    model : str
        As in the records' settings.
    *stores : path
        Folders of records; by default those of the package.
    preset : str
        Where they decide: book on training rows, dai-code on the evaluated items.

    Returns
    -------
    dict of (task, seed) to Record
        Its results say the accuracy at each of the ``rates``, and the ``best`` of them. Of several
        searches on the same demonstrations the latest counts. Empty if there are none.
    """
    usual = Setup(preset=preset)
    names = set(DECISIVE)
    if PRESETS[preset].all_k:
        names.remove("ft_all_k")  # the preset says it
    found = [
        record
        for store in stores or (records.STORE,)
        for record in records.all_records(store, experiment="gpt-rate")
        if record.config["model"] == model
        and all(
            record.config.get(name, getattr(usual, name)) == getattr(usual, name) for name in names
        )
    ]
    found.sort(key=lambda record: record.provenance["created"])
    return {(record.config["task"], record.config["seed"]): record for record in found}


def chosen_rates(
    model: str, tasks: Sequence[str], seeds: Sequence[int], lr: float
) -> dict[tuple[str, int], float]:
    """The learning rate of each task and draw: the given one, or what its search has found.

    Parameters
    ----------
    model : str
    tasks : sequence of str
    seeds : sequence of int
    lr : float
        0 for the recorded choices.

    Raises
    ------
    ValueError
        If a recorded choice is wanted and there is none.
    """
    places = [(task, seed) for task in tasks for seed in seeds]
    if lr:
        return dict.fromkeys(places, lr)
    searches = recorded_searches(model)
    for task, seed in places:
        if (task, seed) not in searches:
            raise ValueError(
                f"lr is 0, but no search is recorded for {model}, {task}, seed {seed}; give a "
                "learning rate."
            )
    return {place: searches[place]["best"] for place in places}
