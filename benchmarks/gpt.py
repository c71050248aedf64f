"""In-context evaluation three ways: this engine, each pair by itself, lm-evaluation-harness.

    python benchmarks/gpt.py --data FOLDER --tokenizer FOLDER [--tasks sst2 agnews] [--queries 8]
    python benchmarks/gpt.py --data package --model gemma3-270m --tasks mr -k 2 --queries 3

The first form takes a model of GPT-2's shape (124M parameters) with random weights and 4,096
positions, so that 32 demonstrations of any task fit; the second a trained model, and shows how
equal its scores are to those of transformers alone. Texts and tokenizer are real. All contestants
read the same token sequences and have to predict the same labels before their times are compared:

- ``iclbook.gpt.reading.score.predict``, on `--engine-queries` items, the context's
  own pass included;
- each (prompt, label) pair in a forward pass of its own: logits at all positions, as a model called
  without further options computes them, and with logits at the last positions alone;
- lm-evaluation-harness 0.4.13, if it is installed, through a task in a local YAML file (it reads a
  prompt once for all labels of one token).

The slow ones read `--queries` items, and times are per item. Beside each ratio of times stands the
ratio of tokens read. Processor time is printed beside wall time: on a machine that does other
things it is the fairer one.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # waiting threads must not burn the clock

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from iclbook.gpt.model.load import LanguageModel, load_model
from iclbook.gpt.reading.score import predict
from iclbook.gpt.text import data, tasks
from iclbook.gpt.text.demonstrations import draw
from iclbook.gpt.text.prompts import Prompts, build

MARGIN = 2e-4


def make_model(tokenizer: Path, folder: Path) -> LanguageModel:
    """GPT-2's shape with random weights and GPT-2's tokenizer, saved and loaded back."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    bpe = Tokenizer(
        models.BPE.from_file(str(tokenizer / "vocab.json"), str(tokenizer / "merges.txt"))
    )
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    end = "<|endoftext|>"
    PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=end).save_pretrained(folder)
    torch.manual_seed(0)
    GPT2LMHeadModel(GPT2Config(n_positions=4096)).save_pretrained(folder)
    return load_model(str(folder), device="cpu")


