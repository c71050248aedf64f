"""Training: it gets there, it can be repeated, and it stops when it diverges."""

from dataclasses import dataclass

import pytest
import torch

from iclbook import records
from iclbook.records import RecordError, Results
from iclbook.regression.attention import SelfAttention
from iclbook.regression.compare import align
from iclbook.regression.descent import best_rate, descend, expected_loss
from iclbook.regression.tasks import TaskLaw
from iclbook.regression.train import Diverged, Training, train

SMALL = Training(law=TaskLaw(d=1, N=4), steps=400, batch=256, lr=5e-3)


@dataclass(frozen=True)
class Broken:
    """An experiment whose training went wrong unnoticed."""

    threads: int = 1

    def run(self):
        return Results({"loss": {"value": float("nan"), "tolerance": 0.01}}, {})


def run(how, **options):
    weights, tasks = how.generators()
    return train(SelfAttention(how.law.d + 1, generator=weights), how, tasks, **options)


def test_one_layer_learns_one_step_of_gradient_descent():
    law = SMALL.law
    tests = law.sample(4000, torch.Generator().manual_seed(9))
    found = align(run(SMALL), descend(tests, best_rate(law)), tests)
    assert found.loss == pytest.approx(found.reference_loss, rel=0.02)
    assert found.loss < 0.5 * expected_loss(law, 0.0)
    assert found.cosine > 0.97  # of single numbers, so this counts signs


def test_a_seed_gives_the_same_model_again():
    how = Training(law=TaskLaw(d=2, N=3), steps=5, batch=8, seed=3)
    first, again = run(how), run(how)
    other = run(Training(law=TaskLaw(d=2, N=3), steps=5, batch=8, seed=4))
    for W, same, different in zip(first.parameters(), again.parameters(), other.parameters()):
        assert torch.equal(W, same)
        assert not torch.equal(W, different)


def test_looking_happens_before_the_asked_steps_and_after_the_last():
    how = Training(law=TaskLaw(d=2, N=3), steps=6, batch=8, lr=1e-2)
    seen = {}
    model = run(how, at=(0, 4, 6), look=lambda step, model: seen.update({step: model.P.clone()}))
    assert list(seen) == [0, 4, 6]
    weights, _ = how.generators()
    assert torch.equal(seen[0], SelfAttention(3, generator=weights).P)
    assert torch.equal(seen[6], model.P)
    assert not torch.equal(seen[4], seen[6])


def test_the_gradient_is_clipped_before_adam_sees_it():
    steps = []

    class Watch(torch.optim.SGD):
        def step(self):
            gradients = [W.grad.flatten() for group in self.param_groups for W in group["params"]]
            steps.append(float(torch.cat(gradients).norm()))
            super().step()

    how = Training(law=TaskLaw(scale=20.0), steps=3, batch=16, clip=0.01)
    weights, tasks = how.generators()
    model = SelfAttention(11, generator=weights)
    train(model, how, tasks, optimiser=Watch(model.parameters(), lr=0.1))
    assert len(steps) == 3
    assert max(steps) == pytest.approx(0.01, rel=1e-3)


class TestDivergence:
    def test_training_stops_with_the_step_and_the_loss(self):
        how = Training(law=TaskLaw(d=2, N=3), steps=500, batch=8, lr=1e12)
        message = r"the loss is (nan|inf) at step \d+ of 500 \(lr = 1e\+12\)"
        with pytest.raises(Diverged, match=message) as caught:
            run(how)
        assert isinstance(caught.value, FloatingPointError)

    def test_a_training_that_diverges_at_the_very_end_is_not_returned(self):
        how = Training(law=TaskLaw(d=2, N=3), steps=20, batch=8, lr=1e12)
        with pytest.raises(Diverged, match="at step"):
            run(how)

    def test_a_record_of_it_is_refused(self, monkeypatch):
        monkeypatch.setitem(records.EXPERIMENTS, "broken", f"{__name__}:Broken")
        with pytest.raises(RecordError, match=r"loss.* is nan; .* mend the run"):
            records.run("broken", name="cpu")


@pytest.mark.usefixtures("plain_python")
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"batch": 0}, "batch is 0"),
        ({"lr": -1e-3}, r"lr \(learning rate\) is -0.001"),
        ({"clip": 0.0}, "clip is 0.0"),
    ],
)
def test_settings_that_cannot_be(bad, message):
    with pytest.raises(ValueError, match=message):
        Training(**bad)
