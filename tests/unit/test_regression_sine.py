"""Sine tasks, the model on deep features, its control, and trainings that can be resumed."""

import dataclasses
import math

import pytest
import torch

from iclbook import records, states
from iclbook.records import experiment_class, run
from iclbook.regression.attention import context_tokens, query_token
from iclbook.regression.descent import apply, descend, half_mse
from iclbook.regression.resume import train_in_parts
from iclbook.regression.sine import (
    SineLaw,
    SineModel,
    contributions,
    kernel,
    on_grid,
    share_of_guess,
)
from iclbook.regression.tasks import TaskLaw, Tasks
from iclbook.regression.train import Diverged, Training


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def big_model(eta=None):
    """A model whose weights are so large that every part of it matters."""
    model = SineModel(eta, 10 if eta else None, generator=generator()).double()
    with torch.no_grad():
        for index, W in enumerate(model.parameters()):
            W.copy_(0.3 * torch.randn(W.shape, generator=generator(index)))
    return model


def draw(B=150):  # more than one chunk
    return SineLaw().sample(B, generator(9), torch.float64)


def plain(model, tasks):
    """The layer as its definition has it, token by token."""
    e, e_q = model.embedded(context_tokens(tasks)), model.embedded(query_token(tasks))
    K, V, q = e @ model.W_K.mT, e @ model.W_V.mT, e_q @ model.W_Q.mT
    updated = e_q + (V.mT @ (K @ q[..., None]))[..., 0] @ model.P.mT
    return -updated[:, -1:]


class TestLaw:
    @pytest.mark.parametrize("tied", [True, False])
    def test_tasks_are_sine_waves(self, tied):
        law = SineLaw(N=7, tied=tied)
        tasks = law.sample(50, generator(1), torch.float64)
        amplitude, phase = law.waves(50, generator(1), torch.float64)
        assert tasks.X.shape == tasks.y.shape == (50, 7, 1)
        assert tasks.x_q.shape == tasks.y_q.shape == (50, 1)
        wave = amplitude[:, None, None] * torch.sin(tasks.X + phase[:, None, None])
        torch.testing.assert_close(tasks.y, wave)
        torch.testing.assert_close(tasks.y_q[:, 0], amplitude * torch.sin(tasks.x_q[:, 0] + phase))

    def test_ranges(self):
        amplitude, phase = SineLaw().waves(20_000, generator())
        x = SineLaw().sample(2000, generator()).X
        assert 0.1 <= amplitude.min() < 0.11
        assert 0.49 < amplitude.max() <= 0.5
        assert 0 <= phase.min() < 0.01
        assert 3.13 < phase.max() <= math.pi
        assert -5 <= x.min() < -4.9
        assert 4.9 < x.max() <= 5

    def test_the_authors_law_has_one_unknown(self):
        amplitude, phase = SineLaw(tied=True).waves(1000, generator(), torch.float64)
        torch.testing.assert_close(amplitude, 0.1 + 0.4 * phase / math.pi)

    def test_the_law_as_meant_has_two(self):
        both = torch.stack(SineLaw().waves(20_000, generator()))
        assert abs(torch.corrcoef(both)[0, 1]) < 0.03

    @pytest.mark.parametrize("tied", [True, False])
    def test_mean_wave(self, tied):
        law = SineLaw(tied=tied)
        x = torch.linspace(-5, 5, 7).double()
        amplitude, phase = law.waves(200_000, generator(), torch.float64)
        mean = (amplitude * torch.sin(x[:, None] + phase)).mean(dim=1)
        torch.testing.assert_close(law.mean_wave(x), mean, rtol=0, atol=5 * 0.3 / 200_000**0.5)

    def test_no_context(self):
        with pytest.raises(ValueError, match="N is 0"):
            SineLaw(N=0)


class TestModel:
    @pytest.mark.parametrize("eta", [None, 0.1])
    def test_the_fast_form_is_the_plain_form(self, eta):
        model, tasks = big_model(eta), draw()
        x_q = tasks.x_q.requires_grad_()
        fast, slow = model(tasks), plain(model.double(), tasks)
        torch.testing.assert_close(fast, slow, rtol=1e-10, atol=1e-10)
        inputs = [*model.parameters(), x_q]
        gradients = [torch.autograd.grad(half_mse(out, tasks), inputs) for out in (fast, slow)]
        for ours, wanted in zip(*gradients, strict=True):
            torch.testing.assert_close(ours, wanted, rtol=1e-9, atol=1e-9)

    def test_the_control_descends_on_its_features(self):
        model, tasks = big_model(0.1), draw(20)
        e, e_q = model.embedded(context_tokens(tasks)), model.embedded(query_token(tasks))
        deep = Tasks(e[..., :-1], e[..., -1:], e_q[:, :-1], tasks.y_q)
        wanted = model.before(tasks) + apply(descend(deep, 0.1), deep.x_q)
        torch.testing.assert_close(model(tasks), wanted, rtol=1e-6, atol=1e-8)  # float32 eta / N

    def test_only_embedding_and_mlp_of_the_control_are_trained(self):
        assert {name.split(".")[0] for name, _ in big_model(0.1).named_parameters()} == {
            "embed",
            "hidden",
            "out",
        }

    def test_model_and_control_start_from_the_same_features(self):
        model, control = SineModel(generator=generator()), SineModel(0.1, 10, generator())
        for name in ("embed", "hidden", "out"):
            ours, theirs = getattr(model, name).weight, getattr(control, name).weight
            assert torch.equal(ours, theirs)

    @pytest.mark.parametrize(("eta", "N"), [(0.0, 10), (-1.0, 10), (0.1, 0)])
    def test_a_construction_that_is_none(self, eta, N):
        with pytest.raises(ValueError, match=r"eta|N is 0"):
            SineModel(eta, N)

    @pytest.mark.usefixtures("plain_python")
    def test_tasks_with_more_inputs(self):
        tasks = TaskLaw(d=3).sample(2, torch.Generator())
        with pytest.raises(ValueError, match=r"the tokens have width 4; .* of width 2"):
            SineModel()(tasks)


