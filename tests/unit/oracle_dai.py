"""The metrics of Dai et al. 2023 as their code computes them, one number after the other.

Written from the description of what that code records and computes, in plain loops over records
like its own, one an item. It imports nothing of the engine, so that agreement means something.

A record is a dict:

- `hidden[l][j]`: attention-block output at the token of candidate label 0;
- `attn_map[l][h][t]`: its scaled scores before the softmax, to the query's tokens and itself;
- `attn_ctx[l][t]`: the same to the context's tokens, summed over heads (in-context records);
- `attn_q[l][j]`: its query (finetuned records), or `attn_q[l][t][j]` for training examples;
- `gold`, `predicted`.
"""

import math

from scipy.stats import kendalltau

TINY = 1e-20


def norm(v):
    return math.sqrt(sum(float(a) ** 2 for a in v))


def dot(v, w):
    return sum(float(a) * float(b) for a, b in zip(v, w, strict=True))


def cos(v, w):
    return dot(v, w) / (norm(v) * norm(w) + TINY)


def minus(v, w):
    return [float(a) - float(b) for a, b in zip(v, w, strict=True)]


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def rec2ftp(zsl, icl, ft):
    better = recalled = 0
    for z, i, f in zip(zsl, icl, ft, strict=True):
        if f["predicted"] == f["gold"] and z["predicted"] != z["gold"]:
            better += 1
            if i["predicted"] == i["gold"]:
                recalled += 1
    return recalled / better


def sim_aou(zsl, icl, ft, random=None):
    """One mean over items for each layer; `random[i][l]` takes the place of the FT update."""
    layers = []
    for layer in range(len(zsl[0]["hidden"])):
        scores = []
        for item, (z, i, f) in enumerate(zip(zsl, icl, ft, strict=True)):
            unit = []
            for record in (z, i, f):
                h = record["hidden"][layer]
                unit.append([float(a) / (norm(h) + TINY) for a in h])
            update = minus(unit[2], unit[0]) if random is None else random[item][layer]
            scores.append(cos(minus(unit[1], unit[0]), update))
        layers.append(mean(scores))
    return layers


def sim_am(first, second):
    """One mean over items, of means over heads, for each layer."""
    layers = []
    for layer in range(len(first[0]["attn_map"])):
        scores = []
        for a, b in zip(first, second, strict=True):
            pairs = zip(a["attn_map"][layer], b["attn_map"][layer], strict=True)
            scores.append(mean(cos(row, other) for row, other in pairs))
        layers.append(mean(scores))
    return layers


def softmax(v):
    top = max(v)
    weights = [math.exp(a - top) for a in v]
    return [w / sum(weights) for w in weights]


def kendall(icl, ft, training, items=100, random=None):
    """One mean over the first items for each layer; `random[i][l]` replaces the FT weights."""
    layers = []
    for layer in range(len(icl[0]["attn_ctx"])):
        taus = []
        for item, (i, f) in enumerate(zip(icl[:items], ft[:items], strict=True)):
            context = [float(a) for a in i["attn_ctx"][layer]]
            in_context, finetuned, place = [], [], 1  # the context opens with one BOS
            for example in training:
                queries = example["attn_q"][layer][1:]  # and so does each training example
                in_context += context[place : place + len(queries)]
                place += len(queries) + 1  # one separator after each demonstration
                finetuned += [dot(q, f["attn_q"][layer]) for q in queries]
            assert place == len(context)
            if random is not None:
                finetuned = random[item][layer]
            taus.append(kendalltau(softmax(in_context), softmax(finetuned)).statistic)
        layers.append(mean(taus))
    return layers
