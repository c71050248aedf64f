"""Records: finished runs, with everything needed to judge them and to run them again.

A record is one JSON file, ``store/<experiment>/<name>.json``: the configuration, the results and
where they come from. A result is either *deterministic* (compared when the run is repeated, each
with its tolerance) or *measured* (time, memory: shown, never compared). Chapters read records, so
no number of a long run is typed by hand::

    from iclbook import records

    cost = records.load("dual-cost", "cpu")
    cost.config["lengths"], cost["reading_seconds_attention"]

The trap: a measured number belongs to the machine that the record names. Prose that quotes one
must quote the machine too.
"""

from iclbook.records.record import Record, RecordError, Results, config_hash
from iclbook.records.registry import EXPERIMENTS, experiment_class, target
from iclbook.records.rerun import Difference, compare, portable, run
from iclbook.records.signature import Field, fields
from iclbook.records.store import STORE, all_records, load, validate, write

__all__ = [
    "EXPERIMENTS",
    "STORE",
    "Difference",
    "Field",
    "Record",
    "RecordError",
    "Results",
    "all_records",
    "compare",
    "config_hash",
    "experiment_class",
    "fields",
    "load",
    "portable",
    "run",
    "target",
    "validate",
    "write",
]
