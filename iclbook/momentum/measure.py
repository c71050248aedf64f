"""What a model is judged by: perplexity of text, and answers in context."""

import copy

import numpy as np
import torch
from transformers import DynamicCache

from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.text.prompts import Prompts
from iclbook.gpt.text.words import label_tokens
from iclbook.mini.training import mean_loss
from iclbook.momentum.languages import Batch


def perplexity(net, batch: Batch, length: int) -> float:
    """Perplexity of texts that are cut into pieces of a length; the first token of each is given.

    Parameters
    ----------
    net : transformers.PreTrainedModel
    batch : list of arrays, (rows, tokens)
    length : int
        Tokens of a piece, no more than there are in a row.
    """
    pieces = [rows[:, : rows.shape[1] // length * length].reshape(-1, length) for rows in batch]
    return float(np.exp(mean_loss(net, pieces, "float32")))


@torch.no_grad()
def answers(model: LanguageModel, prompts: Prompts, batch: int = 10) -> np.ndarray:
    """The label that a model predicts for each item in context, with what is added to attention.

    The demonstrations are read once. Behind them stand the questions of a batch, padded.

    Parameters
    ----------
    model : LanguageModel
    prompts : Prompts
        With label words of one token each.
    batch : int
        Questions read side by side.

    Returns
    -------
    (n,) array of int
        Label ids.

    Raises
    ------
    ValueError
        If a label word has several tokens.
    """
    labels = label_tokens(prompts)
    net, context = model.net, DynamicCache(config=model.net.config)
    ids = torch.tensor([prompts.context], device=net.device)
    net(input_ids=ids, past_key_values=context, use_cache=True, logits_to_keep=1)
    found = []
    for first in range(0, len(prompts.queries), batch):
        queries = [torch.tensor(query) for query in prompts.queries[first : first + batch]]
        rows = torch.nn.utils.rnn.pad_sequence(queries, batch_first=True).to(net.device)
        ends = torch.tensor([len(query) for query in queries], device=net.device)
        at = torch.arange(rows.shape[1], device=net.device)
        before = torch.ones(len(rows), ids.shape[1], dtype=torch.bool, device=net.device)
        cache = copy.deepcopy(context)
        cache.batch_repeat_interleave(len(rows))
        logits = net(
            input_ids=rows,
            attention_mask=torch.cat([before, at < ends[:, None]], dim=1),
            position_ids=(ids.shape[1] + at).expand(len(rows), -1),
            past_key_values=cache,
            use_cache=True,
        ).logits
        last = logits[torch.arange(len(rows)), ends - 1]
        found.append(last[:, labels].argmax(dim=1).cpu().numpy())
    return np.concatenate(found)
