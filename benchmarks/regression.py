"""Training one layer of linear self-attention: this book beside a JAX form and a plain form.

    python benchmarks/regression.py [--threads 1] [--steps 50] [--repeats 15]

needs ``jax`` and ``optax`` next to the book's packages; nothing else in the book does. Three
programs train the same layer on fresh batches of 2,048 tasks, each in a process of its own:

- the step of the authors of von Oswald et al. 2023, written anew in JAX and Optax as theirs is
  built: tasks made one by one under ``vmap``, keys, queries and values of every token by einsum,
  one compiled call for the tasks and one for the update;
- the same in PyTorch with einsum, without any rearrangement;
- ``iclbook.regression.train``, as the chapters use it.

All three keep the four matrices as parameters and make their tasks inside the measured time. Before
the clock starts they have to agree on loss and gradient. Then they take turns, and the ratios are
those of turns next to each other, so that a busy machine slows all of them. Processor time is
printed beside wall time: on a machine that does other things it is the fairer one.
"""

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable

import numpy as np

B, N, D_IN = 2048, 10, 10
WIDTH = D_IN + 1
LR, BETAS, CLIP = 1e-3, (0.9, 0.98), 1e-3
NAMES = ("W_K", "W_Q", "W_V", "P")
Step = Callable[[int], None]
Gradient = Callable[[dict, np.ndarray, np.ndarray], tuple[float, dict]]


def jax_form(weights: dict) -> tuple[Step, Gradient]:
    """The authors' step, restated: row vectors, so every matrix is transposed."""
    import jax
    import jax.numpy as jnp
    import optax

    def task(key):
        for_w, for_x, for_query = jax.random.split(key, 3)
        w = jax.random.normal(for_w, (D_IN,))
        x = jax.random.uniform(for_x, (N, D_IN), minval=-0.5, maxval=0.5)
        query = jax.random.uniform(for_query, (1, D_IN), minval=-0.5, maxval=0.5)
        context = jnp.concatenate([x, (x @ w)[:, None]], axis=-1)
        asked = jnp.concatenate([query, jnp.zeros((1, 1))], axis=-1)
        return jnp.concatenate([context, asked]), (query @ w)[0]

    def heads(tokens, W):
        return (tokens @ W.T).reshape(*tokens.shape[:-1], 1, WIDTH)

    def loss(weights, tokens, targets):
        context = tokens[:, :-1]
        q, k = heads(tokens, weights["W_Q"]), heads(context, weights["W_K"])
        v = heads(context, weights["W_V"])
        scores = jnp.einsum("bthd,bThd->bhtT", q, k)
        mixed = jnp.einsum("bhtT,bThd->bthd", scores, v).reshape(tokens.shape)
        tokens = tokens + mixed @ weights["P"].T
        return 0.5 * jnp.sum((targets + tokens[:, -1, -1]) ** 2) / len(targets)

    optimiser = optax.chain(
        optax.clip_by_global_norm(CLIP),
        optax.adamw(LR, b1=BETAS[0], b2=BETAS[1], weight_decay=0.0),
    )

    @jax.jit
    def update(weights, state, tokens, targets):
        value, gradient = jax.value_and_grad(loss)(weights, tokens, targets)
        change, state = optimiser.update(gradient, state, weights)
        return optax.apply_updates(weights, change), state, value

    make_tasks = jax.jit(jax.vmap(task))
    weights = {name: jnp.asarray(W) for name, W in weights.items()}
    kept = {"weights": weights, "state": optimiser.init(weights), "key": jax.random.PRNGKey(0)}

    def steps(count):
        weights, state, key = kept["weights"], kept["state"], kept["key"]
        for _ in range(count):
            key, now = jax.random.split(key)
            weights, state, value = update(weights, state, *make_tasks(jax.random.split(now, B)))
        jax.block_until_ready(value)
        kept.update(weights=weights, state=state, key=key)

    def gradient(weights, tokens, targets):
        value, found = jax.value_and_grad(loss)(weights, tokens, targets)
        return float(value), {name: np.asarray(part) for name, part in found.items()}

    return steps, gradient


