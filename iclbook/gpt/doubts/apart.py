"""Demonstrations in context that do not read each other.

A prompt is one text: each demonstration reads those before it, and stands at a place of its own.
Both depend on the order. Here every demonstration is read by itself behind the beginning of the
text, and what it leaves in the layers, keys and values, is put together afterwards, for the
questions to read. At their places in the text only the positions are left to feel the order; all
side by side at one place, nothing is. (Ratner et al. 2023 read prompts so that exceed the window.)

Chapter: "Do they feel the order alike?"
"""

import numpy as np
import torch

from iclbook.gpt.model.families import family_of
from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.context import Context, Filler, Pack, Tail
from iclbook.gpt.reading.merge import precise
from iclbook.gpt.reading.takeover import forward, reading
from iclbook.gpt.text.prompts import Prompts


def read_apart(model: LanguageModel, prompts: Prompts, side_by_side: bool) -> np.ndarray:
    """Next-token probabilities behind each question, the demonstrations read one by one.

    Parameters
    ----------
    model : LanguageModel
    prompts : Prompts
    side_by_side : bool
        All demonstrations begin at the same position, and the questions behind the longest;
        otherwise each stands where it stands in the text.

    Returns
    -------
    (n, V) array

    Raises
    ------
    ValueError
        If there are no demonstrations, or the model adds to its scores by distance, or has a window
        that the text does not fit.
    """
    if not prompts.demos:
        raise ValueError(
            "these prompts hold no demonstrations; expected one or more to read apart. "
            "Without any, use observe(model, prompts, context=False)."
        )
    net, bos = model.net, len(prompts.bos)
    demos = (max(prompts.demos, key=len),) if side_by_side else prompts.demos
    start = bos + sum(map(len, demos))
    family, longest = family_of(net), start + max(map(len, prompts.queries))
    windows = [window for window in family.windows(net) if window is not None]
    if family.distances(net, 1) is not None or min(windows, default=longest) < longest:
        raise ValueError(
            f"this model of family {net.config.model_type!r} has biases by distance or a window "
            f"below {longest} tokens; expected one that reads every token alike. Choose another."
        )
    with reading(net):
        context = _joined(net, prompts, side_by_side)
        pack = Pack(prompts.queries, Tail(), start, net.device)
        logits = precise(context.read(pack, pack.ends))
    return logits.softmax(dim=-1).cpu().numpy()


def _joined(net, prompts: Prompts, side_by_side: bool) -> Context:
    """A context of what each demonstration leaves when it is read by itself."""
    context, bos = Context(net, prompts.bos), len(prompts.bos)
    parts, start = [(context.keys, context.values)] if bos else [], bos
    for demo in prompts.demos:
        filler = Filler(net, bos + len(demo))
        at = torch.cat([torch.arange(bos), start + torch.arange(len(demo))])
        row = torch.tensor([[*prompts.bos, *demo]], device=net.device)
        forward(net, filler, row, at[None].to(net.device), 1)
        parts.append(
            [{i: x[:, :, bos:] for i, x in of.items()} for of in (filler.keys, filler.values)]
        )
        start += 0 if side_by_side else len(demo)
    keys, values = zip(*parts, strict=True)
    context.keys, context.values = (
        {layer: torch.cat([part[layer] for part in some], dim=2) for layer in some[0]}
        for some in (keys, values)
    )
    context.length = bos + sum(map(len, prompts.demos))
    return context
