"""Ordinary tokens: the prompt, the two-layer model, the copy metric, Proposition 3."""

import math

import pytest
import torch

from iclbook.regression.copying import (
    CopyingModel,
    copied_share,
    copy_metric,
    copying_layer,
    needed_scale,
    ordinary_tokens,
    position_codes,
)
from iclbook.regression.tasks import TaskLaw


@pytest.fixture
def tasks():
    return TaskLaw(d=4, N=3).sample(6, torch.Generator().manual_seed(1), torch.float64)


@pytest.fixture
def model():
    made = CopyingModel(4, 3, position_width=6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for W in made.parameters():
            W.mul_(8)  # far from zero: every term counts
    return made.double()


def test_inputs_and_targets_take_turns(tasks):
    E = ordinary_tokens(tasks)
    assert E.shape == (6, 7, 4)
    assert torch.equal(E[:, 0:-1:2], tasks.X)
    assert torch.equal(E[:, 1::2, -1:], tasks.y)
    assert not E[:, 1::2, :-1].any()
    assert torch.equal(E[:, -1], tasks.x_q)


def test_a_target_takes_one_coordinate():
    with pytest.raises(ValueError, match="targets have 2 entries"):
        ordinary_tokens(TaskLaw(d=3, N=2, d_out=2).sample(1, torch.Generator()))


def test_position_codes_are_those_of_the_first_transformer():
    codes = position_codes(21, 10)
    for position, k in [(0, 0), (7, 1), (20, 4)]:
        angle = position / 10000 ** (2 * k / 10)
        assert codes[position, 2 * k].item() == pytest.approx(math.sin(angle), abs=1e-5)
        assert codes[position, 2 * k + 1].item() == pytest.approx(math.cos(angle), abs=1e-5)
    with pytest.raises(ValueError, match="width is 5; expected an even number"):
        position_codes(3, 5)


def test_the_rearranged_forward_is_the_definition(model, tasks):
    """Token by token, with the four matrices of each layer."""
    E = torch.cat([ordinary_tokens(tasks), model.codes.expand(6, -1, -1)], dim=-1)
    weights = model.layers
    for layer in (0, 1):
        W_K, W_Q, W_V, P = (getattr(weights, n)[layer, 0] for n in ("W_K", "W_Q", "W_V", "P"))
        updated = []
        for e in E.unbind(dim=1):
            logits = torch.einsum("bnk,bk->bn", E[:, :-1] @ W_K.T, e @ W_Q.T)
            if layer == 0:
                logits = (logits / math.sqrt(10)).softmax(dim=-1)
            values = E[:, :-1] @ W_V.T
            updated.append(e + torch.einsum("bn,bnv->bv", logits, values) @ P.T)
        E = torch.stack(updated, dim=1)
        if layer == 0:
            torch.testing.assert_close(model.first_layer(ordinary_tokens(tasks)), E)
    torch.testing.assert_close(model(tasks), -E[:, -1, -1:])


def test_a_prompt_of_another_length_is_refused(model):
    other = TaskLaw(d=4, N=5).sample(2, torch.Generator(), torch.float64)
    with pytest.raises(ValueError, match="the prompt has 11 tokens; this model was made for 7"):
        model(other)


def test_the_copy_metric_is_the_mean_jacobian(model, tasks):
    tokens = ordinary_tokens(tasks)
    J = torch.autograd.functional.jacobian(lambda E: model.first_layer(E).sum(dim=(0, 2)), tokens)
    norms = (J.sum(dim=1) / len(tasks)).norm(dim=-1)  # (T, T): output token, input token
    seen = copy_metric(model, tasks)
    T, used = 7, range(5)
    rest = [[norms[j, i] for i in range(T - 1) if i not in (j, j + 1)] for j in used]
    assert seen.own == pytest.approx(float(sum(norms[j, j] for j in used) / 5))
    assert seen.following == pytest.approx(float(sum(norms[j, j + 1] for j in used) / 5))
    assert seen.others == pytest.approx(float(sum(sum(r) / len(r) for r in rest) / 5))


def test_the_published_curve_contains_the_next_token(model, tasks):
    """Only the next token matters to a layer that copies; the published curve rises with it."""
    seen = copy_metric(model, tasks)
    assert 5 * seen.others_published == pytest.approx(4 * seen.others + seen.following)


def apply_layer(W, tokens):
    K, Q, V = (tokens @ W[name].T for name in ("W_K", "W_Q", "W_V"))
    return tokens + (Q @ K.T).softmax(dim=-1) @ V @ W["P"].T


def test_proposition_3_copies_once_the_logits_are_large():
    count = 9
    content = torch.randn(count, count, dtype=torch.float64, generator=torch.Generator())
    tokens = torch.cat([content, torch.eye(count, dtype=torch.float64)], dim=1)
    copies = {
        scale: apply_layer(copying_layer(count, scale), tokens)[:-1, count:] for scale in (1.0, 40)
    }
    torch.testing.assert_close(copies[40], content[1:])
    assert (copies[1.0] - content[1:]).norm() > 0.5 * content[1:].norm()
    kept = apply_layer(copying_layer(count, 40), tokens)[:, :count]
    torch.testing.assert_close(kept, content)


def test_share_and_scale():
    logits = torch.zeros(21, dtype=torch.float64)
    logits[3] = 1.0
    assert copied_share(1.0, 21) == pytest.approx(logits.softmax(dim=0)[3].item())
    assert copied_share(1.0, 21) == pytest.approx(0.1197, abs=1e-4)
    for share in (0.3, 0.9, 0.999):
        assert copied_share(needed_scale(share, 21), 21) == pytest.approx(share)
    with pytest.raises(ValueError, match=r"share is 1.5; expected a number in \(0, 1\)"):
        needed_scale(1.5, 21)
