"""Pretraining of the bundled model: plain next-token prediction on the corpus.

The model is a GPT-NeoX of transformers with rotary positions on all of each head and one residual
branch after the other. Nothing in the loss knows of labels, sheets or tasks.
"""

import os
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from iclbook.gpt.tasks import MINI
from iclbook.mini import tokenizer
from iclbook.mini.corpus import Corpus, Mixture, vocabulary
from iclbook.mini.measure import SETTINGS, accuracy
from iclbook.records.record import Results
from iclbook.validate import check_choice, check_count, check_number

CHECKPOINTS = "ICLBOOK_CHECKPOINTS"
"""Environment variable with a folder, where a recorded run keeps its state."""


@dataclass(frozen=True)
class Pretraining(Mixture):
    """Train the bundled model and measure it on the way.

    The first fields are those of the corpus, see :class:`iclbook.mini.corpus.Mixture`.

    Attributes
    ----------
    seed : int
        Of the weights and of the corpus.
    steps : int
        Optimiser steps, one batch each.
    every : int
        Steps between two measurements; divides `steps`.
    width, layers, heads : int
        Of the model.
    lr, warmup, decay : float, int, float
        Learning rate, reached after `warmup` steps and falling linearly to zero in the last 30% of
        the steps; weight decay of the matrices inside the layers.
    precision : str
        Of products of matrices: ``"bfloat16"`` or ``"float32"``; the weights stay in float32.
    threads : int
        CPU threads.
    """

    seed: int = 0
    steps: int = 4500
    every: int = 250
    width: int = 128
    layers: int = 3
    heads: int = 4
    lr: float = 4e-3
    warmup: int = 100
    decay: float = 0.01
    precision: str = "bfloat16"
    threads: int = 2

    def __post_init__(self):
        super().__post_init__()
        for name in ("steps", "every", "width", "layers", "heads", "warmup", "threads"):
            check_count(name, getattr(self, name))
        check_number("lr", self.lr, low=0.0, open_low=True)
        check_choice("precision", self.precision, ("bfloat16", "float32"))
        if self.steps % self.every:
            raise ValueError(f"every is {self.every}; expected a divisor of {self.steps} steps.")
        if self.width % (2 * self.heads):
            raise ValueError(
                f"width is {self.width}; expected a multiple of 2 * {self.heads} heads, because "
                "rotary positions turn pairs of entries."
            )

    def run(self) -> Results:
        """Pretrain, from the state in ``ICLBOOK_CHECKPOINTS`` if that folder is set."""
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with tempfile.TemporaryDirectory() as scratch:
                seen = pretrain(self, Path(os.environ.get(CHECKPOINTS, scratch)) / "mini")
        finally:
            torch.set_num_threads(threads)
        tasks = {"value": list(MINI), "tolerance": 0}
        last = {
            f"{name}_at_the_end": {"value": np.round(seen[name][-1], 3).tolist(), "tolerance": 0.2}
            for name in SETTINGS
        }
        curves = {
            name: {"value": np.round(seen[name], 3).tolist(), "unit": "share of right answers"}
            for name in SETTINGS
        }
        return Results(
            deterministic={"tasks": tasks} | last,
            measured={
                "step": {"value": seen["step"], "unit": "steps"},
                "tokens": {"value": [n * self.tokens for n in seen["step"]], "unit": "tokens"},
                "loss": {"value": np.round(seen["loss"], 4).tolist(), "unit": "nats a token"},
                "seconds": {"value": np.round(seen["seconds"], 1).tolist(), "unit": "s"},
                **curves,
            },
        )


def build(how: Pretraining):
    """Return the untrained model, a transformers.GPTNeoXForCausalLM."""
    import torch
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    torch.manual_seed(how.seed)
    config = GPTNeoXConfig(
        vocab_size=3 + len(vocabulary()),
        hidden_size=how.width,
        num_hidden_layers=how.layers,
        num_attention_heads=how.heads,
        intermediate_size=3 * how.width,
        max_position_embeddings=how.long,
        rotary_pct=1.0,
        use_parallel_residual=False,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=2,
    )
    return GPTNeoXForCausalLM(config)


