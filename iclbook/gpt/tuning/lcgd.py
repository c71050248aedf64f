"""Layer-causal gradient descent: each layer learns from a loss of its own.

In a forward pass a layer does not know what the layers above it will compute; backpropagation tells
it. Deutch et al. 2024 take that away: the gradient stays within the layer, and every layer has
a next-token loss, read off by the model's own final norm and output head. Two forms are around.

``lcgd-code`` (what the authors' code does)
    The input of a layer is detached. The whole layer's output (residual stream and MLP included)
    goes to the head. The loss is the sum over layers of the mean over tokens; one step an example.
``lcgd-paper`` (what the paper writes)
    The output of the attention block alone goes to the head, and there is one step a token.

The paper's form also stops the gradient at the queries. Nothing is left to stop: with a detached
input a query depends on its own weights only, and those do not train.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter

import torch
from torch import nn

from iclbook.gpt.model.families import family_of


@contextmanager
def layer_causal(net: nn.Module, form: str) -> Iterator[None]:
    """Make the model read off every layer, and keep gradients within layers, inside the block.

    The logits get one batch a layer, the first layer first: (layers * batch, tokens, vocabulary).
    So one forward and one backward pass serve the losses of all layers.

    Parameters
    ----------
    net : PreTrainedModel
    form : {"lcgd-paper", "lcgd-code"}
        What goes through the final norm and the head: each layer's attention-block output, or its
        whole output.
    """
    family = family_of(net)
    layers = list(attrgetter(family.layers)(net))
    sources = layers if form == "lcgd-code" else family.outputs(net)
    outputs: list[torch.Tensor] = []

    def detach(module, args, kwargs):
        if args:
            return (args[0].detach(), *args[1:]), kwargs
        return args, kwargs | dict(hidden_states=kwargs["hidden_states"].detach())

    def collect(module, args, output):
        outputs.append(output[0] if isinstance(output, tuple) else output)

    def replace(module, args, output):
        every = torch.cat(outputs)
        outputs.clear()
        return (every, *output[1:]) if isinstance(output, tuple) else every

    hooks = [layer.register_forward_pre_hook(detach, with_kwargs=True) for layer in layers]
    hooks += [source.register_forward_hook(collect) for source in sources]
    hooks.append(layers[-1].register_forward_hook(replace))  # runs after `collect`
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
