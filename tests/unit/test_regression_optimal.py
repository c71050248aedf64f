"""Closed forms and estimators of the follow-up papers, against simulation and their numbers."""

import numpy as np
import pytest
import torch

from iclbook import records
from iclbook.regression.descent import apply, descend
from iclbook.regression.experiments.garg import CausalTransformer, GargSmall
from iclbook.regression.optimal import (
    SkewedLaw,
    averaging_error,
    common_rate,
    functional_step_weights,
    gp_risk,
    least_squares_error,
    one_step,
    optimal_rates,
    ridge,
    ridge_risk,
    step_error,
)
from iclbook.regression.tasks import TaskLaw
from iclbook.regression.train import Diverged

SKEWED = (1.0, 1.0, 0.25, 0.0625, 1.0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def mse(predictions, tasks):
    return float((predictions - tasks.y_q).square().mean())


class TestSteps:
    def test_published_numbers(self):
        rates = optimal_rates(SKEWED, 20)
        assert rates == pytest.approx([0.8226, 0.8226, 2.3358, 4.3243, 0.8226], abs=5e-5)
        assert step_error(rates, SKEWED, 20) == pytest.approx(0.6818, abs=5e-5)
        assert common_rate(SKEWED, 20) == pytest.approx(0.8345, abs=5e-5)
        assert step_error(common_rate(SKEWED, 20), SKEWED, 20) == pytest.approx(0.7536, abs=5e-5)

    @pytest.mark.parametrize(("N", "d", "variance"), [(20, 10, 0.0), (20, 10, 0.5), (40, 5, 1.0)])
    def test_equal_directions_give_one_plain_step(self, N, d, variance):
        rates = optimal_rates([1.0] * d, N, variance**0.5)
        eta = 1 / (N + d + 1 + variance)
        assert rates / N == pytest.approx(np.full(d, eta))
        assert common_rate([1.0] * d, N, variance**0.5) == pytest.approx(N * eta)
        assert step_error(rates, [1.0] * d, N, variance**0.5) == pytest.approx(d * (1 - N * eta))

    @pytest.mark.parametrize("noise", [0.0, 0.8])
    def test_errors_against_simulation(self, noise):
        tasks = SkewedLaw(d=5, N=20, variances=SKEWED, noise=noise).sample(40_000, generator())
        for rates in (optimal_rates(SKEWED, 20, noise), common_rate(SKEWED, 20, noise), 0.3):
            expected = step_error(rates, SKEWED, 20, noise)
            assert mse(one_step(tasks, rates), tasks) == pytest.approx(expected, rel=0.04)

    def test_no_other_rates_are_better(self):
        rates, noise = optimal_rates(SKEWED, 7, 0.5), 0.5
        best = step_error(rates, SKEWED, 7, noise)
        for i in range(5):
            for factor in (0.95, 1.05):
                others = rates.copy()
                others[i] *= factor
                assert step_error(others, SKEWED, 7, noise) > best

    def test_a_long_context_makes_it_a_newton_step(self):
        assert optimal_rates(SKEWED, 10**6) * SKEWED == pytest.approx(np.ones(5), rel=1e-4)

    def test_one_step_is_gradient_descent(self):
        tasks = TaskLaw(d=3, N=6).sample(10, generator(), torch.float64)
        expected = apply(descend(tasks, 2.5), tasks.x_q)
        torch.testing.assert_close(one_step(tasks, 2.5), expected)


class TestEstimators:
    def test_curves_against_simulation(self):
        for k in (2, 5, 10):
            tasks = SkewedLaw(d=5, N=k).sample(20_000, generator(k), torch.float64)
            expected = least_squares_error(5, k)
            assert mse(ridge(tasks, 0.0), tasks) / 5 == pytest.approx(expected, abs=0.02)
            assert mse(one_step(tasks), tasks) / 5 == pytest.approx(averaging_error(5, k), rel=0.06)
            assert step_error(1.0, [1.0] * 5, k) / 5 == pytest.approx(averaging_error(5, k))

    def test_ridge_goes_to_least_squares(self):
        tasks = SkewedLaw(d=4, N=9).sample(20, generator(), torch.float64)
        torch.testing.assert_close(ridge(tasks, 1e-9), ridge(tasks, 0.0), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(ridge(tasks, 0.0), tasks.y_q)

    @pytest.mark.parametrize(("variance", "known"), [(1 / 16, 0.5193), (4 / 9, 0.5718)])
    def test_ridge_risk(self, variance, known):
        X = [torch.randn(3000, n, 8, generator=generator(n)).double() for n in range(1, 8)]
        risks = [
            float(np.mean([ridge_risk(x, m * variance, variance**0.5).mean() for x in X]))
            for m in (0.25, 0.5, 1, 2, 4)
        ]
        assert int(np.argmin(risks)) == 2
        assert risks[2] == pytest.approx(known, abs=0.006)

    def test_ridge_risk_against_simulation(self):
        tasks = SkewedLaw(d=4, N=3, noise=0.7).sample(30_000, generator(), torch.float64)
        measured = mse(ridge(tasks, 0.3), tasks) / 4
        assert measured == pytest.approx(float(ridge_risk(tasks.X, 0.3, 0.7).mean()), rel=0.04)


class TestFunctionalDescent:
    def kernels(self, B=1, N=8, seed=0):
        x = torch.randn(B, N + 1, 3, generator=generator(seed), dtype=torch.float64)
        K = ((x / x.norm(dim=-1, keepdim=True)) @ (x / x.norm(dim=-1, keepdim=True)).mT).exp()
        return K[:, :N, :N], K[:, :N, N], K[:, N, N]

    def test_against_the_steps_themselves(self):
        K, k_q, _ = self.kernels()
        y = torch.randn(8, generator=generator(3), dtype=torch.float64)
        on_context, at_query = torch.zeros(8, dtype=torch.float64), 0.0
        for _ in range(20):
            residual = y - on_context
            on_context = on_context + 0.1 * K[0] @ residual
            at_query = at_query + 0.1 * k_q[0] @ residual
        weights = functional_step_weights(K, k_q, 0.1, 20)
        torch.testing.assert_close(weights[0] @ y, at_query)

    def test_goes_to_interpolation(self):
        K, k_q, _ = self.kernels(N=4)
        rate = 1 / float(torch.linalg.eigvalsh(K).max())
        weights = functional_step_weights(K, k_q, rate, 20_000)
        exact = torch.linalg.solve(K, k_q[..., None])[..., 0]
        torch.testing.assert_close(weights, exact, rtol=1e-6, atol=1e-8)

    def test_risk_against_drawn_labels(self):
        K, k_q, k_qq = self.kernels(N=5)
        whole = torch.cat([torch.cat([K[0], k_q[0][:, None]], 1), torch.cat([k_q[0], k_qq])[None]])
        draws = torch.randn(100_000, 6, generator=generator(4), dtype=torch.float64)
        labels = draws @ torch.linalg.cholesky(whole).T
        weights = functional_step_weights(K, k_q, 0.2, 3)
        measured = (labels[:, :5] @ weights[0] - labels[:, 5]).square().mean()
        assert float(measured) == pytest.approx(float(gp_risk(weights, K, k_q, k_qq)), rel=0.03)


@pytest.mark.usefixtures("plain_python")
class TestBadInput:
    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: SkewedLaw(d=3, N=4, variances=(1.0, 2.0)), "2 entries; expected d = 3"),
            (lambda: SkewedLaw(d=2, N=4, variances=(1.0, 0.0)), "an entry of variances is 0"),
            (lambda: SkewedLaw(d=2, N=4, noise=-1.0), "noise is -1"),
            (lambda: optimal_rates([1.0, -1.0], 5), "above zero"),
            (lambda: optimal_rates([], 5), "empty"),
            (lambda: optimal_rates([1.0], 0), "N is 0"),
            (lambda: averaging_error(5, 0), "k is 0"),
            (lambda: GargSmall(N=0), "N is 0"),
            (lambda: GargSmall(lams=(-1.0,)), "lams"),
        ],
    )
    def test_message_names_the_value(self, call, message):
        with pytest.raises(ValueError, match=message):
            call()


