"""The experiment on fixed sets of tasks."""

import pytest
import torch

from iclbook.regression.experiments.fixed import FixedLaw, FixedTasks
from iclbook.regression.tasks import Law, TaskLaw

SMALL = FixedTasks(counts=(2, 64), seeds=(0, 1), steps=4, look_every=2, tests=50)


@pytest.fixture(scope="module")
def found():
    return SMALL.run().deterministic


def test_a_fixed_law_is_a_law_that_never_changes():
    tasks = TaskLaw(d=2, N=3).sample(5, torch.Generator().manual_seed(0))
    law = FixedLaw(tasks)
    assert isinstance(law, Law)
    assert law.sample(100, torch.Generator()) is tasks


def test_tables_have_a_row_a_set_and_a_column_a_seed(found):
    assert found["step"]["value"] == [0, 2, 4]
    for name in ("known", "new", "cosine"):
        curves = found[f"{name}_curve"]["value"]
        assert [[len(curve) for curve in row] for row in curves] == [[3, 3], [3, 3]]
        assert found[name]["value"] == [[curve[-1] for curve in row] for row in curves]


def test_seeds_have_sets_and_first_weights_of_their_own(found):
    first = [[curve[0] for curve in row] for row in found["known_curve"]["value"]]
    assert len({*first[0], *first[1]}) == 4
    new = [[curve[0] for curve in row] for row in found["new_curve"]["value"]]
    assert new[0] == new[1]  # the same layer on the same new tasks, whatever the set


def test_few_tasks_are_learned_by_heart_and_many_are_not():
    few = FixedTasks(counts=(8, 1024), seeds=(0,), steps=400, look_every=400, tests=500).run()
    known, new = (few.deterministic[name]["value"] for name in ("known", "new"))
    assert known[0][0] < 0.02 < 0.1 < known[1][0]
    assert new[0][0] > 0.4 > new[1][0]


def test_bad_options_are_refused():
    with pytest.raises(ValueError, match="an entry of counts is 0"):
        FixedTasks(counts=(0,))
    with pytest.raises(ValueError, match="look_every is 0"):
        FixedTasks(look_every=0)
