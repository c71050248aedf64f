"""One layer with softmax or LayerNorm, and the smoother that symmetric heads are."""

import pytest
import torch

from iclbook.regression.attention import SelfAttention, context_tokens, query_token
from iclbook.regression.descent import apply, best_rate, descend, expected_loss, half_mse
from iclbook.regression.experiments.softmax import Softmax, roles
from iclbook.regression.standard import StandardLayer, centred_loss, smoother, smoother_loss
from iclbook.regression.tasks import TaskLaw, Tasks

LAW = TaskLaw(d=4, N=6)


def enlarged(model):
    with torch.no_grad():
        for name in ("W_K", "W_Q", "W_V", "P"):
            getattr(model, name).mul_(15)
    return model.double()


@pytest.fixture
def tasks():
    return LAW.sample(8, torch.Generator().manual_seed(2), torch.float64)


@pytest.mark.parametrize("heads", [1, 2, 3])
@pytest.mark.parametrize("softmax", [True, False])
def test_updating_the_query_alone_gives_the_same_prediction_and_gradients(tasks, heads, softmax):
    ours = enlarged(
        StandardLayer(5, heads=heads, softmax=softmax, generator=torch.Generator().manual_seed(3))
    )
    plain = SelfAttention(5, heads=heads, softmax=softmax).double()
    plain.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(tasks), plain.forward_plain(tasks))
    half_mse(ours(tasks), tasks).backward()
    half_mse(plain.forward_plain(tasks), tasks).backward()
    for a, b in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_layer_norm_normalises_what_is_read_and_not_what_is_updated(tasks):
    model = enlarged(StandardLayer(5, softmax=False, layer_norm=True))
    E, e_q = (model.norm(part) for part in (context_tokens(tasks), query_token(tasks)))
    A, M = (part[0, 0] for part in model.products())
    update = E.mT @ (E @ (e_q @ M.T)[..., None])
    torch.testing.assert_close(model(tasks), -(A @ update)[:, 4:, 0])


def test_blind_keys_do_not_see_targets(tasks):
    model = enlarged(StandardLayer(5, blind=True))
    other = Tasks(tasks.X, -3 * tasks.y, tasks.x_q, tasks.y_q)
    torch.testing.assert_close(model.attention(tasks), model.attention(other))
    sighted = enlarged(StandardLayer(5))
    assert not torch.allclose(sighted.attention(tasks), sighted.attention(other))


def test_attention_of_each_head_adds_up_to_one(tasks):
    shares = enlarged(StandardLayer(5, heads=2)).attention(tasks)
    assert shares.shape == (8, 2, 6)
    torch.testing.assert_close(shares.sum(dim=-1), torch.ones(8, 2, dtype=torch.float64))


def test_a_symmetric_head_is_the_smoother(tasks):
    model = StandardLayer(5).double()
    sharpness, factor = 2.5, 0.7
    with torch.no_grad():
        for W in model.parameters():
            W.zero_()
        model.W_K[0, 0, :4, :4] = sharpness * 5**0.5 * torch.eye(4)
        model.W_Q[0, 0, :4, :4] = torch.eye(4)
        model.W_V[0, 0, 4, 4], model.P[0, 0, 4, 4] = -factor, 1.0
    torch.testing.assert_close(model(tasks), factor * smoother(tasks, sharpness))


def test_small_logits_of_two_heads_are_a_centred_step(tasks):
    difference = smoother(tasks, 1e-4, heads=2) / 2e-4
    X, y = tasks.X - tasks.X.mean(dim=1, keepdim=True), tasks.y
    centred = (X * y).mean(dim=1) * tasks.x_q
    torch.testing.assert_close(difference, centred.sum(dim=1, keepdim=True), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("law", [TaskLaw(), TaskLaw(d=3, N=5), TaskLaw(inputs="normal")])
def test_loss_of_a_centred_step(law):
    tasks = law.sample(40_000, torch.Generator().manual_seed(4), torch.float64)
    _, found = smoother_loss(tasks, 1e-4, heads=2)
    assert found == pytest.approx(centred_loss(law), rel=0.03)
    plain = half_mse(apply(descend(tasks, best_rate(law)), tasks.x_q), tasks)
    # the same tasks on both sides: the excess over the plain step is known better than each loss
    excess = found / float(plain)
    assert excess == pytest.approx(centred_loss(law) / expected_loss(law, best_rate(law)), rel=0.01)


def test_one_smoother_stays_above_gradient_descent():
    tasks = TaskLaw().sample(20_000, torch.Generator().manual_seed(5))
    losses = [smoother_loss(tasks, m)[1] for m in (2.0, 7.0, 20.0)]
    assert losses[1] == min(losses)
    assert 0.28 < losses[1] < 0.31


def test_other_numbers_of_heads_are_refused(tasks):
    with pytest.raises(ValueError, match="heads is 3; expected 1 or 2"):
        smoother(tasks, 1.0, heads=3)


@pytest.mark.usefixtures("plain_python")
def test_tokens_of_another_width(tasks):
    with pytest.raises(ValueError, match=r"for tokens of width 30; .* Make .* width ="):
        StandardLayer(30)(tasks)


def test_roles_read_off_the_weights():
    model = StandardLayer(5)
    with torch.no_grad():
        for W in model.parameters():
            W.zero_()
        model.P[0, 0, 4, 4] = model.W_K[0, 0, 0, 4] = 1.0
        model.W_V[0, 0, 4, 0] = 2.0
        model.W_Q[0, 0, 0, 1] = 5**0.5 * 3.0
    assert roles(model) == {
        "target_value": [0.0],
        "input_value": [2.0],
        "target_key": [3.0],
        "input_key": [0.0],
    }


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="an entry of variants is 'three'; expected one of"):
        Softmax(variants=("three",))
