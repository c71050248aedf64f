"""Layer by layer, and searches for a learning rate, from made-up records."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from test_gpt_report import ORIGIN, record, store

from iclbook import records
from iclbook.gpt.report.layers import layers_of
from iclbook.gpt.report.recorded import recorded_blocks
from iclbook.gpt.report.searches import recorded_searches
from iclbook.gpt.study.rate import Rate


def with_layers(layers, **settings):
    """A cell with these layers of SimAM's difference version."""
    made = record(**settings)
    place = {"simam": {"difference": {"mean": 0.0, "layers": layers}}}
    made.results.deterministic["positions"]["value"] = {"label": place}
    return made


def block_of(folder, *cells):
    (block,) = recorded_blocks(store(folder, *cells))
    return block


def test_layers_are_means_over_sets_then_tasks(tmp_path):
    block = block_of(
        tmp_path,
        with_layers([None, 0.2, 0.0], task="sst2", seed=0),
        with_layers([None, 0.4, None], task="sst2", seed=1),
        with_layers([None, 0.9, 0.6], task="subj", seed=0),
    )
    found = layers_of(block, "label", "simam", "difference")
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([(0.3 + 0.9) / 2, (0.0 + 0.6) / 2])


def test_tasks_that_the_model_cannot_do_take_no_part(tmp_path):
    block = block_of(
        tmp_path,
        with_layers([0.2], task="sst2"),
        with_layers([0.8], task="subj", counts=False),
    )
    assert layers_of(block, "label", "simam", "difference") == pytest.approx([0.2])
    asked = layers_of(block, "label", "simam", "difference", tasks=["subj"])
    assert asked == pytest.approx([0.8])
    with pytest.raises(ValueError, match="has none of the tasks mr"):
        layers_of(block, "label", "simam", "difference", tasks=["mr"])
    nothing = block_of(tmp_path / "other", with_layers([0.8], counts=False))
    with pytest.raises(ValueError, match="does none of its tasks in context"):
        layers_of(nothing, "label", "simam", "difference")


def test_a_mistyped_entry_is_named(tmp_path):
    block = block_of(tmp_path, with_layers([0.2]))
    with pytest.raises(ValueError, match=r"'diference' is no entry .* one of difference"):
        layers_of(block, "label", "simam", "diference")


def search(best, created="2026-01-01", **settings):
    """A finished search."""
    config = json.loads(json.dumps(asdict(Rate(**(dict(model="tiny", task="sst2") | settings)))))
    results = records.Results({"best": {"value": best, "tolerance": 0.0}})
    digest = records.config_hash(config | {"best": best, "created": created})[:8]
    origin = ORIGIN | {"created": f"{created}T00:00:00+00:00"}
    return records.Record("gpt-rate", f"rate-{digest}", config, results, origin)


def test_searches_are_those_with_the_default_settings(tmp_path):
    store(
        tmp_path,
        search(0.1, seed=0),
        search(0.3, seed=0, created="2026-01-02"),
        search(1.0, seed=1),
        search(9.0, seed=2, k=16),
        search(9.0, seed=2, loss="label"),
        search(9.0, seed=2, model="other"),
        search(3.0, seed=0, preset="dai-code"),
    )
    found = recorded_searches("tiny", tmp_path)
    assert {key: r["best"] for key, r in found.items()} == {("sst2", 0): 0.3, ("sst2", 1): 1.0}
    evaluated = recorded_searches("tiny", tmp_path, preset="dai-code")
    assert {key: r["best"] for key, r in evaluated.items()} == {("sst2", 0): 3.0}
    assert recorded_searches("nobody", tmp_path) == {}
