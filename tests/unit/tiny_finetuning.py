"""What the tests of finetuning share: demonstrations of random tokens, and tiny models."""

import copy
from functools import cache
from tempfile import TemporaryDirectory

import numpy as np
import torch
from tiny_models import save_tiny, tiny_tokenizer
from torch import nn
from transformers import AutoModelForCausalLM

from iclbook.gpt.model.families import family_of
from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.text.prompts import Prompts

BOS, LABELS, SEPARATOR = 3, ((7,), (8,)), 9


def make_prompts(k: int = 4, labels=LABELS) -> Prompts:
    """`k` demonstrations of different lengths; the label words in turn."""
    random = np.random.default_rng(0)
    golds = tuple(i % len(labels) for i in range(k))
    texts = [tuple(random.integers(20, 200, size=4 + 3 * i % 11).tolist()) for i in range(k)]
    return Prompts(
        bos=(BOS,),
        demos=tuple(t + labels[g] + (SEPARATOR,) for t, g in zip(texts, golds)),
        separator=(SEPARATOR,),
        queries=((4, 5),),
        labels=labels,
        gold=np.array([0]),
        demo_gold=golds,
        k=k,
    )


def load_net(family: str, layers: int = 2) -> nn.Module:
    """A tiny random model of a family, loaded by transformers alone."""
    return copy.deepcopy(_loaded(family, layers))


@cache
def _loaded(family: str, layers: int) -> nn.Module:
    with TemporaryDirectory() as folder:
        changes = {"num_hidden_layers": layers} if layers != 2 else {}
        return AutoModelForCausalLM.from_pretrained(save_tiny(family, folder, **changes))


def as_model(net: nn.Module) -> LanguageModel:
    """A language model of this network. Its tokenizer is not asked: the prompts are token ids."""
    return LanguageModel(net, _tokenizer(), family_of(net), "tiny", {})


_tokenizer = cache(lambda: tiny_tokenizer("gpt2"))


def weights_of(net: nn.Module) -> dict[str, torch.Tensor]:
    """A copy of all parameters."""
    return {name: p.detach().clone() for name, p in net.named_parameters()}


def same(a: dict, b: dict) -> bool:
    """Whether two copies agree bit for bit."""
    return all(torch.equal(a[name], b[name]) for name in a | b)


def plain_steps(net: nn.Module, parameters, demos, lr: float) -> None:
    """One SGD step a demonstration with torch's own optimiser and transformers' own loss."""
    optimiser = torch.optim.SGD(parameters, lr=lr)
    for demo in demos:
        ids = torch.tensor([demo])
        optimiser.zero_grad()
        net(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        optimiser.step()
