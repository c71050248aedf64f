"""Observations against each model's own attention map, item by item, without a cache."""

from collections import namedtuple
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from test_gpt_score import SEVERAL, make_prompts
from tiny_models import BOS, FAMILIES, LOCAL, WINDOWS, eager, loaded

from iclbook.gpt.metrics.chunks import chunks
from iclbook.gpt.model.queries import normed
from iclbook.gpt.reading import observe as module
from iclbook.gpt.reading.observe import WANT, observe
from iclbook.gpt.reading.score import predict

N = 12


@torch.no_grad()
def plain(model, ids):
    """Attention map, attention output and unrotated keys of every layer, by the model itself."""
    net = model.net
    outputs, keys = [], []
    hooks = [
        block.register_forward_hook(lambda m, args, out: outputs.append(out[0].numpy()))
        for block in model.family.outputs(net)
    ]

    def key_hook(k, norm):
        def hook(m, args, out):
            keys.append(normed(k.of_output(out), norm)[0].numpy())

        return hook

    for block, parts in zip(model.family.attentions(net), model.family.projections(net)):
        norm = getattr(block, (model.family.query_norm or "q").replace("q", "k", 1), None)
        hook = key_hook(parts["k"], norm)
        hooks.append(parts["k"].module.register_forward_hook(hook))
    try:
        with eager(net):
            maps = net(torch.tensor([ids]), output_attentions=True).attentions
    finally:
        for hook in hooks:
            hook.remove()
    return [m[0].numpy() for m in maps], outputs, keys


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("context", [True, False], ids=["in-context", "zero-shot"])
def test_every_family_against_its_own_attention_map(family, context):
    model, prompts = loaded(family), make_prompts(family, n=N)
    seen = observe(model, prompts, context, want=WANT, batch_tokens=60)
    before = prompts.context if context else prompts.bos
    c = len(before)
    windows = model.family.windows(model.net)
    assert any(windows) == (family in WINDOWS)
    for i, query in enumerate(prompts.queries):
        maps, outputs, keys = plain(model, before + query + prompts.labels[0])
        for position, end in (("label", c + len(query)), ("last", c + len(query) - 1)):
            n = end - c + 1
            assert seen.lengths[position][i] == n
            for layer, attention in enumerate(maps):
                own = seen.scores[position][i, layer]
                assert (own[:, : own.shape[1] - n] == 0).all()
                with np.errstate(divide="ignore"):
                    weights = np.log(attention[:, end, : end + 1])  # scores less their normaliser
                visible = np.isfinite(weights[0])
                ours = own[:, own.shape[1] - n :]
                assert (ours[:, ~visible[c:]] == 0).all()
                ours, theirs = ours[:, visible[c:]], weights[:, c:][:, visible[c:]]
                normaliser = (ours - theirs).mean(1, keepdims=True)
                np.testing.assert_allclose(ours - theirs, normaliser + 0 * ours, atol=2e-4)
                if c == 0:  # nothing else is attended to: the softmax of the scores is the map
                    softmax = np.exp(ours) / np.exp(ours).sum(1, keepdims=True)
                    np.testing.assert_allclose(softmax, np.exp(theirs), atol=1e-5)
                far = seen.context_scores[position][i, layer]
                assert (np.isnan(far) == ~visible[:c]).all()
                assert seen.masked[position][i, layer] == (~visible[:c]).sum()
                summed = (weights[:, :c] + normaliser).sum(0)[visible[:c]]
                np.testing.assert_allclose(far[visible[:c]], summed, atol=1e-3)
                out = seen.hidden[position][i, layer]
                np.testing.assert_allclose(out, outputs[layer][end], atol=1e-4)
                # Rotation does not change a token's score with itself.
                q = seen.queries[position][i, layer].reshape(len(own), -1)
                k = keys[layer][end].reshape(-1, q.shape[1])
                k = k.repeat(len(q) // len(k), axis=0)
                products, bound = (q * k).sum(1), model.family.softcaps(model.net)[layer]
                products = products if bound is None else bound * np.tanh(products / bound)
                np.testing.assert_allclose(products, own[:, -1], atol=1e-4)


def test_predictions_are_those_of_predict():
    model, prompts = loaded("xglm"), make_prompts("xglm", SEVERAL, n=N)
    for context in (True, False):
        seen = observe(model, prompts, context)
        scores = predict(model, prompts, context)
        np.testing.assert_allclose(seen.log_probs, scores, atol=1e-5)
        assert (seen.predicted == scores.argmax(1)).all()
        assert (seen.gold == prompts.gold).all()


@pytest.mark.parametrize("family", ["gpt2", "mistral"])
def test_a_label_word_of_several_tokens_is_seen_at_its_end(family):
    model, prompts = loaded(family), make_prompts(family, SEVERAL, n=N)
    seen = observe(model, prompts, True)
    c = len(prompts.context)
    for i, query in enumerate(prompts.queries):
        maps, outputs, _ = plain(model, prompts.context + query + SEVERAL[0])
        weights, n = maps[0][:, -1], len(query) + len(SEVERAL[0])
        assert seen.lengths["label"][i] == n
        np.testing.assert_allclose(seen.hidden["label"][i, 0], outputs[0][-1], atol=1e-4)
        ours = seen.scores["label"][i, 0][:, -n:]
        shown = weights[0, c:] > 0
        difference = (ours - np.log(np.maximum(weights[:, c:], 1e-30)))[:, shown]
        np.testing.assert_allclose(difference, difference[:, :1] + 0 * difference, atol=2e-4)


def test_one_place_alone_is_the_same():
    model, prompts = loaded("llama"), make_prompts("llama", n=N)
    both = observe(model, prompts, True, items=[4, 1, 9])
    last = observe(model, prompts, True, items=[4, 1, 9], positions=("last",))
    np.testing.assert_allclose(both.hidden["last"], last.hidden["last"], atol=1e-5)
    np.testing.assert_allclose(both.scores["last"], last.scores["last"], atol=1e-5)
    assert set(last.hidden) == {"last"}


def test_next_token_distribution():
    model, prompts = loaded("gpt2"), make_prompts("gpt2", n=N)
    seen = observe(model, prompts, True, want=("top", "distribution"), top=5)
    assert seen.hidden == {}
    assert seen.scores == {}
    with torch.no_grad():
        logits = model.net(torch.tensor([prompts.context + prompts.queries[2]])).logits[0, -1]
    np.testing.assert_allclose(seen.distribution[2], logits.softmax(-1), atol=1e-6)
    np.testing.assert_allclose(seen.distribution.sum(1), 1, atol=1e-5)
    assert seen.top_ids[2].tolist() == logits.topk(5).indices.tolist()
    np.testing.assert_allclose(
        seen.top_probs, np.take_along_axis(seen.distribution, seen.top_ids, 1), atol=1e-6
    )


def test_arrays_in_files(tmp_path):
    model, prompts = loaded("gpt2"), make_prompts("gpt2", n=N)
    memory = observe(model, prompts, True, want=WANT)
    files = observe(model, prompts, True, want=WANT, folder=tmp_path)
    for name in ("hidden", "scores", "context_scores", "queries"):
        stored = getattr(files, name)["label"]
        assert isinstance(stored, np.memmap)
        assert stored.dtype == np.float32
        assert (stored == getattr(memory, name)["label"]).all()
        assert (np.load(tmp_path / f"{name}-label.npy") == stored).all()
    assert (files.distribution == memory.distribution).all()
    assert (files.top_probs == memory.top_probs).all()


def test_a_full_disk_is_seen_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage(1000, 990, 10))
    with pytest.raises(OSError, match=r"need .* MiB in .*free.*fewer items"):
        observe(loaded("gpt2"), make_prompts("gpt2", n=N), True, folder=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("plain_python")
@pytest.mark.parametrize(
    "options",
    [dict(positions=("first",)), dict(want=("maps",)), dict(top=0)],
)
def test_unknown_options(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        observe(loaded("gpt2"), make_prompts("gpt2", n=3), True, **options)


def test_windows_are_shorter_than_the_context():
    """Or the windowed families above would not have been tried."""
    assert len(make_prompts("mistral").context) > 2 * LOCAL
    assert "mistral" in BOS


def test_what_is_in_files_does_not_count_as_memory(tmp_path):
    """Written some rows at a time, in any order, and walked through as the metrics do."""
    shape = (2048, 4, 4096)  # 128 MiB
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:  # no memory of other tests
        written, walked, total = fresh.submit(_grown, shape, tmp_path).result()
    assert written < 2**23
    assert walked < 3 * 2**25  # blocks in double precision
    assert total == 8 * shape[1] * shape[2] * sum(range(0, shape[0], 8))


def _grown(shape: tuple[int, ...], folder: Path) -> tuple[int, int, float]:
    """How much a process grows while it writes an array, and reads it; the array's sum."""
    process = psutil.Process()
    rows = module._Rows(shape, np.dtype(np.float32), folder / "array.npy")
    block = np.ones((8, *shape[1:]), np.float32)
    before = process.memory_info().rss
    for start in reversed(range(0, shape[0], 8)):
        rows.write(range(start, start + 8), block * start)
    stored = rows.read()
    written = process.memory_info().rss - before
    total = sum(values.sum().item() for _, values in chunks(stored))
    return written, process.memory_info().rss - before, total
