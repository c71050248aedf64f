"""GD++ through eigenvalues, iterated layers, and the experiments with several layers."""

import warnings

import pytest
import torch

from iclbook.regression.attention import predict
from iclbook.regression.descent import (
    apply,
    best_rate,
    descend,
    expected_loss,
    gdpp_products,
    half_mse,
)
from iclbook.regression.experiments.layers import FiveLayers, FiveOwnLayers, TwoLayers
from iclbook.regression.iterate import UnstableWarning, iterate
from iclbook.regression.spectrum import (
    change_eigenvalue,
    largest_damping,
    residual,
    spectral_loss,
    spectrum,
    tune_on_spectrum,
)
from iclbook.regression.tasks import TaskLaw, Tasks

LAW = TaskLaw()
PAPER = {10: 0.179, 25: 0.099, 50: 0.056, 100: 0.029}


def draw(B, seed=0, law=LAW):
    return law.sample(B, torch.Generator().manual_seed(seed), torch.float64)


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_a_layer_changes_the_spectrum_as_the_formula_says():
    X, gamma = draw(5).X, 0.2
    S = X.mT @ X
    changed = X @ (torch.eye(LAW.d) - gamma * S)
    expected = torch.linalg.eigvalsh(changed.mT @ changed)
    found = change_eigenvalue(torch.linalg.eigvalsh(S), gamma).sort().values
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)


def test_the_curve_has_its_maximum_where_the_text_says():
    gamma = 0.15
    lam = torch.linspace(0, 1 / gamma, 10_001, dtype=torch.float64)
    top = change_eigenvalue(lam, gamma).max(dim=0)
    assert float(lam[top.indices]) == pytest.approx(1 / (3 * gamma), abs=1e-3)
    assert float(top.values) == pytest.approx(4 / (27 * gamma), abs=1e-6)
    assert change_eigenvalue(doubles(0, 1 / gamma), gamma).abs().max() < 1e-15


def test_along_an_eigenvector_the_layers_leave_the_residual():
    """With the query and the teacher on an eigenvector the error is exactly the residual."""
    tasks, eta, gamma = draw(3), doubles(12, 15, 9), doubles(0.17, 0.2, 0.1)
    lam, vectors = torch.linalg.eigh(tasks.X.mT @ tasks.X)
    products = gdpp_products(LAW.d, LAW.N, eta, gamma)
    for k in (0, 4, 9):
        v = vectors[..., k]
        one = torch.ones(3, 1, dtype=torch.float64)
        asked = Tasks(tasks.X, tasks.X @ v[..., None], v, one)
        left = one - predict(*products, asked)
        torch.testing.assert_close(left[:, 0], residual(lam[:, k], eta, gamma, LAW.N))


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_spectral_loss_is_the_mean_of_simulated_losses(layers):
    law = TaskLaw(d=6, N=8, teacher_scale=1.5)
    tasks = draw(20_000, seed=layers, law=law)
    eta, gamma = doubles(*[9.0] * layers), doubles(*[0.1] * layers)
    predictions = predict(*gdpp_products(6, 8, eta, gamma), tasks)
    simulated = (predictions - tasks.y_q).square()[:, 0] / 2
    error = float(simulated.std()) / len(tasks) ** 0.5
    formula = float(spectral_loss(spectrum(tasks), eta, gamma, law))
    assert abs(float(simulated.mean()) - formula) < 5 * error


def test_one_step_agrees_with_the_closed_form():
    lam = spectrum(draw(10_000))
    eta, gamma, loss = tune_on_spectrum(lam, 1, LAW, with_gamma=False)
    assert float(eta[0]) == pytest.approx(best_rate(LAW), rel=0.02)
    assert loss == pytest.approx(expected_loss(LAW, best_rate(LAW)), rel=0.02)
    assert gamma.tolist() == [0.0]


