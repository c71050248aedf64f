"""Finetuning on the demonstrations of a prompt, and back again.

The setting of Dai et al. 2023 (section 3.2, and their code): one step of plain gradient descent a
demonstration, in the order of the prompt, on the projections to keys and values only; the loss is
the mean next-token loss of the demonstration. Other rules, losses and parameters are those of the
papers that answered it (Deutch et al. 2024, Shen et al. 2024).

Only the entries that train are kept twice. They are written back at the end, so the base model is
there again bit for bit, without being loaded.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.model.projections import Entries
from iclbook.gpt.model.queries import recorded_queries
from iclbook.gpt.reading.merge import precise
from iclbook.gpt.text.prompts import Prompts
from iclbook.gpt.tuning.lcgd import layer_causal
from iclbook.gpt.tuning.steps import Step, step_loss, steps
from iclbook.gpt.tuning.trainable import check_parameters, trainable
from iclbook.validate import check_choice, check_count, check_number

FP16_SCALE = 1024.0
"""Factor on the loss of float16 models, whose small gradients would be zero without it."""


@dataclass(frozen=True)
class Finetuning:
    """How to finetune.

    Parameters
    ----------
    lr : float
        Learning rate, constant.
    optimiser : {"sgd", "adam"}
        Plain gradient descent, or Adam with its usual settings.
    epochs : int
        Passes over the demonstrations, always in their order.
    batch : int or "full"
        Demonstrations a step; the last step of an epoch takes what is left.
    loss : {"all", "label"}
        Mean over all target tokens of the batch, or over those of the label words alone.
    parameters : str
        ``"kv"``: keys and values of every layer; ``"v:3"``: the values of layer 3 (the first is 0);
        ``"mlp"``: the first matrices of every MLP; ``"all"``: the whole model. Biases train with
        their weights, but for those of ``"mlp"``.
    rule : {"gd", "lcgd-paper", "lcgd-code"}
        Gradient descent, or a form of its layer-causal kin (`iclbook.gpt.tuning.lcgd`).

    Raises
    ------
    TypeError, ValueError
        If a setting is none of these, or two do not go together.
    """

    lr: float
    optimiser: str = "sgd"
    epochs: int = 1
    batch: int | str = 1
    loss: str = "all"
    parameters: str = "kv"
    rule: str = "gd"

    def __post_init__(self):
        check_number("lr", self.lr, low=0.0, open_low=True)
        check_choice("optimiser", self.optimiser, ("sgd", "adam"))
        check_count("epochs", self.epochs)
        if isinstance(self.batch, str):
            check_choice("batch", self.batch, ("full",))
        else:
            check_count("batch", self.batch)
        check_choice("loss", self.loss, ("all", "label"))
        check_choice("rule", self.rule, ("gd", "lcgd-paper", "lcgd-code"))
        check_parameters(self.parameters)
        if self.rule != "gd" and self.parameters in ("all", "mlp"):
            raise ValueError(
                f"rule {self.rule!r} does not go with parameters {self.parameters!r}; expected "
                "'kv' or 'v:LAYER', because the losses of the layers stop at each layer's input."
            )
        if self.rule == "lcgd-paper" and self.batch != 1:
            raise ValueError(
                f"rule 'lcgd-paper' does not go with batch {self.batch!r}; expected 1, because it "
                "takes one step a token."
            )


@dataclass
class Finetuned:
    """What happened during finetuning.

    Attributes
    ----------
    losses : list of float
        The loss before each step; the sum over layers if the rule is layer-causal.
    stopped_at : int or None
        The step (from 0) at which a loss, a gradient or a weight was NaN or infinite. Training
        stops there, and the model is of no use.
    queries : list of arrays (L, T_i, d_q), or None
        If asked for, the queries of all tokens of each demonstration, recorded when it is first
        seen, before the step on it.
    weights, base : list of Tensor
        The entries that train, as they are now, and a copy of them before.
    """

    losses: list[float] = field(default_factory=list)
    stopped_at: int | None = None
    queries: list[np.ndarray] | None = None
    weights: list[Tensor] = field(default_factory=list, repr=False)
    base: list[Tensor] = field(default_factory=list, repr=False)

    @property
    def diverged(self) -> bool:
        """Whether training was stopped."""
        return self.stopped_at is not None


@contextmanager
def finetune(
    model: LanguageModel,
    prompts: Prompts,
    how: Finetuning,
    record_queries: bool = False,
    each_epoch: Callable[[int], object] | None = None,
) -> Iterator[Finetuned]:
    """Finetune on the demonstrations of `prompts`; after the block the base weights are back.

    Parameters
    ----------
    model : LanguageModel
    prompts : Prompts
        Its demonstrations, in their order, are the training set.
    how : Finetuning
    record_queries : bool
        Keep the queries of the training tokens, for the attention to them.
    each_epoch : function of int, optional
        Called after each epoch with their number so far, to look at the model on its way.

    Yields
    ------
    Finetuned
        Inside the block the model has the finetuned weights. Afterwards, also when an exception
        passes, it has the base weights, bit for bit.

    Raises
    ------
    ValueError
        Before any work: a layer that the model does not have, no demonstrations, one with nothing
        to predict, a batch larger than their number, a look at each epoch of a layer-causal rule
        (the model reads off its layers then). A loss that becomes NaN is no error.

    Notes
    -----
    For float16 and bfloat16 models the entries that train are kept in float32 as well, and the
    model holds them rounded.
    """
    net = model.net
    chosen = trainable(net, how.parameters)
    _check_demonstrations(prompts, how)
    if each_epoch is not None and how.rule != "gd":
        raise ValueError(f"each_epoch does not go with rule {how.rule!r}; expected 'gd'.")
    weights = [entries.of(entries.parameter.detach()) for entries in chosen]
    base = [w.clone() for w in weights]
    try:
        with torch.enable_grad(), _training_only(net, chosen):
            result = _train(net, prompts, how, chosen, weights, record_queries, each_epoch)
        result.weights, result.base = weights, base
        yield result
    finally:
        for w, before in zip(weights, base, strict=True):
            w.copy_(before)


def _check_demonstrations(prompts: Prompts, how: Finetuning) -> None:
    demos = prompts.finetuning
    if not demos:
        raise ValueError("prompts has no demonstrations (k_used is 0); finetuning needs 1 or more.")
    for i, demo in enumerate(demos):
        if len(demo) < 2:
            raise ValueError(
                f"demonstration {i} has {len(demo)} token; expected 2 or more: one to read, one to "
                "predict."
            )
    if how.batch != "full" and how.batch > len(demos):
        raise ValueError(
            f"batch is {how.batch}, but there are {len(demos)} demonstrations; expected at most so "
            "many, or 'full'."
        )


@contextmanager
def _training_only(net: nn.Module, chosen: Sequence[Entries]) -> Iterator[None]:
    """Gradients for the parameters that train and for no others; no dropout.

    What transformers makes in the default precision is made in that of a model in double.
    """
    wanted = {id(entries.parameter) for entries in chosen}
    flags = [(p, p.requires_grad) for p in net.parameters()]
    training = net.training
    default = torch.get_default_dtype()
    net.eval()
    for p, _ in flags:
        p.requires_grad_(id(p) in wanted)
    if net.dtype == torch.float64:
        torch.set_default_dtype(net.dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(default)
        for p, flag in flags:
            p.requires_grad_(flag)
        net.train(training)


def _train(
    net: nn.Module,
    prompts: Prompts,
    how: Finetuning,
    chosen: Sequence[Entries],
    weights: Sequence[Tensor],
    record: bool,
    each_epoch: Callable[[int], object] | None,
) -> Finetuned:
    """Change `weights`, which are views of the chosen entries, in place."""
    result, epochs = Finetuned(queries=[] if record else None), 0
    parameters = list({id(entries.parameter): entries.parameter for entries in chosen}.values())
    masters = [w.float() if w.dtype.itemsize < 4 else w for w in weights]
    adam = torch.optim.Adam(masters, lr=how.lr) if how.optimiser == "adam" else None
    scale = FP16_SCALE if net.dtype == torch.float16 else 1.0

    def gradients(step: Step) -> tuple[Tensor, list[Tensor]]:
        loss = step_loss(net, step)
        found = torch.autograd.grad(loss * scale, parameters, materialize_grads=True)
        of = {id(p): gradient for p, gradient in zip(parameters, found, strict=True)}
        return loss.detach(), [entries.of(of[id(entries.parameter)]) for entries in chosen]

    with ExitStack() as hooks:
        if how.rule != "gd":
            hooks.enter_context(layer_causal(net, how.rule))
        queries = hooks.enter_context(recorded_queries(net)) if record else None
        for number, step in enumerate(
            steps(
                prompts,
                epochs=how.epochs,
                batch=how.batch,
                loss=how.loss,
                token_by_token=how.rule == "lcgd-paper",
                device=net.device,
            )
        ):
            loss, slopes = gradients(step)
            while scale > 1 and loss.isfinite() and not _finite(slopes):
                scale /= 2  # float16 overflowed
                loss, slopes = gradients(step)
            result.losses.append(float(loss))
            if record and step.first:
                result.queries += _of_examples(queries, step)
            if not _finite([loss, *slopes]):
                result.stopped_at = number
                return result
            if adam is None:
                for master, slope in zip(masters, slopes, strict=True):
                    master.sub_(slope, alpha=how.lr / scale)
            else:
                for master, slope in zip(masters, slopes, strict=True):
                    master.grad = slope.to(master.dtype) / scale
                adam.step()
            for w, master in zip(weights, masters, strict=True):
                if w is not master:
                    w.copy_(master)
            epochs += step.last
            if step.last and each_epoch:
                with torch.no_grad():
                    each_epoch(epochs)
    if not _finite(weights):
        result.stopped_at = number
    return result


def _finite(tensors: Sequence[Tensor]) -> bool:
    """Whether every entry is finite, with one look at the device."""
    return bool(torch.stack([precise(t).norm() for t in tensors]).isfinite().all())


def _of_examples(queries: Sequence[Tensor], step: Step) -> list[np.ndarray]:
    """The queries (L, T_i, d_q) of each sequence, without padding."""
    batch = precise(torch.stack(list(queries), dim=1)).cpu().numpy()
    return [q[:, :length].copy() for q, length in zip(batch, step.lengths, strict=True)]