def einsum_form(weights: dict) -> tuple[Step, Gradient]:
    """The definition in PyTorch, token by token, with the optimiser's defaults."""
    import torch

    W = {name: torch.tensor(part, requires_grad=True) for name, part in weights.items()}
    optimiser = torch.optim.Adam(W.values(), lr=LR, betas=BETAS)
    generator = torch.Generator().manual_seed(0)

    def loss(tokens, targets):
        context = tokens[:, :-1]
        q = torch.einsum("btd,kd->btk", tokens, W["W_Q"])
        k = torch.einsum("btd,kd->btk", context, W["W_K"])
        v = torch.einsum("btd,kd->btk", context, W["W_V"])
        mixed = torch.einsum("btT,bTd->btd", torch.einsum("btk,bTk->btT", q, k), v)
        tokens = tokens + torch.einsum("btd,kd->btk", mixed, W["P"])
        return 0.5 * (targets + tokens[:, -1, -1]).square().mean()

    def steps(count):
        for _ in range(count):
            x = torch.rand(B, N + 1, D_IN, generator=generator) - 0.5
            y = torch.einsum("btd,bd->bt", x, torch.randn(B, D_IN, generator=generator))
            targets = y[:, -1].clone()
            y[:, -1] = 0
            value = loss(torch.cat([x, y[..., None]], dim=-1), targets)
            optimiser.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(W.values(), CLIP)
            optimiser.step()

    def gradient(_weights, tokens, targets):
        value = loss(torch.as_tensor(tokens), torch.as_tensor(targets))
        found = torch.autograd.grad(value, list(W.values()))
        return float(value.detach()), {n: g.numpy() for n, g in zip(W, found, strict=True)}

    return steps, gradient


def book_form(weights: dict) -> tuple[Step, Gradient]:
    """The book's own training loop."""
    import torch

    from iclbook.regression.attention import SelfAttention
    from iclbook.regression.descent import half_mse
    from iclbook.regression.tasks import Tasks
    from iclbook.regression.train import Training, train

    model = SelfAttention(WIDTH)
    with torch.no_grad():
        for name, W in weights.items():
            getattr(model, name).copy_(torch.as_tensor(W))
    generator = torch.Generator().manual_seed(0)

    def steps(count):
        how = Training(steps=count, batch=B, lr=LR, betas=BETAS, clip=CLIP)
        train(model, how, generator)

    def gradient(_weights, tokens, targets):
        tokens, targets = torch.as_tensor(tokens), torch.as_tensor(targets)[:, None]
        tasks = Tasks(tokens[:, :-1, :-1], tokens[:, :-1, -1:], tokens[:, -1, :-1], targets)
        value = half_mse(model(tasks), tasks)
        found = torch.autograd.grad(value, [getattr(model, name) for name in NAMES])
        return float(value.detach()), {n: g[0, 0].numpy() for n, g in zip(NAMES, found)}

    return steps, gradient


FORMS = {"JAX and Optax": jax_form, "PyTorch, einsum": einsum_form, "this book": book_form}


def work(pipe, form: str, threads: int) -> None:
    """Serve one form in a process of its own, on `threads` processors."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    random = np.random.default_rng(0)
    weights = {
        name: random.normal(scale=0.3, size=(WIDTH, WIDTH)).astype("float32") for name in NAMES
    }
    tokens = random.normal(size=(64, N + 1, WIDTH)).astype("float32")
    tokens[:, -1, -1] = 0
    steps, gradient = FORMS[form](weights)
    pipe.send(gradient(weights, tokens, random.normal(size=64).astype("float32")))
    steps(5)  # compile, and let memory settle
    while count := pipe.recv():
        wall, processor = time.perf_counter(), time.process_time()
        steps(count)
        pipe.send((time.perf_counter() - wall, time.process_time() - processor))


def main() -> None:
    """Check that the forms agree, time them in turns and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("threads", 1), ("steps", 50), ("repeats", 15)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(asked.threads)
    os.environ["OMP_WAIT_POLICY"] = "passive"  # spinning threads would count as work
    context, pipes, answers = multiprocessing.get_context("spawn"), {}, {}
    for form in FORMS:
        pipes[form], theirs = context.Pipe()
        context.Process(target=work, args=(theirs, form, asked.threads), daemon=True).start()
        answers[form] = pipes[form].recv()

    value, gradient = answers["this book"]
    for form, (other_value, other) in answers.items():
        gap = max(abs(other[n] - gradient[n]).max() / abs(gradient[n]).max() for n in NAMES)
        if not (np.isclose(other_value, value, rtol=1e-4) and gap < 1e-4):
            raise SystemExit(f"{form} computes something else (gradients differ by {gap:.1e}).")
    print("all forms agree on loss and gradient")

    times = {form: [] for form in FORMS}
    for _ in range(asked.repeats):
        for form, pipe in pipes.items():
            pipe.send(asked.steps)
            times[form].append(pipe.recv())
    for pipe in pipes.values():
        pipe.send(0)
    times = {form: np.array(t) / asked.steps * 1000 for form, t in times.items()}
    print(f"\nbatch {B}, N = d = {N}, {asked.threads} thread(s): ms a step, median (fastest)")
    print(f"{'':18}{'wall':>16}{'processor':>16}   ratio to this book, processor (quarter points)")
    for form, t in times.items():
        middle, best = np.median(t, axis=0), t.min(axis=0)
        low, ratio, high = np.quantile(t[:, 1] / times["this book"][:, 1], [0.25, 0.5, 0.75])
        columns = "".join(f"{f'{m:.2f} ({b:.2f})':>16}" for m, b in zip(middle, best))
        print(f"{form:18}{columns}   {ratio:5.1f} ({low:.1f} to {high:.1f})")


if __name__ == "__main__":
    main()
