"""Models in double precision: nothing on the way rounds to single."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from test_gpt_score import SEVERAL, make_prompts, plain
from tiny_models import save_tiny

from iclbook.gpt.model.load import load_model
from iclbook.gpt.reading.heads import read_heads
from iclbook.gpt.reading.observe import WANT, observe
from iclbook.gpt.reading.score import predict
from iclbook.gpt.tuning.finetune import Finetuning, finetune


@pytest.mark.parametrize("family", ["gpt2", "opt", "xglm", "falcon heads"])
def test_log_probabilities(family, tmp_path):
    model = load_model(str(save_tiny(family, tmp_path)), dtype="float64")
    assert model.dtype == torch.float64
    assert model.origin["dtype"] == "float64"
    prompts = make_prompts(family, SEVERAL, n=6)
    ours = predict(model, prompts, True)
    assert ours.dtype == np.float64
    with double():
        theirs = plain(model, prompts, True)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@contextmanager
def double():
    """XGLM's own forward pass makes a constant that does not fit the default precision."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("family", ["gpt2", "xglm"])
def test_observations_and_training(family, tmp_path):
    model = load_model(str(save_tiny(family, tmp_path)), dtype="float64")
    single = load_model(str(tmp_path))
    prompts = make_prompts(family, n=4)
    base = observe(model, prompts, True, want=WANT)
    rough = observe(single, prompts, True, want=WANT)
    for name in ("hidden", "scores", "context_scores", "queries"):
        ours, theirs = (getattr(seen, name)["last"] for seen in (base, rough))
        assert (ours.dtype, theirs.dtype) == (np.float64, np.float32)
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert read_heads(model, prompts.context).k.dtype == np.float64
    # A step far below single precision shows, and is proportional to the rate.
    moves = []
    for lr in (1e-9, 2e-9):
        with finetune(model, prompts, Finetuning(lr=lr), record_queries=True) as tuned:
            moved = observe(model, prompts, True).hidden["last"] - base.hidden["last"]
        assert tuned.queries[0].dtype == np.float64
        moves.append(moved)
    np.testing.assert_allclose(moves[1], 2 * moves[0], rtol=1e-3, atol=1e-13)
    assert np.abs(moves[0]).max() > 1e-11
    assert torch.get_default_dtype() == torch.float32
