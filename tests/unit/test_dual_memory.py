"""A trained linear layer is its training examples: the dual form against independent ways."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import special

from iclbook.dual import TrainingRun, coefficients, output_errors, softmax, train

sizes = st.integers(1, 6)
seeds = st.integers(0, 2**32 - 1)
steps = st.integers(1, 12)
etas = st.floats(0.01, 0.3)
mus = st.floats(0.0, 0.95)
lams = st.floats(0.0, 2.0)
losses = st.sampled_from(["squared", "cross-entropy"])


def problem(seed: int, n: int, d_in: int, d_out: int, loss: str = "squared"):
    """Random inputs, targets that suit the loss, and initial weights."""
    rng = np.random.default_rng(seed)
    X, W_0 = rng.normal(size=(n, d_in)), rng.normal(size=(d_out, d_in))
    Y = rng.normal(size=(n, d_out))
    return X, (rng.dirichlet(np.ones(d_out), size=n) if loss == "cross-entropy" else Y), W_0


def distance(A: np.ndarray, B: np.ndarray) -> float:
    """Distance relative to the length of B."""
    return float(np.linalg.norm(A - B) / np.linalg.norm(B))


# The coefficients a_T and c_{T,t}


@given(T=steps, eta=etas)
def test_coefficients_of_gradient_descent(T, eta):
    a, c = coefficients(T, eta)
    assert a == 1.0
    assert_allclose(c, np.full(T, eta), rtol=1e-14)


@given(T=steps, eta=etas, mu=mus)
def test_coefficients_of_heavy_ball(T, eta, mu):
    a, c = coefficients(T, eta, mu=mu)
    assert a == 1.0
    assert_allclose(c, [eta * (1 - mu ** (T - t)) / (1 - mu) for t in range(T)], rtol=1e-12)


@given(T=steps, eta=etas, lam=lams)
def test_coefficients_of_decay(T, eta, lam):
    a, c = coefficients(T, eta, lam=lam)
    assert_allclose(a, (1 - eta * lam) ** T, rtol=1e-12)
    assert_allclose(c, [eta * (1 - eta * lam) ** (T - 1 - t) for t in range(T)], rtol=1e-12)


@given(T=steps, eta=etas, mu=mus, lam=lams)
def test_coefficients_are_powers_of_the_state_matrix(T, eta, mu, lam):
    a, c = coefficients(T, eta, mu, lam)
    A = np.array([[1 - eta * lam, -eta * mu], [lam, mu]])
    B = np.array([eta, -1.0])
    power = np.linalg.matrix_power
    assert_allclose(a, power(A, T)[0, 0], rtol=1e-10, atol=1e-13)
    expected = [(power(A, T - 1 - t) @ B)[0] for t in range(T)]
    assert_allclose(c, expected, rtol=1e-10, atol=1e-13)


@given(T=steps, eta=etas, mu=mus, lam=lams)
def test_coefficients_are_the_response_to_one_impulse(T, eta, mu, lam):
    """Follow one scalar weight: once only W_0 is there, then a single error at one step."""

    def run(w, impulse_at):
        v = 0.0
        for t in range(T):
            v = mu * v + lam * w - (1.0 if t == impulse_at else 0.0)
            w = w - eta * v
        return w

    a, c = coefficients(T, eta, mu, lam)
    assert_allclose(a, run(1.0, None), rtol=1e-10, atol=1e-13)
    assert_allclose(c, [run(0.0, t) for t in range(T)], rtol=1e-10, atol=1e-13)


def test_share_of_the_first_weights_can_be_negative_with_momentum_and_decay():
    assert coefficients(6, 0.2, mu=0.9, lam=1.0)[0] < 0


def test_no_steps_leave_the_first_weights():
    a, c = coefficients(0, 0.1, mu=0.5, lam=0.3)
    assert a == 1.0
    assert c.shape == (0,)


# Errors at the output


@given(seed=seeds, n=sizes, d=sizes, size=st.floats(0.1, 1000))
def test_softmax_is_a_distribution_without_overflow(seed, n, d, size):
    Z = size * np.random.default_rng(seed).normal(size=(n, d))
    P = softmax(Z)
    assert_allclose(P, special.softmax(Z, axis=-1), rtol=1e-12, atol=1e-300)
    assert_allclose(P.sum(axis=-1), 1.0)


# Training, and the weights rebuilt from it


@given(
    seed=seeds,
    shape=st.tuples(sizes, sizes, sizes),
    T=steps,
    eta=etas,
    mu=st.sampled_from([0.0, 0.5, 0.9]),
    lam=st.sampled_from([0.0, 0.1, 1.0]),
    loss=losses,
    data=st.data(),
)
def test_dual_weights_equal_the_trained_weights_after_every_step(
    seed, shape, T, eta, mu, lam, loss, data
):
    X, Y, W_0 = problem(seed, *shape, loss)
    batch_size = data.draw(st.none() | st.integers(1, len(X)))
    run = train(
        X, Y, W_0, eta=eta / 6, steps=T, loss=loss, mu=mu, lam=lam, batch_size=batch_size, seed=seed
    )
    assert run.T == T
    for t in range(T + 1):
        scale = max(np.linalg.norm(run.weights[t]), np.linalg.norm(W_0))
        assert np.linalg.norm(run.dual_weights(t) - run.weights[t]) <= 1e-12 * scale
    assert_allclose(run.dual_weights(), run.dual_weights(T), rtol=0, atol=0)


@pytest.mark.parametrize("loss", ["squared", "cross-entropy"])
@pytest.mark.parametrize("lam", [0.0, 0.05])
@pytest.mark.parametrize("mu", [0.0, 0.9])
@pytest.mark.parametrize("batch_size", [None, 8])
def test_each_variant_of_the_chapter_holds_over_a_long_run(loss, lam, mu, batch_size):
    X, Y, W_0 = problem(0, 30, 10, 4, loss)
    run = train(
        X, Y, W_0, eta=0.05, steps=150, loss=loss, mu=mu, lam=lam, batch_size=batch_size, seed=1
    )
    assert max(distance(run.dual_weights(t), run.weights[t]) for t in range(151)) < 1e-12


def test_dual_weights_do_not_read_the_trained_weights():
    run = train(*problem(1, 5, 3, 2), eta=0.1, steps=4, mu=0.5, lam=0.1)
    first_only = run.weights.copy()
    first_only[1:] = np.nan
    blind = TrainingRun(run.X, first_only, run.errors, run.batches, run.eta, run.mu, run.lam)
    assert_allclose(blind.dual_weights(), run.weights[-1], rtol=1e-12)


@given(seed=seeds, n=sizes, d_in=sizes, d_out=sizes, loss=losses, data=st.data())
def test_dual_values_reproduce_the_outputs(seed, n, d_in, d_out, loss, data):
    """W_T x = a_T W_0 x + sum_i e_i (x_i . x), written as a loop over training examples."""
    X, Y, W_0 = problem(seed, n, d_in, d_out, loss)
    batch_size = data.draw(st.integers(1, n))
    T = data.draw(st.integers(0, 9))
    run = train(
        X, Y, W_0, eta=0.05, steps=9, loss=loss, mu=0.6, lam=0.2, batch_size=batch_size, seed=seed
    )
    x = np.random.default_rng(seed).normal(size=d_in)
    values = run.dual_values(T)
    out = run.coefficients(T)[0] * (W_0 @ x)
    for x_i, e_i in zip(X, values, strict=True):
        out = out + e_i * np.dot(x_i, x)
    assert_allclose(out, run.weights[T] @ x, rtol=1e-10, atol=1e-12)


@given(seed=seeds, n=sizes, d_in=sizes, d_out=st.integers(2, 5), T=steps, data=st.data())
def test_the_label_decides_the_sign_of_a_contribution(seed, n, d_in, d_out, T, data):
    """With cross-entropy, one-hot targets and inputs that are not negative (prop-dual-signs)."""
    rng = np.random.default_rng(seed)
    X, labels = rng.uniform(size=(n, d_in)), rng.integers(d_out, size=n)
    batch_size = data.draw(st.integers(1, n))
    run = train(
        X, np.eye(d_out)[labels], rng.normal(size=(d_out, d_in)), eta=0.5, steps=T,
        loss="cross-entropy", batch_size=batch_size, seed=seed,
    )  # fmt: skip
    values = run.dual_values()
    used = np.unique(np.concatenate(run.batches))
    own = np.eye(d_out, dtype=bool)[labels]
    assert (values[used][own[used]] > 0).all()
    assert (values[used][~own[used]] < 0).all()
    gold, rival = rng.choice(d_out, 2, replace=False)
    h = (X @ rng.uniform(size=d_in)) * (values[:, gold] - values[:, rival])
    assert (h[labels == gold] >= 0).all()
    assert (h[labels == rival] <= 0).all()


@given(seed=seeds, n=st.integers(2, 6), d_in=sizes, d_out=sizes, loss=losses, data=st.data())
def test_a_removal_is_what_the_dual_predicts_and_what_the_others_make_up(
    seed, n, d_in, d_out, loss, data
):
    """Train with and without some examples; the change of an output is two sums over examples."""
    X, Y, W_0 = problem(seed, n, d_in, d_out, loss)
    gone = data.draw(st.integers(1, n - 1))  # the first rows are removed
    settings = {"steps": 9, "loss": loss, "mu": 0.6, "lam": 0.2}
    run = train(X, Y, W_0, eta=0.05, **settings)
    rerun = train(X[gone:], Y[gone:], W_0, eta=0.05, **settings)
    x = np.random.default_rng(seed).normal(size=d_in)
    e, e_new = run.dual_values(), rerun.dual_values()
    predicted = -sum(e[i] * np.dot(X[i], x) for i in range(gone))
    made_up = sum((e_new[i - gone] - e[i]) * np.dot(X[i], x) for i in range(gone, n))
    change = rerun.weights[-1] @ x - run.weights[-1] @ x
    assert_allclose(predicted + made_up, change, rtol=1e-10, atol=1e-12)


@given(seed=seeds, n=st.integers(1, 20), data=st.data())
def test_batches_visit_every_row_once_an_epoch(seed, n, data):
    size = data.draw(st.integers(1, n))
    a_epoch = n // size
    run = train(*problem(seed, n, 2, 2), eta=0.01, steps=3 * a_epoch, batch_size=size, seed=seed)
    for epoch in range(3):
        rows = np.concatenate(run.batches[epoch * a_epoch : (epoch + 1) * a_epoch])
        assert len(set(rows.tolist())) == a_epoch * size


def test_the_seed_fixes_the_order_of_the_batches():
    X, Y, W_0 = problem(2, 20, 3, 2)
    runs = [train(X, Y, W_0, eta=0.1, steps=10, batch_size=4, seed=s).weights for s in (0, 0, 1)]
    assert (runs[0] == runs[1]).all()
    assert (runs[0] != runs[2]).any()


def test_the_inputs_are_left_as_they_were():
    X, Y, W_0 = problem(3, 5, 3, 2)
    before = [A.copy() for A in (X, Y, W_0)]
    run = train(X, Y, W_0, eta=0.1, steps=3, mu=0.9, lam=0.1)
    run.dual_values()
    assert all((A == B).all() for A, B in zip(before, (X, Y, W_0), strict=True))


def test_narrow_inputs_are_trained_in_double_precision():
    X, Y, W_0 = (A.astype(np.float32) for A in problem(4, 5, 3, 2))
    run = train(X, Y, W_0, eta=0.1, steps=5)
    assert run.weights.dtype == np.float64
    assert_allclose(run.dual_weights(), run.weights[-1], rtol=1e-6)


# Bad input


@pytest.mark.usefixtures("plain_python")
class TestBadInput:
    X, Y, W_0 = problem(0, 6, 4, 3)

    def refuse(self, error, *words, **changes):
        given = {"X": self.X, "Y": self.Y, "W_0": self.W_0, "eta": 0.1, "steps": 3} | changes
        with pytest.raises(error) as caught:
            train(**given)
        for word in words:
            assert word in str(caught.value)

    @pytest.mark.parametrize(
        ("changes", "error", "words"),
        [
            ({"X": X.T}, ValueError, ["Y has shape (6, 3)", "expected (4, d_out)", "transposed"]),
            ({"Y": Y.T}, ValueError, ["Y has shape (3, 6)", "expected (6, d_out)", "transposed"]),
            ({"W_0": W_0.T}, ValueError, ["W_0 has shape (4, 3)", "expected (3, 4)", "transposed"]),
            ({"X": X[0]}, ValueError, ["X has shape (4,)", "(n, d_in)"]),
            ({"X": X[:0], "Y": Y[:0]}, ValueError, ["X is empty", "at least one"]),
            ({"X": X.tolist()}, TypeError, ["X is a list", "NumPy array", "np.asarray(X"]),
            ({"Y": Y.astype(int)}, TypeError, ["Y holds int64", "Y.astype(float)"]),
            ({"W_0": W_0.astype(int)}, TypeError, ["W_0 holds int64", "W_0.astype(float)"]),
            ({"eta": -0.1}, ValueError, ["learning rate", "-0.1", "(0, inf)"]),
            ({"eta": 0.0}, ValueError, ["learning rate", "0.0", "(0, inf)"]),
            ({"eta": np.nan}, ValueError, ["learning rate", "nan"]),
            ({"eta": "0.1"}, TypeError, ["learning rate", "str", "number"]),
            ({"mu": 1.0}, ValueError, ["momentum", "1.0", "[0, 1)"]),
            ({"mu": -0.1}, ValueError, ["momentum", "-0.1", "[0, 1)"]),
            ({"lam": -0.01}, ValueError, ["decay", "-0.01", "[0, inf)"]),
            ({"steps": 0}, ValueError, ["steps is 0", "1 or more"]),
            ({"steps": 2.0}, TypeError, ["steps is 2.0", "whole number"]),
            ({"batch_size": 7}, ValueError, ["batch_size is 7", "6 examples"]),
            ({"batch_size": 0}, ValueError, ["batch_size is 0", "1 or more"]),
            ({"loss": "mse"}, ValueError, ["'mse'", "'squared'", "'cross-entropy'"]),
            ({"loss": "cross-entropy"}, ValueError, ["Y", "sum to 1", "loss='squared'"]),
        ],
        ids=str,
    )
    def test_train_names_the_value_and_the_fix(self, changes, error, words):
        self.refuse(error, *words, **changes)

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    @pytest.mark.parametrize("name", ["X", "Y", "W_0"])
    def test_train_finds_the_first_bad_entry(self, name, bad):
        array = getattr(self, name).copy()
        array[1, 2] = bad
        self.refuse(ValueError, name, "(1, 2)", "finite", **{name: array})

    @pytest.mark.parametrize("eta", np.geomspace(2, 50, 12).tolist())
    def test_divergence_names_the_step_and_the_learning_rate(self, eta):
        """Whichever overflows first, weights or outputs."""
        self.refuse(
            FloatingPointError, "step", "of 5000", f"eta = {eta:g}", "smaller", eta=eta, steps=5000,
            X=10 * self.X,
        )  # fmt: skip

    def test_coefficients_want_a_whole_number_of_steps(self):
        with pytest.raises(ValueError, match="T is -1; expected 0 or more"):
            coefficients(-1, 0.1)
        with pytest.raises(TypeError, match=r"T is 2\.5"):
            coefficients(2.5, 0.1)

    def test_a_run_knows_only_its_own_steps(self):
        run = train(self.X, self.Y, self.W_0, eta=0.1, steps=3)
        with pytest.raises(ValueError, match="T is 4; this run has 3 steps"):
            run.dual_weights(4)

    def test_errors_want_targets_like_the_outputs(self):
        with pytest.raises(ValueError, match=r"Y has shape \(5, 3\); expected \(6, 3\)"):
            output_errors(self.Y, self.Y[:5])

    def test_softmax_wants_floating_point(self):
        with pytest.raises(TypeError, match="Z holds int64"):
            softmax(np.arange(3))
        with pytest.raises(TypeError, match="Z is a list"):
            softmax([0.1, 0.2])
