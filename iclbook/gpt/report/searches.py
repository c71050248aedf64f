"""Recorded searches for a learning rate, with the default settings."""

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
        for record in records.all_records(store)
        if record.experiment == "gpt-rate"
        and record.config["model"] == model
        and all(
            record.config.get(name, getattr(usual, name)) == getattr(usual, name) for name in names
        )
    ]
    found.sort(key=lambda record: record.provenance["created"])
    return {(record.config["task"], record.config["seed"]): record for record in found}