@pytest.mark.parametrize("N", PAPER)
def test_gamma_is_that_of_the_paper(N):
    law = TaskLaw(N=N)
    lam = spectrum(draw(3000, law=law))
    start, _, plain = tune_on_spectrum(lam, 2, law, with_gamma=False)
    _, gamma, loss = tune_on_spectrum(lam, 2, law, eta=start[0], gamma=start[0] / N**2)
    assert float(gamma[0]) == pytest.approx(PAPER[N], rel=0.05)
    assert loss < plain


def test_rates_of_their_own_lower_the_loss():
    lam = spectrum(draw(2000))
    eta, gamma, tied = tune_on_spectrum(lam, 2, LAW, eta=12.0, gamma=0.15)
    own = tune_on_spectrum(lam, 2, LAW, tied=False, eta=eta, gamma=gamma)
    assert own[2] < tied
    assert own[0][0] != own[0][1]


def test_an_iterated_layer_is_gradient_descent():
    tasks, eta = draw(20), 5.0
    layer = gdpp_products(LAW.d, LAW.N, doubles(eta), doubles(0))
    seen = iterate(*layer, tasks, 7, damping=0.6)
    assert seen.shape == (8, 20, 1)
    for k in (0, 1, 7):
        expected = apply(descend(tasks, 0.6 * eta, k), tasks.x_q)
        torch.testing.assert_close(seen[k], expected, atol=1e-12, rtol=0)


def test_beyond_the_bound_it_diverges_and_below_it_does_not():
    tasks, eta = draw(500), best_rate(LAW)
    layer = gdpp_products(LAW.d, LAW.N, doubles(eta), doubles(0))
    bound = largest_damping(eta, LAW.N, float(spectrum(tasks).max()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calm = iterate(*layer, tasks, 300, damping=0.98 * bound)
    with pytest.warns(UnstableWarning, match=rf"too weak for \d+ of 500 .* below {bound:.2f}"):
        wild = iterate(*layer, tasks, 300, damping=1.1 * bound)
    start = half_mse(calm[0], tasks)
    assert half_mse(calm[-1], tasks) < start / 10
    assert half_mse(wild[-1], tasks) > 1000 * start


@pytest.mark.usefixtures("plain_python")
def test_what_cannot_be_iterated_is_refused():
    tasks = draw(2)
    two = gdpp_products(LAW.d, LAW.N, doubles(1, 1), doubles(0, 0))
    one = tuple(part[:1] for part in two)
    with pytest.raises(ValueError, match="A has 2 layers; expected one"):
        iterate(*two, tasks, 3)
    with pytest.raises(ValueError, match="damping"):
        iterate(*one, tasks, 3, damping=0.0)
    with pytest.raises(ValueError, match="steps"):
        iterate(*one, tasks, 0)
    with pytest.raises(ValueError, match="largest eigenvalue"):
        largest_damping(6.0, 10, 0.0)


@pytest.mark.parametrize(
    ("kind", "tied", "sets"),
    [(TwoLayers, True, 1), (FiveLayers, True, 1), (FiveOwnLayers, False, 5)],
)
def test_the_experiments_record_what_the_chapter_shows(kind, tied, sets):
    task = kind(tied=tied, seeds=(0, 1), steps=4, every=2, batch=16, tasks=200)
    found = {name: entry["value"] for name, entry in task.run().deterministic.items()}
    assert found["step"] == [0, 2, 4]
    assert [len(curve) for curve in found["curve_gdpp_cosine"]] == [3, 3]
    assert [len(row) for row in found["trained_eta"]] == [sets, sets]
    assert found["trained_loss"] == pytest.approx([c[-1] for c in found["curve_loss"]], abs=1e-5)
    for name in ("gd", "gdpp"):
        assert len(found[f"{name}_readouts"]) == task.layers
    if tied:  # with rates for each layer, 200 contexts are too few to tune on
        assert found["gdpp_readouts"][-1] < found["gd_readouts"][-1]
    where = found["scales"].index(1.0)
    assert found["gd_scales"][where] == pytest.approx(found["gd_readouts"][-1], abs=1e-4)


def test_an_experiment_without_seeds_is_refused():
    with pytest.raises(ValueError, match="seeds is empty"):
        TwoLayers(seeds=())
