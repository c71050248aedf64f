"""A training step with momentum attention beside the same step without.

    python benchmarks/momentum.py [--length 512] [--batch 4] [--device cpu] [--threads 1]

All contestants are one GPT-NeoX with the same weights and tokens, trained by AdamW: attention
alone (transformers' ``sdpa``), momentum with one fixed eta, with a learned eta for each head, and
with the sum computed as its definition says, by a matrix (tokens, tokens) a head. Steps of all of
them alternate, so that what else the machine does slows all alike, and times are compared round by
round: the median ratio, with its quartiles. Memory is the highest of a process of its own, less
what it held before its first step; on a GPU, the highest allocated during one step.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # waiting threads must not burn the clock

import numpy as np
import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from iclbook.momentum.attach import add_mixing, add_momentum
from iclbook.momentum.mixing import Momentum
from iclbook.momentum.sums import explicit_sum

ETA = 0.9
CONTESTANTS = ("attention alone", "momentum", "learned, by head", "matrix (tokens, tokens)")


class Explicit(Momentum):
    """Momentum by its definition."""

    def sums(self, values, before):
        """Return the sum at every token, from weights on all earlier ones."""
        return explicit_sum(values, self.eta(values)), None


class Training:
    """One contestant: a model, its tokens and its optimiser."""

    def __init__(self, name: str, options):
        torch.manual_seed(0)
        sizes = dict(hidden_size=options.width, intermediate_size=4 * options.width)
        sizes |= dict(num_hidden_layers=options.layers, num_attention_heads=options.heads)
        config = GPTNeoXConfig(vocab_size=options.vocabulary, rotary_pct=1.0, **sizes)
        self.net = GPTNeoXForCausalLM(config).to(options.device)
        if name == "momentum":
            add_momentum(self.net, ETA)
        if name == "learned, by head":
            etas = np.full((options.layers, options.heads), ETA)
            add_momentum(self.net, etas, learned=True)
        if name == "matrix (tokens, tokens)":
            add_mixing(self.net, lambda layer: Explicit(torch.tensor([ETA])))
        shape = (options.batch, options.length)
        self.tokens = torch.randint(options.vocabulary, shape, device=options.device)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=1e-3)

    def step(self) -> None:
        """One step; on a GPU, until it is done."""
        self.net(self.tokens, labels=self.tokens, use_cache=False).loss.backward()
        self.optimiser.step()
        self.optimiser.zero_grad()
        if self.tokens.is_cuda:
            torch.cuda.synchronize()


def times(options) -> np.ndarray:
    """Seconds of a step, [round, contestant]; processor time on a CPU."""
    clock = time.perf_counter if options.device.startswith("cuda") else time.process_time
    trainings = [Training(name, options) for name in CONTESTANTS]
    found = np.empty((options.rounds, len(trainings)))
    for training in trainings * 2:
        training.step()
    for row in found:
        for column in np.random.default_rng().permutation(len(trainings)):
            start = clock()
            trainings[column].step()
            row[column] = clock() - start
    return found


def memory(name: str, options) -> float:
    """Bytes that steps need on top of the model and its tokens."""
    if options.device.startswith("cuda"):
        training = Training(name, options)
        training.step()  # makes the optimiser's state
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        training.step()
        return torch.cuda.max_memory_allocated() - before
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak, (name, options))


def _peak(name: str, options) -> int:
    torch.set_num_threads(options.threads)
    training = Training(name, options)
    before = _highest()
    for _ in range(3):
        training.step()
    return _highest() - before


def _highest() -> int:
    """Bytes that this process held at most."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux; what getrusage says there includes the parent process
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", help="cpu or cuda (%(default)s)")
    for name, default in dict(
        length=512, batch=4, width=256, layers=4, heads=8, vocabulary=2000, rounds=15, threads=1
    ).items():
        parser.add_argument(f"--{name}", type=int, default=default, help="(%(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    seconds = times(options)
    bytes_ = np.array([memory(name, options) for name in CONTESTANTS])
    print(f"{options.batch} texts of {options.length} tokens, width {options.width}, ", end="")
    print(f"{options.layers} layers of {options.heads} heads, on {options.device}")
    print(f"{'':26}{'ms a step':>10}{'ratio of times':>24}{'MB':>8}{'ratio':>8}")
    ratios = np.quantile(seconds / seconds[:, :1], [0.25, 0.5, 0.75], axis=0)
    for i, name in enumerate(CONTESTANTS):
        low, middle, high = ratios[:, i]
        spread = f"{middle:.3f} ({low:.3f} to {high:.3f})"
        print(
            f"{name:26}{1000 * np.median(seconds[:, i]):10.1f}{spread:>24}"
            f"{bytes_[i] / 1e6:8.1f}{bytes_[i] / bytes_[0]:8.3f}"
        )


if __name__ == "__main__":
    main()