class TestKernelView:
    def test_contributions_add_up(self):
        model, tasks = big_model(), draw(20)
        total = contributions(model, tasks).sum(dim=1, keepdim=True)
        torch.testing.assert_close(total, model(tasks) - model.before(tasks))

    def linear_control(self):
        """Features that are proportional to x, and a last entry 2 y - x / 2: its guess is x / 2."""
        model = big_model(0.5)
        with torch.no_grad():
            for W in (model.out.weight, model.out.bias, model.embed.weight):
                W.zero_()
            model.embed.weight[:3, 0] = torch.tensor([1.0, 2.0, 2.0])
            model.embed.weight[-1] = torch.tensor([-0.5, 2.0])
        return model

    def test_kernel_of_linear_features(self):
        x, x_q = torch.tensor([1.0, -2.0]).double(), torch.tensor([0.5, 3.0, 0.0]).double()
        wanted = 2 * 0.05 * 9 * x_q[:, None] * x  # twice eta / N times the product of features
        with torch.no_grad():
            found = kernel(self.linear_control(), x, x_q)
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-8)

    def test_share_of_guess(self):
        with torch.no_grad():  # 2 y - x / 2 is twice the target without half of the guess
            share, fit = share_of_guess(self.linear_control(), torch.linspace(-5, 5, 6).double())
        assert share == pytest.approx(0.5)
        assert fit == pytest.approx(1)

    def test_grid(self):
        model, tasks = big_model(), draw(3)
        on = on_grid(model, tasks, torch.tensor([0.3, 1.5]).double())
        moved = dataclasses.replace(tasks, x_q=torch.full((3, 1), 1.5, dtype=torch.float64))
        torch.testing.assert_close(on[:, 1:], model(moved))


class TestResume:
    how = Training(SineLaw(), steps=6, batch=8, clip=100.0)

    def train(self, path=None, how=how):
        weights, tasks = how.generators()
        model = SineModel(generator=weights)
        seen = train_in_parts(
            model,
            how,
            tasks,
            every=2,
            path=path,
            look=lambda step, m: [step, float(m.P.detach().sum())],
        )
        return model, seen

    def test_a_stopped_training_goes_on(self, tmp_path, monkeypatch):
        path = tmp_path / "sub" / "run.pt"
        wanted, looks = self.train()
        calls = []

        def stop_later(*arguments, **named):
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return original(*arguments, **named)

        import iclbook.regression.resume as resume

        original = resume.train
        with monkeypatch.context() as patch:
            patch.setattr(resume, "train", stop_later)
            with pytest.raises(KeyboardInterrupt):
                self.train(path)
        model, seen = self.train(path)
        assert seen == looks
        assert [step for step, _ in seen] == [0, 2, 4, 6]
        for ours, theirs in zip(model.parameters(), wanted.parameters(), strict=True):
            assert torch.equal(ours, theirs)
        assert [file.name for file in path.parent.iterdir()] == ["run.pt"]

    def test_a_checkpoint_of_another_training(self, tmp_path):
        path = tmp_path / "run.pt"
        self.train(path)
        with pytest.raises(ValueError, match=r"lr was 0\.001 and is 0\.1\. Remove the file"):
            self.train(path, dataclasses.replace(self.how, lr=0.1))

    def test_a_training_that_diverges_names_its_part(self):
        how = Training(SineLaw(), steps=6, batch=8, clip=100.0, lr=1e30)
        with pytest.raises(Diverged, match=r"part that began at step \d: .* the loss is .* step 1"):
            self.train(how=how)

    def test_parts_that_do_not_divide(self):
        with pytest.raises(ValueError, match="divisor"):
            train_in_parts(
                torch.nn.Linear(1, 1), self.how, generator(), every=4, look=lambda *_: None
            )


def test_the_experiment_runs_and_resumes(tmp_path, monkeypatch):
    monkeypatch.setenv(states.CHECKPOINTS, str(tmp_path))
    small = {"steps": 4, "every": 2, "batch": 8, "tasks": 16}
    first = run("regression-sine", small, name="test")
    assert len(list(tmp_path.glob("*.pt"))) == 2
    assert first["step"] == [0, 2, 4]
    assert len(first["control_loss"]) == len(first["model_cosine"]) == 3
    again = run("regression-sine", small, name="test")
    assert again.results == first.results
    stored = records.load("regression-sine", "tied").results  # a rerun can be compared with it
    assert again.results.deterministic.keys() == stored.deterministic.keys()
    assert again.results.measured.keys() == stored.measured.keys()
    with pytest.raises(ValueError, match="every"):
        experiment_class("regression-sine")(every=0)
