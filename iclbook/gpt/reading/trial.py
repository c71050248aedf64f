"""A model of a family without an entry is tried before it is used.

Two short queries are read behind a context, once by the engine and once each by the model itself.
The log-probabilities have to agree, and so do the values and (rotation keeps their length) the
queries of every head with those that attention gets.
"""

from functools import partial

import torch
from torch import Tensor, nn

from iclbook.gpt.model.families import FOUND
from iclbook.gpt.model.family import Family
from iclbook.gpt.model.queries import recorded_queries
from iclbook.gpt.model.structure import guesses
from iclbook.gpt.reading.context import Context, Filler, Pack, Tail
from iclbook.gpt.reading.merge import precise
from iclbook.gpt.reading.takeover import forward, reading

CONTEXT, QUERIES = 13, (5, 8)
"""How many tokens are tried."""

ALLOWED = {torch.float64: 1e-6, torch.float32: 1e-3}
"""How far numbers may differ, by precision; for the others `HALF`."""

HALF = 0.2


def try_families(net: nn.Module) -> Family:
    """The first guess of the model's family that stands the test; it is kept with the model.

    Raises
    ------
    ValueError
        If there is none; the message has the measured difference.
    """
    allowed = ALLOWED.get(net.dtype, HALF)
    for family in guesses(net):
        FOUND[net] = family
        try:
            found = _differences(net)
            if max(found.values()) <= allowed:
                return family
        except (RuntimeError, IndexError) as error:  # parts that do not fit each other
            found = {f"it fails ({str(error).splitlines()[0]}), values": float("inf")}
        except BaseException:
            del FOUND[net]
            raise
        del FOUND[net]
    told = ", ".join(f"{name} by {value:.1e}" for name, value in found.items())
    raise ValueError(
        f"The model is of family {net.config.model_type!r}, which the book does not know, and read "
        f"by its structure it differs from its own forward pass: {told} (allowed: {allowed:g}). "
        f"Choose a model of another family; `python -m iclbook models` lists those that work."
    )


@torch.no_grad()
def _differences(net: nn.Module) -> dict[str, float]:
    """The largest differences from the model's own forward pass."""
    random = torch.Generator().manual_seed(0)
    some = partial(torch.randint, 0, net.config.vocab_size, generator=random)
    context, *queries = (some((n,)).tolist() for n in (CONTEXT, *QUERIES))
    with reading(net):
        pack = Pack(queries, Tail(), CONTEXT, net.device)
        logits = precise(Context(net, context).read(pack, pack.ends))
    worst = 0.0
    for query, ours in zip(queries, logits, strict=True):
        row = torch.tensor([context + query], device=net.device)
        theirs = precise(net(input_ids=row, use_cache=False, logits_to_keep=1).logits[0, -1])
        worst = max(worst, _distance(ours.log_softmax(-1), theirs.log_softmax(-1)))
    return {"log-probabilities": worst, **_parts(net, context)}


def _parts(net: nn.Module, tokens: list[int]) -> dict[str, float]:
    """How far values, and the lengths of queries, are from those that attention gets."""
    family, values, worst = FOUND[net], {}, dict(values=0.0, queries=0.0)
    recorder = _Recorder(net, len(tokens))
    modules = [parts["v"] for parts in family.projections(net)]
    hooks = [
        v.module.register_forward_hook(
            lambda module, args, out, v=v, layer=layer: values.update({layer: v.of_output(out)})
        )
        for layer, v in enumerate(modules)
    ]
    try:
        with reading(net), recorded_queries(net) as queries:
            row = torch.tensor([tokens], device=net.device)
            forward(net, recorder, row, torch.arange(len(tokens), device=net.device)[None], 1)
    finally:
        for hook in hooks:
            hook.remove()
    for layer, found in enumerate(queries):
        heads = recorder.queries[layer].transpose(1, 2)
        ours = found.unflatten(-1, heads.shape[-2:]).norm(dim=-1)
        worst["queries"] = max(worst["queries"], _distance(ours, heads.norm(dim=-1)))
        theirs = recorder.values[layer].transpose(1, 2).flatten(2)
        worst["values"] = max(worst["values"], _distance(values[layer], theirs))
    return worst


def _distance(a: Tensor, b: Tensor) -> float:
    """The largest difference; infinite between tensors that differ in shape."""
    return float((a - b).abs().max()) if a.shape == b.shape else float("inf")


class _Recorder(Filler):
    """Reads a row and keeps the scaled queries as well."""

    def __init__(self, net: nn.Module, length: int):
        super().__init__(net, length)
        self.queries = {}

    def attend(self, layer: int, q, k, v, scale: float) -> Tensor:
        self.queries[layer] = q * scale
        return super().attend(layer, q, k, v, scale)
