"""Patches on questions that they were not made for: the recorded experiment."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_gpt_score import make_prompts
from tiny_models import loaded

from iclbook.gpt.doubts.patches import (
    MEASURES,
    PatchesElsewhere,
    alike,
    compared,
    cosine,
    effective_rank,
    first_matrices,
    measures,
)
from iclbook.gpt.reading.patch import Patches, read_patches
from iclbook.gpt.reading.score import predict
from iclbook.gpt.study.setup import Setup

SMALL = dict(tasks=("mini-sst2", "mini-cb"), seeds=(1,), k=4, questions=6, lr=0.1, lr_mlp=0.1)


@pytest.fixture(scope="module")
def results():
    """Values of a small run on the bundled model."""
    found = PatchesElsewhere(**SMALL).run().deterministic
    return {name: entry["value"] for name, entry in found.items()}


def patches_of(z_0, z_C):
    """Patches of one layer, from arrays (m, D)."""
    before, after = (torch.tensor(z[:, None]) for z in (z_0, z_C))
    return Patches(before, after - before, before, before, before)


def test_every_setting_is_measured_for_every_draw(results):
    settings = set(results["accuracy"])
    for measure in MEASURES:
        assert set(results[measure]) == settings
        assert all(np.shape(values) == (2, 1) for values in results[measure].values())
    assert all(np.shape(values) == (2, 1, 3) for values in results["by_layer"].values())
    assert results["k_used"] == [[4], [4]]


def test_in_context_is_its_own_target(results):
    np.testing.assert_allclose(results["divergence"]["in context"], 0, atol=1e-6)
    np.testing.assert_allclose(results["correlation"]["in context"], 1, atol=1e-6)
    assert np.min(results["divergence"]["zero-shot"]) > 0.01


def test_zero_shot_and_in_context_are_those_of_the_engine(results):
    for t, task in enumerate(SMALL["tasks"]):
        setup = Setup(task=task, k=4, seed=1)
        model, (rows, demos, items) = setup.language_model(), setup.rows()
        chosen = np.random.default_rng([1, 4]).permutation(len(items))[:6]
        prompts = setup.prompts(model, rows, demos, [items[i] for i in chosen])
        for name, context in (("zero-shot", False), ("in context", True)):
            right = predict(model, prompts, context).argmax(1) == prompts.gold
            assert results["accuracy"][name][t][0] == pytest.approx(right.mean(), abs=1e-4)


def test_the_controls_make_a_difference(results):
    divergence = {name: np.array(values) for name, values in results["divergence"].items()}
    for name in ("mean, wrong labels", "mean, another task", "mean, at every token"):
        assert abs(divergence[name] - divergence["mean"]).min() > 1e-3
    for name in ("finetuned, K/V", "finetuned, MLP"):
        assert abs(divergence[name] - divergence["zero-shot"]).min() > 1e-3


def test_measures_by_hand():
    prompts = replace(
        make_prompts("gpt2", labels=((0,), (2,)), n=4), gold=np.array([0, 0, 1, 1], dtype=np.int64)
    )
    target = torch.tensor([[3.0, 0, 0], [2.0, 0, 0], [1.0, 0, 0], [0.5, 0, 0]])
    same = measures(target, prompts, target)
    np.testing.assert_allclose(same, [0.5, 1.0, 0.0, 1.0], atol=1e-12)
    turned = measures(-target, prompts, target)
    assert turned[0] == 0.5
    assert turned[1] == 0.0
    assert turned[2] > 0.1
    assert turned[3] == pytest.approx(-1)
    shifted = target + torch.tensor([0.0, 0, 5])  # a prior over the label words
    assert measures(shifted, prompts, target)[1] == 1.0
    assert measures(shifted, prompts, target)[3] == pytest.approx(same[3], abs=0.05)


def test_label_words_of_several_tokens_cannot_be_measured():
    prompts = make_prompts("gpt2", labels=((0,), (2, 1)), n=4)
    logits = torch.zeros(4, 3)
    with pytest.raises(ValueError, match=r"label word \(2, 1\) has 2 tokens; expected one each"):
        measures(logits, prompts, logits)


def test_ranks_are_those_of_known_matrices():
    rng = np.random.default_rng(0)
    square = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    assert effective_rank(torch.tensor(square)) == pytest.approx(5)
    rank_one = torch.tensor(np.outer(rng.normal(size=7), rng.normal(size=5)))
    assert effective_rank(rank_one) == pytest.approx(1)


def test_updates_are_compared_entry_by_entry():
    rng = np.random.default_rng(1)
    W, tuned = rng.normal(size=(2, 6, 4))
    pairs = [rng.normal(size=(2, 3, 4)) for _ in range(3)]
    own, wrong, other = (patches_of(*pair) for pair in pairs)
    found = compared([torch.tensor(W)], [torch.tensor(W + tuned)], own, wrong, other)
    each = [
        [np.outer(W @ (c - b), b) / (b @ b) for b, c in zip(*pair, strict=True)] for pair in pairs
    ]
    means = [np.mean(some, axis=0) for some in each]

    def by_hand(A, B):
        return (A * B).sum() / np.sqrt((A**2).sum() * (B**2).sum())

    assert found["finetuned, patch"][0] == pytest.approx(by_hand(tuned, means[0]))
    assert found["finetuned, patch of wrong labels"][0] == pytest.approx(by_hand(tuned, means[1]))
    assert found["finetuned, patch of another task"][0] == pytest.approx(by_hand(tuned, means[2]))
    assert found["patch, patch of another task"][0] == pytest.approx(by_hand(means[0], means[2]))
    assert found["size of the patch"][0] == pytest.approx(
        np.linalg.norm(means[0]) / np.linalg.norm(W)
    )
    a, b, c = each[0]
    expected = np.mean([by_hand(a, b), by_hand(a, c), by_hand(b, c)])
    assert found["patches of two questions"][0] == pytest.approx(expected)
    assert alike(torch.tensor(W), own, 0) == pytest.approx(expected)
    assert cosine(torch.tensor(W), torch.tensor(-2 * W)) == pytest.approx(-1)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_first_matrices_turn_z_into_what_the_mlp_makes_of_it(family):
    model = loaded(family)
    patches = read_patches(model, make_prompts(family, n=1), [0])
    for layer, (W, block) in enumerate(
        zip(first_matrices(model.net), model.net.model.layers, strict=True)
        if family == "llama"
        else zip(first_matrices(model.net), model.net.transformer.h, strict=True)
    ):
        z = patches.before[0, layer]
        maps = [block.mlp.c_fc] if family == "gpt2" else [block.mlp.gate_proj, block.mlp.up_proj]
        with torch.no_grad():
            made = torch.cat([m(z) - (0 if m.bias is None else m.bias) for m in maps])
        np.testing.assert_allclose(W @ z, made, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(tasks=("mini-sst2",)), r"expected two or more different tasks"),
        (dict(tasks=("mini-sst2", "mini-sst2")), r"expected two or more different tasks"),
        (dict(seeds=()), r"seeds is empty; expected at least one"),
        (dict(seeds=(1, 1)), r"seeds names 1 more than once"),
        (dict(questions=5), r"questions is 5; expected an even number"),
        (dict(questions=2), r"questions is 2"),
        (dict(k=0), r"k is 0"),
        (dict(lr_mlp=0.0), r"lr_mlp is 0.0"),
    ],
)
def test_settings_that_make_no_sense(settings, message):
    with pytest.raises(ValueError, match=message):
        PatchesElsewhere(**(SMALL | settings))


def test_a_rate_that_is_too_large_is_said():
    with pytest.raises(ValueError, match=r"finetuning of K/V diverged at rate 1e\+30"):
        PatchesElsewhere(**(SMALL | dict(lr=1e30))).run()
