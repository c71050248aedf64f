"""Scores of label words against the plain run: each prompt by itself, without a cache."""

import numpy as np
import pytest
import torch
from tiny_models import BOS, FAMILIES, LOCAL, loaded

from iclbook.gpt.reading import score
from iclbook.gpt.reading.merge import attend, merge
from iclbook.gpt.reading.score import predict
from iclbook.gpt.text.prompts import Prompts

SINGLE = ((35,), (46,), (57,))
SEVERAL = ((35, 68), (46,), (57, 79, 80))


def make_prompts(family, labels=SINGLE, n=40, k=6, seed=0) -> Prompts:
    """Prompts of random tokens; the context is longer than the window of windowed layers."""
    rng = np.random.default_rng(seed)

    def some(low, high):
        return tuple(rng.integers(100, 400, rng.integers(low, high)).tolist())

    prompts = Prompts(
        bos=(90,) if family in BOS else (),
        demos=tuple(some(8, 12) for _ in range(k)),
        separator=(91,),
        queries=tuple(some(2, 20) for _ in range(n)),
        labels=labels,
        gold=rng.integers(0, len(labels), n),
        demo_gold=(0,) * k,
        k=k,
    )
    assert len(prompts.context) > LOCAL
    return prompts


@torch.no_grad()
def plain(model, prompts, context) -> np.ndarray:
    """One uncached forward pass for every prompt and label word; words of one token share it."""
    before = prompts.context if context else prompts.zero_shot
    found = np.empty((len(prompts.queries), len(prompts.labels)))
    for i, query in enumerate(prompts.queries):
        behind = {}  # log-probabilities, by all tokens of a word but its last
        for j, word in enumerate(prompts.labels):
            if word[:-1] not in behind:
                ids = torch.tensor([before + query + word[:-1]])
                logits = model.net(ids, logits_to_keep=len(word)).logits[0]
                behind[word[:-1]] = logits.log_softmax(-1)
            found[i, j] = behind[word[:-1]].gather(1, torch.tensor(word)[:, None]).mean()
    return found


def same_predictions(ours, theirs) -> bool:
    """Equal argmax wherever the best and the second best are not a rounding apart."""
    best = np.sort(theirs, axis=1)
    clear = best[:, -1] - best[:, -2] > 2e-4
    assert clear.mean() > 0.95
    return (ours.argmax(1) == theirs.argmax(1))[clear].all()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("context", [True, False], ids=["in-context", "zero-shot"])
def test_every_family_scores_as_the_plain_run_does(family, context):
    model, prompts = loaded(family), make_prompts(family, n=80)
    ours, theirs = predict(model, prompts, context), plain(model, prompts, context)
    assert np.abs(ours - theirs).max() < 1e-4
    assert same_predictions(ours, theirs)
    assert len(set(theirs.argmax(1))) > 1  # or the test would say nothing


@pytest.mark.parametrize("family", FAMILIES)
def test_label_words_of_several_tokens(family):
    model, prompts = loaded(family), make_prompts(family, SEVERAL, n=10)
    assert np.abs(predict(model, prompts, True) - plain(model, prompts, True)).max() < 1e-4


@pytest.mark.parametrize(
    "family", ["gpt2", "gpt_neo", "xglm", "mistral", "gemma2", "mpt", "falcon"]
)
def test_neighbours_in_a_batch_do_not_matter(family):
    model, prompts = loaded(family), make_prompts(family, SEVERAL)
    alone = predict(model, prompts, True, batch_tokens=1)
    together = predict(model, prompts, True, batch_tokens=10_000)
    np.testing.assert_allclose(alone, together, atol=1e-5)


@pytest.mark.parametrize("family", ["gpt2", "xglm"])
def test_context_is_read_once_and_nothing_is_padded(family):
    model, prompts = loaded(family), make_prompts(family)
    seen = []
    embedding = model.net.get_input_embeddings()
    hook = embedding.register_forward_hook(lambda module, args, out: seen.append(args[0].numel()))
    predict(model, prompts, True, batch_tokens=100)
    hook.remove()
    assert len(seen) > 2
    assert sum(seen) == len(prompts.context) + sum(map(len, prompts.queries))


@pytest.mark.parametrize("family", ["gpt_neo", "gpt2", "falcon heads"])
def test_the_model_is_left_as_it_was(family):
    model, prompts = loaded(family), make_prompts(family, n=3)
    before = {name: value.clone() for name, value in model.net.state_dict().items()}
    implementation = model.net.config._attn_implementation
    predict(model, prompts, True)
    with pytest.raises(ValueError, match="batch_tokens"):
        predict(model, prompts, True, batch_tokens=-1)
    assert model.net.config._attn_implementation == implementation
    assert all(torch.equal(before[name], value) for name, value in model.net.state_dict().items())
    assert not any({"forward", "_attn"} & set(vars(module)) for module in model.net.modules())
    loss = model.net(torch.tensor([prompts.queries[0]])).logits.sum()
    loss.backward()  # gradients are on again
    model.net.zero_grad(set_to_none=True)


def test_items_come_in_the_order_asked_for():
    model, prompts = loaded("gpt2"), make_prompts("gpt2")
    done = []
    some = predict(model, prompts, True, items=[7, 3, 11], progress=done.append)
    np.testing.assert_allclose(some, predict(model, prompts, True)[[7, 3, 11]], atol=1e-5)
    assert sum(done) == 3


@pytest.mark.usefixtures("plain_python")
@pytest.mark.parametrize("items", [[], [40], [-1], [1, 1], [0.5]])
def test_items_that_do_not_exist(items):
    with pytest.raises(ValueError, match="items"):
        predict(loaded("gpt2"), make_prompts("gpt2"), False, items=items)


def test_a_prompt_longer_than_the_window_is_refused():
    with pytest.raises(ValueError, match=r"item \d+ has \d+ tokens.*reads 512"):
        predict(loaded("gpt2"), make_prompts("gpt2", k=60), True)


def test_out_of_memory_goes_on_with_half_the_batch(monkeypatch):
    model, prompts = loaded("gpt2"), make_prompts("gpt2")
    expected = predict(model, prompts, True)
    read = score._read

    def small_memory(shared, prompts, batch, *rest):
        if len(batch) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return read(shared, prompts, batch, *rest)

    monkeypatch.setattr(score, "_read", small_memory)
    with pytest.warns(UserWarning, match="out of memory") as told:
        found = predict(model, prompts, True)
    assert "with 40 items at once: going on with 20" in str(told[0].message)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("form", ["all", "causal", "mask"])
def test_attention_in_two_parts_is_attention(groups, form):
    torch.manual_seed(groups)
    t, split = 11, 4
    q, k, v = (torch.randn(2, heads, t, 8) for heads in (4, groups, groups))
    mask = torch.rand(1, 1, t, t) < 0.5
    mask[..., 0, :split] = False  # a query that sees nothing of the first part
    mask[..., -1] = True
    if form != "mask":
        mask = torch.ones(t, t, dtype=torch.bool).tril() if form == "causal" else None
    theirs = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=mask, scale=0.3, enable_gqa=True
    )
    if form == "causal":
        ours = attend(q, k, v, 0.3, causal=True)[0]
    else:
        parts = [slice(None, split), slice(split, None)]
        ours = merge(
            *(
                attend(q, k[:, :, p], v[:, :, p], 0.3, mask=None if mask is None else mask[..., p])
                for p in parts
            )
        )
    torch.testing.assert_close(ours, theirs)
