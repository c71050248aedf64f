"""What momentum costs in training: the recorded experiment ``momentum-cost``.

All contestants are one GPT-NeoX with the same weights and tokens, trained by AdamW: attention alone
(transformers' ``sdpa``), momentum with one fixed eta, with a learned eta for each head, and with
the sum computed as its definition says, by a matrix (tokens, tokens) a head. Steps of all of them
alternate, so that what else the machine does slows all alike, and times are compared round by
round.

The trap: the highest resident memory of a process is a coarse number. What autograd keeps for the
backward pass is counted beside it, which is exact.
"""

import multiprocessing
import resource
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.autograd.graph import saved_tensors_hooks
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from iclbook.gpt.model.device import choose_device
from iclbook.mini.model import check_sizes
from iclbook.momentum.attach import add_mixing, add_momentum
from iclbook.momentum.mixing import Momentum
from iclbook.momentum.sums import explicit_sum
from iclbook.records import Record, Results
from iclbook.rounding import rounded
from iclbook.threads import check_threads, limited
from iclbook.validate import check_count

ETA = 0.9
CONTESTANTS = ("attention alone", "momentum", "learned, by head", "matrix (tokens, tokens)")


@dataclass(frozen=True)
class Cost:
    """Time and memory of a training step with momentum, beside the same step without.

    Attributes
    ----------
    length, batch : int
        Tokens of a text, and texts a step.
    width, layers, heads, vocabulary : int
        Of the model.
    rounds : int
        Steps of each contestant that are timed.
    device : str
        As torch calls it: cpu, cuda, cuda:1; auto takes a GPU if there is one.
    threads : int
        CPU threads.
    """

    length: int = 512
    batch: int = 4
    width: int = 256
    layers: int = 4
    heads: int = 8
    vocabulary: int = 2000
    rounds: int = 15
    device: str = "auto"
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("length", "batch", "vocabulary", "rounds"):
            check_count(name, getattr(self, name))
        check_sizes(self)
        check_threads(self.threads)

    @property
    def hardware(self) -> str:
        """What the steps run on, for the record."""
        device = choose_device(self.device)
        return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type

    def run(self) -> Results:
        """Measure all contestants."""
        with limited(self.threads):
            seconds = self._times()
            highest = [self._highest(name) for name in CONTESTANTS]
            kept = [Training(name, self).kept() for name in CONTESTANTS]
        ratios = np.quantile(seconds / seconds[:, :1], [0.25, 0.5, 0.75], axis=0)
        return Results(
            {
                "contestants": {"value": list(CONTESTANTS), "tolerance": 0},
                "kept": {"value": kept, "tolerance": 0.1},
                "time": {"value": rounded(ratios[1], 4), "tolerance": 0.2},
            },
            {
                "quartiles": {"value": rounded(ratios[::2], 4), "unit": "ratio of times"},
                "step": {"value": rounded(np.median(seconds, axis=0), 5), "unit": "s"},
                "highest": {"value": highest, "unit": "bytes that steps need at most"},
            },
        )

    def _times(self) -> np.ndarray:
        """Seconds of a step, [round, contestant]; processor time on a CPU."""
        cuda = choose_device(self.device).type == "cuda"
        clock = time.perf_counter if cuda else time.process_time
        trainings = [Training(name, self) for name in CONTESTANTS]
        found = np.empty((self.rounds, len(trainings)))
        for training in trainings * 2:
            training.step()
        for row in found:
            for column in np.random.default_rng().permutation(len(trainings)):
                start = clock()
                trainings[column].step()
                row[column] = clock() - start
        return found

    def _highest(self, name: str) -> int:
        """Bytes that steps need at most, on top of the model and its tokens."""
        if choose_device(self.device).type == "cuda":
            training = Training(name, self)
            training.step()  # makes the optimiser's state
            before = torch.cuda.memory_allocated()
            torch.cuda.reset_peak_memory_stats()
            training.step()
            return torch.cuda.max_memory_allocated() - before
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(_peak, (name, self))


def lines(cost: Record) -> Iterable[str]:
    """A table as text: a line a contestant, ratios to attention alone."""
    how, highest, kept = cost.config, cost["highest"], cost["kept"]
    yield (
        f"{how['batch']} texts of {how['length']} tokens, width {how['width']}, {how['layers']} "
        f"layers of {how['heads']} heads, on {cost.provenance['device']}"
    )
    yield f"{'':26}{'ms a step':>10}{'ratio of times':>24}{'MB':>8}{'ratio':>8}{'kept':>8}"
    for i, name in enumerate(cost["contestants"]):
        low, high = (row[i] for row in cost["quartiles"])
        spread = f"{cost['time'][i]:.3f} ({low:.3f} to {high:.3f})"
        yield (
            f"{name:26}{1000 * cost['step'][i]:10.1f}{spread:>24}{highest[i] / 1e6:8.1f}"
            f"{highest[i] / highest[0]:8.3f}{kept[i] / kept[0]:8.3f}"
        )


class Explicit(Momentum):
    """Momentum by its definition."""

    def sums(self, values, before):
        """Return the sum at every token, from weights on all earlier ones."""
        return explicit_sum(values, self.eta(values)), None


class Training:
    """One contestant: a model, its tokens and its optimiser."""

    def __init__(self, name: str, how: Cost):
        torch.manual_seed(0)
        config = GPTNeoXConfig(
            vocab_size=how.vocabulary,
            hidden_size=how.width,
            intermediate_size=4 * how.width,
            num_hidden_layers=how.layers,
            num_attention_heads=how.heads,
            rotary_pct=1.0,
        )
        device = choose_device(how.device)
        self.net = GPTNeoXForCausalLM(config).to(device)
        if name == "momentum":
            add_momentum(self.net, ETA)
        if name == "learned, by head":
            add_momentum(self.net, np.full((how.layers, how.heads), ETA), learned=True)
        if name == "matrix (tokens, tokens)":
            add_mixing(self.net, lambda layer: Explicit(torch.tensor([ETA])))
        self.tokens = torch.randint(how.vocabulary, (how.batch, how.length), device=device)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=1e-3)

    def loss(self) -> torch.Tensor:
        """Loss of the tokens."""
        return self.net(self.tokens, labels=self.tokens, use_cache=False).loss

    def step(self) -> None:
        """One step; on a GPU, until it is done."""
        self.loss().backward()
        self.optimiser.step()
        self.optimiser.zero_grad()
        if self.tokens.is_cuda:
            torch.cuda.synchronize()

    def kept(self) -> int:
        """Bytes that a forward pass keeps for the backward pass, parameters among them."""
        found = {}

        def keep(tensor):
            storage = tensor.untyped_storage()
            found[storage.data_ptr()] = (storage.nbytes(), tensor)  # alive, so that none is reused
            return tensor

        with saved_tensors_hooks(keep, lambda tensor: tensor):
            self.loss()
        return sum(size for size, _ in found.values())


def _peak(name: str, how: Cost) -> int:
    torch.set_num_threads(how.threads)
    training = Training(name, how)
    before = _resident()
    for _ in range(3):
        training.step()
    return _resident() - before


def _resident() -> int:
    """Bytes that this process held at most."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux; what getrusage says there includes the parent process
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