def pretrain(how: Pretraining, folder: Path) -> dict[str, list]:
    """Train from the start, or from the state in the folder; keep the model of every measurement.

    Prints a line at every measurement.

    Parameters
    ----------
    how : Pretraining
        The settings.
    folder : Path
        Gets ``state.pt``, and ``step-N`` in the format of transformers for every measurement.

    Returns
    -------
    dict
        ``step``, ``loss``, ``seconds`` and each setting of :mod:`iclbook.mini.measure`: lists with
        an entry a measurement, the first before training. ``loss`` is the mean since the last
        measurement, at first that of a batch; ``seconds`` those of training since then.

    Raises
    ------
    ValueError
        If the folder holds the state of other settings.
    FloatingPointError
        If the loss is no longer finite.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    net, corpus = build(how), Corpus(how, how.seed)
    optimisers = _optimisers(net, how)
    seen = _resume(how, folder / "state.pt", net, optimisers)
    if not seen["step"]:
        loss = sum(_loss(net, rows, how).item() for rows in corpus.batch(0)) / _targets(how)
        _look(how, folder, net, optimisers, corpus, seen, step=0, loss=loss, seconds=0.0)
    while (done := seen["step"][-1]) < how.steps:
        begin = time.perf_counter()
        losses = [
            _step(net, optimisers, corpus.batch(step), how, step)
            for step in range(done, done + how.every)
        ]
        new = dict(
            step=done + how.every,
            loss=float(np.mean(losses)),
            seconds=time.perf_counter() - begin,
        )
        _look(how, folder, net, optimisers, corpus, seen, **new)
    return seen


def save(folder: Path, out: Path) -> None:
    """Write a model that `pretrain` kept, with its tokenizer, as a folder for transformers."""
    from transformers import AutoModelForCausalLM

    AutoModelForCausalLM.from_pretrained(folder).save_pretrained(out)
    tokenizer.save(vocabulary(), out)


def _optimisers(net, how):
    """Muon for the matrices inside the layers, AdamW for all else; one learning rate."""
    import torch

    inner = [p for name, p in net.named_parameters() if p.ndim == 2 and ".layers." in name]
    known = set(map(id, inner))
    rest = [p for p in net.parameters() if id(p) not in known]
    return (
        torch.optim.Muon(inner, lr=how.lr, weight_decay=how.decay, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=how.lr, betas=(0.9, 0.98), weight_decay=0.0),
    )


def _step(net, optimisers, batch, how, step):
    import torch

    rate = min((step + 1) / how.warmup, 1.0, (how.steps - step) / (0.3 * how.steps))
    for group in (group for o in optimisers for group in o.param_groups):
        group["lr"] = how.lr * rate
    total = 0.0
    for rows in batch:
        loss = _loss(net, rows, how) / _targets(how)
        loss.backward()
        total += loss.item()
    if not np.isfinite(total):
        raise FloatingPointError(f"the loss is {total} at step {step}; try a smaller lr")
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    for optimiser in optimisers:
        optimiser.step()
    net.zero_grad()
    return total


def _targets(how):
    """Tokens of a batch that are predicted."""
    return how.tokens - how.short_rows - how.long_rows


def _loss(net, rows, how):
    """Next-token loss of some rows, summed."""
    import torch

    rows = torch.from_numpy(rows)
    with torch.autocast("cpu", torch.bfloat16, enabled=how.precision == "bfloat16"):
        logits = net(input_ids=rows).logits[:, :-1]
    return torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), rows[:, 1:].flatten(), reduction="sum"
    )


def _look(how, folder, net, optimisers, corpus, seen, **new):
    """Measure, keep the state, say so."""
    for name, value in (new | accuracy(net, corpus)).items():
        seen[name].append(value)
    _keep(how, folder, net, optimisers, seen)
    shares = (f"{s} " + " ".join(f"{a:.2f}" for a in seen[s][-1]) for s in SETTINGS)
    print(
        f"step {seen['step'][-1]:5} {sum(seen['seconds']):5.0f} s loss {seen['loss'][-1]:.3f}",
        *shares,
        sep="  ",
        flush=True,
    )


def _resume(how, path, net, optimisers):
    import torch

    if not path.is_file():
        return {name: [] for name in ("step", "loss", "seconds", *SETTINGS)}
    state = torch.load(path, weights_only=True)
    if state["how"] != asdict(how):
        raise ValueError(
            f"{path} is the state of {state['how']}; expected {asdict(how)}. Remove the file, or "
            "use another folder."
        )
    net.load_state_dict(state["net"])
    for optimiser, kept in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(kept)
    return state["seen"]


def _keep(how, folder, net, optimisers, seen):
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    net.save_pretrained(folder / f"step-{seen['step'][-1]}")
    state = dict(
        how=asdict(how),
        net=net.state_dict(),
        optimisers=[o.state_dict() for o in optimisers],
        seen=seen,
    )
    draft = folder / "state.pt.tmp"
    torch.save(state, draft)
    os.replace(draft, folder / "state.pt")
