"""Recorded trainings compared in pairs: a variant and attention alone, seed by seed."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from iclbook.gpt.metrics.intervals import seed_interval
from iclbook.records import Record
from iclbook.records.store import STORE, paths, read

EXPERIMENT = "momentum"
APART = ("variant", "eta", "seed", "threads", "every", "device")
"""Settings in which compared trainings may differ."""

Runs = dict[tuple[str, float], dict[int, Record]]
"""Variant and eta to seed to record; attention alone has eta 0."""


def recorded(text: str = "mini", start: str = "drawn", store: Path | str = STORE) -> Runs:
    """All recorded trainings on a text.

    Parameters
    ----------
    text, start : str
        As `iclbook.momentum.training.Training` takes them.
    store : Path or str
        Folder of the records.

    Raises
    ------
    ValueError
        If there are none, or two of them differ in more than variant, eta and seed.
    """
    found: Runs = {}
    same = None
    for path in paths(store, EXPERIMENT):
        record = read(path)
        config = record.config
        if any(Path(config[n]).name != Path(x).name for n, x in (("text", text), ("start", start))):
            continue
        settings = {name: value for name, value in config.items() if name not in APART}
        same = same or settings
        if settings != same:
            differ = ", ".join(name for name in same if same[name] != settings[name])
            raise ValueError(
                f"{path} differs from other trainings in {differ}; expected one kind of training "
                "in a store. Name another --store for each."
            )
        eta = 0.0 if config["variant"] == "plain" else config["eta"]
        found.setdefault((config["variant"], eta), {})[config["seed"]] = record
    if not found:
        raise ValueError(
            f"{store} holds no training on {text!r} from {start} weights; make one with: "
            "python -m iclbook momentum"
        )
    return found


def scores(record: Record) -> dict[str, float]:
    """What a training is judged by: logarithms of perplexities, and accuracies."""
    found = {"training": np.log(record["training_perplexity"])}
    for length, value in zip(record["lengths"], record["held_out_perplexity"], strict=True):
        found[f"held out, {length}"] = np.log(value)
    for name in ("usual", "arbitrary", "known", "fresh", "packaged"):
        if name in record.results.deterministic:
            found[f"in context, {name}"] = np.mean(record[name])
    return found


def differences(
    runs: Runs, of: tuple[str, float], to: tuple[str, float] = ("plain", 0.0)
) -> dict[str, tuple[float, float | None, float | None]]:
    """What a variant gains or loses, mean over seeds with a 95% interval of the pairs.

    Returns
    -------
    dict
        Each of `scores` to mean, low and high; the bounds are None for a single seed. A difference
        of -0.01 in the logarithm of a perplexity is one percent less perplexity.

    Raises
    ------
    ValueError
        If the two have no seed in common.
    """
    seeds = sorted(runs.get(of, {}).keys() & runs.get(to, {}).keys())
    if not seeds:
        raise ValueError(f"{of} and {to} have no recorded seed in common.")
    pairs = [(scores(runs[of][seed]), scores(runs[to][seed])) for seed in seeds]
    return {
        name: seed_interval(np.array([mine[name] - other[name] for mine, other in pairs]))
        for name in pairs[0][0]
    }


def lines(runs: Runs) -> Iterable[str]:
    """A table as text: variants below each other, differences from attention alone."""
    plain = [scores(record) for record in runs.get(("plain", 0.0), {}).values()]
    if not plain:
        return
    for name in plain[0]:
        middle = np.mean([one[name] for one in plain])
        shown = middle if name.startswith("in context") else np.exp(middle)
        yield f"{name}: attention alone {shown:.3f}"
        for of in sorted(runs):
            seeds = runs[of].keys() & runs["plain", 0.0].keys()
            if of[0] == "plain" or not seeds:
                continue
            mean, low, high = differences(runs, of)[name]
            spread = "one seed" if low is None else f"{low:+.4f} to {high:+.4f}"
            yield f"  {of[0]:12} eta {of[1]:<5g} {mean:+.4f} ({spread}), {len(seeds)} seeds"
