"""Recorded searches for a learning rate, found by model, and as curves; on made-up records."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from iclbook import records
from iclbook.gpt.report.rates import recorded_rates
from iclbook.gpt.report.searches import recorded_searches
from iclbook.gpt.study.rate import Rate
from iclbook.records.provenance import provenance
from iclbook.records.sources import hashes

MODULE = "iclbook.gpt.study.rate"
ORIGIN = provenance(MODULE, hashes(MODULE), 1.0)
GRID = (0.1, 0.3, 1.0)


def write(folder, accuracy, created="2026-01-01", rates=GRID, zero_shot=0.4, **settings):
    """A finished search; the settings as of `Rate`."""
    rate = Rate(**(dict(model="tiny", task="sst2", rates=rates) | settings))
    found = {"rates": rates, "accuracy": accuracy, "zero_shot": zero_shot, "items": 200}
    found["best"] = rates[int(np.argmax(accuracy))]
    config = json.loads(json.dumps(asdict(rate)))
    values = {
        name: {"value": json.loads(json.dumps(v)), "tolerance": 0.0} for name, v in found.items()
    }
    digest = records.config_hash(config | {"created": created})[:8]
    origin = ORIGIN | {"created": f"{created}T00:00:00+00:00"}
    record = records.Record("gpt-rate", f"rate-{digest}", config, records.Results(values), origin)
    records.write(record, folder)


@pytest.fixture
def both(tmp_path):
    """Two tasks and two draws, scored on training rows and on the evaluated items."""
    for task in ("subj", "sst2"):
        for seed in (0, 1):
            write(tmp_path, [0.5, 0.8, 0.8 + seed / 10], task=task, seed=seed)
            write(tmp_path, [0.6, 0.7, 0.65], task=task, seed=seed, preset="dai-code")
    return tmp_path


def test_curves_are_by_task_and_draw(both):
    rates = recorded_rates("tiny", both)
    assert list(rates.training) == list(rates.evaluated) == ["sst2", "subj"]  # as in the paper
    assert rates.seeds == {"sst2": [0, 1], "subj": [0, 1]}
    assert rates.rows == 200
    np.testing.assert_array_equal(rates.grid, GRID)
    np.testing.assert_allclose(rates.training["subj"], [[0.5, 0.8, 0.8], [0.5, 0.8, 0.9]])
    np.testing.assert_allclose(rates.evaluated["sst2"], [[0.6, 0.7, 0.65]] * 2)
    assert rates.zero_shot == {"sst2": 0.4, "subj": 0.4}


def test_a_search_on_training_rows_is_enough_and_draws_may_differ(tmp_path):
    for task, seed, before in (("mr", 0, 0.4), ("mr", 3, 0.5), ("cb", 1, 0.3)):
        write(tmp_path, [0.5, 0.8, 0.6], task=task, seed=seed, zero_shot=before)
    rates = recorded_rates("tiny", tmp_path)
    assert rates.seeds == {"mr": [0, 3], "cb": [1]}
    assert rates.evaluated == {}
    assert rates.training["cb"].shape == (1, 3)
    assert rates.zero_shot == {"mr": pytest.approx(0.45), "cb": 0.3}
    assert rates.honest("mr", 3) == 0.3


def test_of_equally_good_rates_the_smaller_is_taken(both):
    rates = recorded_rates("tiny", both)
    assert [rates.honest("subj", seed) for seed in (0, 1)] == [0.3, 1.0]


def test_half_of_the_searches_is_not_enough(both):
    write(both, [0.5, 0.6, 0.7], seed=2)
    with pytest.raises(ValueError, match="5 recorded searches of 'tiny' on training rows, 4 on"):
        recorded_rates("tiny", both)


def test_curves_of_different_rates_are_not_put_together(both):
    for preset in ("book", "dai-code"):
        write(both, [0.5, 0.6], seed=2, preset=preset, rates=(0.1, 0.2))
    with pytest.raises(ValueError, match="2 grids of rates"):
        recorded_rates("tiny", both)


def test_an_unknown_model_has_no_curves(both):
    with pytest.raises(ValueError, match="0 recorded searches of 'other'"):
        recorded_rates("other", both)


def test_only_searches_with_the_default_settings_are_found(both):
    write(both, [0.1, 0.2, 0.3], seed=7, k=8)
    write(both, [0.1, 0.2, 0.3], seed=8, parameters="all")
    assert {seed for _, seed in recorded_searches("tiny", both)} == {0, 1}
    code = recorded_searches("tiny", both, preset="dai-code")
    assert {r.config["preset"] for r in code.values()} == {"dai-code"}


def test_the_latest_search_counts(both):
    write(both, [0.9, 0.2, 0.3], created="2026-02-01", seed=0)
    assert recorded_searches("tiny", both)["sst2", 0]["best"] == 0.1
