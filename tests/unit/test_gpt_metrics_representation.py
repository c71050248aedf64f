"""SimAOU: hand-worked values, what noise scores, and baselines that are drawn exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iclbook.gpt.metrics import sim_aou
from iclbook.gpt.metrics.baseline import random_direction


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def test_three_items_and_two_layers_worked_by_hand():
    z = np.array([[[1.0, 0], [2, 0]], [[0, 1], [1, 0]], [[3, 4], [1, 0]]])
    i = np.array([[[0.0, 1], [2, 2]], [[0, 2], [1, 0]], [[3, 5], [0, -5]]])
    f = np.array([[[0.0, 3], [2, -2]], [[1, 1], [5, 5]], [[4, 4], [-7, 0]]])
    # Plain: updates (-1,1) and (-1,3); (0,2) and (0,-2); (0,1) and (1,0); zero; (0,1) and (1,0);
    # (-1,-5) and (-8,0).
    plain = [[4 / np.sqrt(20), -1], [0, 0], [0, 8 / np.sqrt(26 * 64)]]
    assert sim_aou(z, i, f, normalise=False).items == pytest.approx(np.array(plain))
    # Normalised: item 0, layer 0 has unit(i) = unit(f) = (0,1); layer 1 (1,1)/√2 and (1,-1)/√2.
    # Item 1, layer 0: i only grows, so its normalised update is zero. Item 2, layer 1: (0,-1) and
    # (-1,0), updates (-1,-1) and (-2,0).
    found = sim_aou(z, i, f)
    assert found.items[0, 0] == pytest.approx(1)
    s = 1 / np.sqrt(2)
    assert found.items[0, 1] == pytest.approx(((s - 1) ** 2 - s**2) / ((s - 1) ** 2 + s**2))
    assert found.items[1, 0] == pytest.approx(0)
    assert found.items[2, 1] == pytest.approx(s)
    # Chance from c = 1 - cos: right angles have c = 1, half a right angle 1 - s, opposite 2.
    expected = np.array([[1 / 2, (1 - s) / 2], [0, 0]])
    assert found.references["chance"][:2] == pytest.approx(expected)
    assert found.references["chance"][2, 1] == pytest.approx(np.sqrt(2) / 2)
    assert found.layers() == pytest.approx(found.items.mean(0))


def test_pure_noise_scores_a_quarter_normalised_and_nothing_plain():
    """Two independent noises of three times the squared norm: the criticism of Deutch et al."""
    d, n = 2048, 300
    z, r, s = (normal(seed, n, 1, d) / np.sqrt(d) for seed in (0, 1, 2))
    i, f = z + np.sqrt(3) * r, z + np.sqrt(3) * s
    found = sim_aou(z, i, f, rng=np.random.default_rng(0))
    assert found.mean() == pytest.approx(0.248, abs=0.004)
    assert found.items.std() == pytest.approx(0.017, abs=0.003)
    assert found.mean("chance") == pytest.approx(found.mean(), abs=0.003)
    assert found.mean("isotropic") == pytest.approx(found.mean(), abs=0.004)
    assert abs(found.mean("uniform")) < 0.01
    plain = sim_aou(z, i, f, normalise=False, rng=np.random.default_rng(0))
    for reference in (None, "isotropic", "uniform"):
        assert abs(plain.mean(reference)) < 0.005
    assert not plain.references["chance"].any()


def test_chance_is_exact_when_noise_is_orthogonal():
    z, r, s = np.eye(3)
    i, f = z + 0.3 * r, z + 2 * s
    found = sim_aou(*(x.reshape(1, 1, 3) for x in (z, i, f)))
    assert found.mean() == pytest.approx(found.mean("chance"), abs=1e-12)


def test_the_isotropic_baseline_has_the_law_of_drawn_vectors():
    z, i, f = (normal(seed, 1, 1, 5) for seed in (3, 4, 5))
    many = [np.repeat(x, 20000, axis=0) for x in (z, i, f)]
    u = normal(6, 20000, 1, 5)
    u *= np.linalg.norm(f - z) / np.linalg.norm(u, axis=-1, keepdims=True)
    for normalise in (True, False):
        found = sim_aou(*many, normalise=normalise, rng=np.random.default_rng(0))
        drawn = sim_aou(many[0], many[1], many[0] + u, normalise=normalise)
        levels = [0.05, 0.25, 0.5, 0.75, 0.95]
        ours = np.quantile(found.references["isotropic"], levels)
        assert ours == pytest.approx(np.quantile(drawn.items, levels), abs=0.03)


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.01, 100))
def test_normalised_scores_do_not_see_positive_scales(a, b, c):
    z, i, f = (normal(seed, 3, 2, 4) for seed in (0, 1, 2))
    found = sim_aou(a * z, b * i, c * f)
    assert found.items == pytest.approx(sim_aou(z, i, f).items, abs=1e-9)
    together = sim_aou(a * z, a * i, a * f, normalise=False)
    assert together.items == pytest.approx(sim_aou(z, i, f, normalise=False).items, abs=1e-9)


def test_a_small_update_keeps_its_digits():
    z, r = normal(0, 4, 1, 64), normal(1, 4, 1, 64)
    found = sim_aou(z, z + 1e-6 * r, z + 2e-6 * r)
    assert found.items == pytest.approx(np.ones((4, 1)), abs=1e-5)


def test_blocks_do_not_change_the_result(tmp_path):
    z, i, f = (normal(seed, 7, 2, 6).astype(np.float16) for seed in (0, 1, 2))
    stored = []
    for name, x in zip("zif", (z, i, f)):
        np.save(tmp_path / name, x)
        stored.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    whole = sim_aou(z, i, f, rng=np.random.default_rng(0))
    small = sim_aou(*stored, rng=np.random.default_rng(0), numbers=24)
    assert np.array_equal(whole.items, small.items)
    for name, values in whole.references.items():
        assert np.array_equal(values, small.references[name])


@pytest.mark.parametrize("dims", [1, 2, 3, 50])
def test_random_directions_are_unit_vectors_seen_along_two_axes(dims):
    first, second = random_direction(np.random.default_rng(0), np.full(20000, dims))
    assert first.mean() == pytest.approx(0, abs=0.03)
    assert (first**2).mean() == pytest.approx(1 / dims, rel=0.05)
    assert (second**2).mean() == pytest.approx(1 / dims if dims > 1 else 0, rel=0.05)
    assert (first**2 + second**2).max() <= 1 + 1e-12


def test_bad_observations_are_refused(plain_python):
    z = normal(0, 3, 2, 4)
    with pytest.raises(ValueError, match=r"icl has shape \(2, 2, 4\), but zsl has \(3, 2, 4\)"):
        sim_aou(z, z[:2], z)
    with pytest.raises(TypeError, match="ft is int64"):
        sim_aou(z, z, z.astype(int))
    broken = z.copy()
    broken[1, 1, 0] = np.nan
    with pytest.raises(ValueError, match="item 1, layer 1 is nan"):
        sim_aou(z, z, broken)
    with pytest.raises(ValueError, match="pass rng"):
        sim_aou(z, z, z).mean("uniform")