class TestGargSmall:
    def test_predictions_do_not_see_their_own_target_or_later_ones(self):
        model = CausalTransformer(3, 5, layers=2, width=16, heads=2).eval()
        X = torch.randn(2, 5, 3, generator=generator())
        y = torch.randn(2, 5, generator=generator(1))
        before = model(X, y)
        changed = y.clone()
        changed[:, 2:] += 1.0
        torch.testing.assert_close(model(X, changed)[:, :3], before[:, :3])
        assert not torch.allclose(model(X, changed)[:, 3:], before[:, 3:])

    def test_a_tiny_run_is_complete_and_repeatable(self):
        tiny = GargSmall(d=2, N=4, layers=1, width=8, heads=1, steps=20, batch=8, tests=512)
        results = tiny.run()
        again = tiny.run()
        for name, entry in results.deterministic.items():
            assert entry["value"] == again.deterministic[name]["value"], name
        assert len(results.deterministic["transformer"]["value"]) == 4
        assert len(results.deterministic["averaging"]["value"]) == 3
        least_squares = results.deterministic["ridge"]["value"][0]
        assert least_squares[1:] == pytest.approx([0, 0], abs=1e-9)

    def test_a_few_steps_will_do(self):
        tiny = GargSmall(d=2, N=4, layers=1, width=8, heads=1, steps=3, batch=8, tests=64)
        assert len(tiny.run().deterministic["course"]["value"]) == 3

    def test_a_diverging_run_stops_with_the_step(self):
        wild = GargSmall(d=2, N=4, layers=1, width=8, heads=1, steps=50, batch=8, lr=1e30)
        with pytest.raises(Diverged, match=r"the loss is (nan|inf) at step \d+ of 50"):
            wild.run()

    def test_the_record_says_what_the_chapter_says(self):
        record = records.load("regression-garg", "small")
        d, trained = record.config["d"], np.array(record["transformer"][1:])
        curve = np.array([least_squares_error(d, k) for k in range(1, record.config["N"])])
        steps = np.array(
            [
                step_error(common_rate([1.0] * d, k), [1.0] * d, k) / d
                for k in range(1, record.config["N"])
            ]
        )
        assert np.abs(trained - curve).argmax() == d - 1
        assert np.abs(trained - curve).max() < 0.2
        assert (trained < steps - 0.05).all()

    def test_the_noisy_record_is_closest_to_the_best_ridge(self):
        record = records.load("regression-garg", "noisy")
        distances = np.mean(record["distance_to_ridge"], axis=1)
        closest = record.config["lams"][int(distances.argmin())]
        assert closest == record.config["noise"] ** 2
