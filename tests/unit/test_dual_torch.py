"""Part I against torch: its attention, its gradients, its optimiser, and its tensors."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from iclbook.dual import (
    delta_w,
    kernel_attention,
    linear_attention,
    output_errors,
    softmax_attention,
    train,
)

sizes = st.integers(1, 6)
seeds = st.integers(0, 2**32 - 1)
mus = st.floats(0.0, 0.95)
losses = st.sampled_from(["squared", "cross-entropy"])


def problem(seed: int, n: int, d_in: int, d_out: int, loss: str = "squared"):
    """Random inputs, targets that suit the loss, and initial weights."""
    rng = np.random.default_rng(seed)
    X, W_0 = rng.normal(size=(n, d_in)), rng.normal(size=(d_out, d_in))
    Y = rng.normal(size=(n, d_out))
    return X, (rng.dirichlet(np.ones(d_out), size=n) if loss == "cross-entropy" else Y), W_0


@given(seed=seeds, N=sizes, d_k=sizes, d_v=sizes, m=sizes, scale=st.none() | st.floats(0.05, 3.0))
def test_softmax_attention_equals_torch(seed, N, d_k, d_v, m, scale):
    rng = np.random.default_rng(seed)
    K, V, Q = (rng.normal(size=size) for size in ((N, d_k), (N, d_v), (m, d_k)))
    expected = torch.nn.functional.scaled_dot_product_attention(
        *(torch.tensor(A)[None] for A in (Q, K, V)), scale=scale
    )[0].numpy()
    assert_allclose(softmax_attention(K, V, Q, scale), expected, atol=1e-12)
    assert_allclose(softmax_attention(K, V, Q[0], scale), expected[0], atol=1e-12)


@given(seed=seeds, n=sizes, d_out=sizes, loss=losses)
def test_output_errors_are_minus_the_gradient_of_the_mean_loss(seed, n, d_out, loss):
    rng = np.random.default_rng(seed)
    outputs = rng.normal(size=(n, d_out))
    Y = rng.dirichlet(np.ones(d_out), size=n)
    Z = torch.tensor(outputs, requires_grad=True)
    if loss == "squared":
        value = ((Z - torch.tensor(Y)) ** 2).sum() / (2 * n)
    else:
        value = torch.nn.functional.cross_entropy(Z, torch.tensor(Y))
    value.backward()
    assert_allclose(output_errors(outputs, Y, loss), -Z.grad.numpy(), rtol=1e-12, atol=1e-15)


@given(seed=seeds, d_in=sizes, d_out=sizes, mu=mus, lam=st.floats(0.0, 0.5), loss=losses)
def test_training_equals_torch_sgd(seed, d_in, d_out, mu, lam, loss):
    n, eta, T = 6, 0.1, 8
    X, Y, W_0 = problem(seed, n, d_in, d_out, loss)
    run = train(X, Y, W_0, eta=eta, steps=T, loss=loss, mu=mu, lam=lam, batch_size=2, seed=seed)

    W = torch.nn.Parameter(torch.tensor(W_0))
    sgd = torch.optim.SGD([W], lr=eta, momentum=mu, weight_decay=lam)
    for t, rows in enumerate(run.batches):
        x, y = torch.tensor(X[rows]), torch.tensor(Y[rows])
        if loss == "squared":
            value = ((x @ W.T - y) ** 2).sum() / (2 * len(rows))
        else:
            value = torch.nn.functional.cross_entropy(x @ W.T, y)
        sgd.zero_grad()
        value.backward()
        sgd.step()
        assert_allclose(run.weights[t + 1], W.detach().numpy(), rtol=1e-9, atol=1e-11)


@given(seed=seeds, n=st.integers(2, 6))
def test_adam_is_not_of_this_form(seed, n):
    """Adam divides element by element, so its update leaves the span of the inputs."""
    X, Y, W_0 = problem(seed, n, 2 * n, 2)
    W = torch.nn.Parameter(torch.tensor(W_0))
    W.grad = torch.tensor(-output_errors(X @ W_0.T, Y).T @ X)
    torch.optim.Adam([W], lr=0.01).step()

    def outside(update):
        return np.linalg.norm(update - update @ np.linalg.pinv(X) @ X) / np.linalg.norm(update)

    assert outside(W.detach().numpy() - W_0) > 0.05
    assert outside(train(X, Y, W_0, eta=0.01, steps=1).weights[1] - W_0) < 1e-10


@pytest.mark.usefixtures("plain_python")
@pytest.mark.parametrize("name", ["K", "V", "Q"])
@pytest.mark.parametrize("function", [linear_attention, softmax_attention, kernel_attention])
def test_a_tensor_is_refused_by_name_with_the_way_out(function, name):
    rng = np.random.default_rng(0)
    tokens = {key: rng.normal(size=(4, 3)) for key in ("K", "V", "Q")}
    tokens[name] = torch.tensor(tokens[name])
    with pytest.raises(TypeError, match=rf"(?i){name} is a Tensor.*np\.asarray\((phi_)?{name}"):
        function(*tokens.values())


@pytest.mark.usefixtures("plain_python")
@pytest.mark.parametrize("name", ["X", "Y", "W_0"])
def test_training_on_a_tensor_is_refused_by_name_with_the_way_out(name):
    given = dict(zip(("X", "Y", "W_0"), problem(0, 6, 4, 3), strict=True))
    given[name] = torch.tensor(given[name])
    with pytest.raises(TypeError, match=rf"{name} is a Tensor.*np\.asarray\({name}"):
        train(**given, eta=0.1, steps=3)


@pytest.mark.usefixtures("plain_python")
def test_the_update_of_a_tensor_is_refused_too():
    K = np.ones((4, 3))
    with pytest.raises(TypeError, match=r"K is a Tensor.*np\.asarray\(K"):
        delta_w(torch.tensor(K), K)