def timed(work, items: int):
    """Result of `work`, and its wall and processor time for each item."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, (time.perf_counter() - wall) / items, (time.process_time() - cpu) / items


@torch.no_grad()
def pairs(model: LanguageModel, prompts: Prompts, items, last: bool) -> np.ndarray:
    """Every (prompt, label) pair in a forward pass of its own."""
    scores = np.empty((len(items), len(prompts.labels)))
    for row, item in enumerate(items):
        for column, label in enumerate(prompts.labels):
            ids = torch.tensor([prompts.context + prompts.queries[item] + label])
            logits = model.net(ids, logits_to_keep=2 if last else 0, use_cache=False).logits
            scores[row, column] = logits[0, -2].log_softmax(-1)[label[0]]
    return scores


def harness(model: LanguageModel, texts: list[str], labels, folder: Path):
    """Return lm-evaluation-harness as a function that scores the texts, and None without it."""
    try:
        from lm_eval import simple_evaluate
        from lm_eval.models.huggingface import HFLM
        from lm_eval.tasks import TaskManager
    except ImportError:
        return None
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps({"prompt": text, "gold": 0}) + "\n" for text in texts))
    (folder / "task.yaml").write_text(
        json.dumps(  # JSON is YAML
            dict(
                task="in_context",
                dataset_path="json",
                dataset_kwargs={"data_files": {"test": str(rows)}},
                test_split="test",
                output_type="multiple_choice",
                doc_to_text="{{prompt}}",
                doc_to_target="gold",
                doc_to_choice=list(labels),
                target_delimiter=" ",
                num_fewshot=0,
                metric_list=[{"metric": "acc"}],
            )
        )
    )
    lm = HFLM(pretrained=model.net, tokenizer=model.tokenizer, batch_size=8, max_length=4096)
    manager = TaskManager(include_path=str(folder), include_defaults=False)

    def work() -> np.ndarray:
        result = simple_evaluate(
            lm, tasks=["in_context"], task_manager=manager, log_samples=True, bootstrap_iters=0
        )
        samples = sorted(result["samples"]["in_context"], key=lambda sample: sample["doc_id"])
        return np.array([[score for score, _ in s["filtered_resps"]] for s in samples], dtype=float)

    return work


def compare(model: LanguageModel, name: str, options, folder: Path) -> None:
    """Print times and ratios for one task."""
    task = tasks.get(name)
    rows = data.load_rows(task, options.data)
    evaluation = rows.evaluation[: options.engine_queries]
    demos = draw(rows, options.k, seed=1)
    prompts = build(task, demos, evaluation, model.tokenizer, window=model.window)
    some = np.linspace(0, len(evaluation) - 1, options.queries).astype(int)
    text = "".join(task.prompt(row) + task.answer(row["label"]) + "\n" for row in demos)
    texts = [text + task.prompt(evaluation[item]) for item in some]
    for item, whole in zip(some, texts):  # the harness encodes whole texts
        assert tuple(model.tokenizer(whole)["input_ids"]) == (
            prompts.context + prompts.queries[item]
        ), f"item {item}: the pieces are other tokens than the whole text"

    context, labels = len(prompts.context), len(prompts.labels)
    own = np.mean([len(query) for query in prompts.queries])
    asked = np.mean([len(prompts.queries[item]) for item in some])
    engine_tokens = own + context / len(evaluation)
    contestants = {
        "each pair by itself": (lambda: pairs(model, prompts, some, False), labels),
        "  last logits only": (lambda: pairs(model, prompts, some, True), labels),
        "lm-evaluation-harness": (harness(model, texts, task.labels, folder), 1),
    }
    ours, wall, cpu = timed(lambda: predict(model, prompts, True), len(evaluation))
    print(f"\n{name}: k = {prompts.k_used}, context of {context} tokens, {labels} labels")
    print(f"{'':24}{'items':>6}{'tokens':>9}{'wall s':>9}{'cpu s':>9}   ratios")
    print(f"{'iclbook':24}{len(evaluation):6}{engine_tokens:9.1f}{wall:9.4f}{cpu:9.4f}")
    best = np.sort(ours[some], axis=1)
    clear = best[:, -1] - best[:, -2] > MARGIN
    for contestant, (work, passes) in contestants.items():
        if work is None:
            print(f"{contestant:24}not installed")
            continue
        theirs, their_wall, their_cpu = timed(work, len(some))
        # A label token is read only where the pair is a sequence of its own.
        tokens = passes * (context + asked + (passes > 1))
        if not (theirs.argmax(1) == ours[some].argmax(1))[clear].all():
            raise SystemExit(f"{contestant} predicts other labels: times would mean nothing")
        print(
            f"{contestant:24}{len(some):6}{tokens:9.1f}{their_wall:9.4f}{their_cpu:9.4f}   "
            f"tokens {tokens / engine_tokens:.0f}, wall {their_wall / wall:.0f}, "
            f"cpu {their_cpu / cpu:.0f}; largest difference "
            f"{np.abs(theirs - ours[some]).max():.1e}"
        )


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of the tasks' JSON lines; or package")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--tokenizer", type=Path, help="GPT-2's vocab and merges")
    which.add_argument("--model", help="a trained model instead, in float32")
    parser.add_argument("--tasks", nargs="+", default=["sst2", "agnews"])
    parser.add_argument("-k", type=int, default=32, help="demonstrations")
    parser.add_argument("--queries", type=int, default=8, help="items of the slow contestants")
    parser.add_argument("--engine-queries", type=int, default=872, help="items of the engine")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        if options.model:
            model = load_model(options.model, device="cpu", dtype="float32")
        else:
            model = make_model(options.tokenizer, Path(folder, "model"))
        print(f"torch {torch.__version__}, {options.threads} threads")
        for name in options.tasks:
            compare(model, name, options, Path(folder))


if __name__ == "__main__":
    main()
