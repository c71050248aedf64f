"""What each step of finetuning reads, and what it should predict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from iclbook.gpt.text.prompts import Ids, Prompts

IGNORED = -100


@dataclass(frozen=True)
class Step:
    """The data of one step: sequences padded on the right.

    Attributes
    ----------
    ids, mask : (batch, T)
        Tokens, and 1 where there is one.
    positions : (P,)
        The positions at which something is predicted.
    targets : (batch, P)
        The tokens that should follow there; -100 where a sequence has none to predict.
    first : bool
        Whether these sequences are seen for the first time.
    last : bool
        Whether the epoch ends with this step.
    """

    ids: Tensor
    mask: Tensor
    positions: Tensor
    targets: Tensor
    first: bool
    last: bool

    @property
    def lengths(self) -> list[int]:
        """Tokens of each sequence."""
        return self.mask.sum(dim=1).tolist()


def steps(
    prompts: Prompts,
    *,
    epochs: int,
    batch: int | str,
    loss: str,
    token_by_token: bool,
    device: torch.device,
) -> Iterator[Step]:
    """All steps in order: the demonstrations of `prompts`, `epochs` times.

    Parameters
    ----------
    prompts : Prompts
    epochs : int
    batch : int or "full"
        Demonstrations a step; the last step of an epoch takes what is left.
    loss : {"all", "label"}
        Predict every token but the first, or those of the label word alone.
    token_by_token : bool
        One step a target instead of one a batch.
    device : torch.device
    """
    demos = prompts.finetuning
    counts = [len(demo) - 1 for demo in demos]
    if loss == "label":
        counts = [len(prompts.labels[gold]) for gold in prompts.demo_gold]
    size = len(demos) if batch == "full" else batch
    for epoch in range(epochs):
        for start in range(0, len(demos), size):
            some = slice(start, start + size)
            ids, mask, targets = (t.to(device) for t in _padded(demos[some], counts[some]))
            positions = (targets != IGNORED).any(dim=0).nonzero()[:, 0]
            parts = positions.split(1 if token_by_token else len(positions))
            for i, part in enumerate(parts):
                first = epoch == 0 and i == 0
                last = start + size >= len(demos) and i == len(parts) - 1
                yield Step(ids, mask, part, targets[:, part], first, last)


def _padded(demos: Sequence[Ids], counts: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, mask and what follows at the positions of the last `counts` targets of each."""
    ids = torch.zeros(len(demos), max(map(len, demos)), dtype=torch.long)
    mask, targets = torch.zeros_like(ids), torch.full_like(ids, IGNORED)
    for row, (demo, count) in enumerate(zip(demos, counts, strict=True)):
        T = len(demo)
        ids[row, :T], mask[row, :T] = torch.tensor(demo), 1
        targets[row, T - 1 - count : T - 1] = ids[row, T - count : T]
    return ids, mask, targets


def step_loss(net: nn.Module, step: Step) -> Tensor:
    """Mean next-token loss over all targets of a step, in float32.

    If the model reads off every layer (`iclbook.gpt.tuning.lcgd`), the sum over layers of it.
    """
    mask = step.mask if len(step.mask) > 1 else None
    logits = net(
        input_ids=step.ids, attention_mask=mask, use_cache=False, logits_to_keep=step.positions
    ).logits
    layers = len(logits) // len(step.ids)
    targets = step.targets.repeat(layers, 1).flatten()
    logits = logits.flatten(0, 1)
    if logits.dtype.itemsize < 4:
        logits = logits.float()
    return cross_entropy(logits, targets, ignore_index=IGNORED) * layers
