"""Rows of the eight tasks for the tests: the folder in ICLBOOK_DATA, else small synthetic files."""

import json
import os
import random
from pathlib import Path

from iclbook.gpt.text.tasks import TASKS

# Rows of train, validation and test. CB, MR and RTE have as many training rows as the hub.
SIZES = {
    "cb": (250, 56, 0),
    "sst2": (400, 120, 90),
    "sst5": (300, 100, 50),
    "subj": (300, 100, 0),
    "mr": (8530, 200, 0),
    "agnews": (200, 40, 2300),
    "rte": (2490, 60, 0),
    "trec": (300, 50, 100),
}
WORDS = ("warm", "film", "funny", "moving", "plot", "thin", "jokes", "shares", "company", "phone")


def data_folder(folder: Path) -> Path:
    """Return a data folder with every task: real if there is one, else written to `folder`."""
    real = os.environ.get("ICLBOOK_DATA")
    if real:
        return Path(real)
    for name, sizes in SIZES.items():
        task, draw = TASKS[name], random.Random(name)
        (folder / name).mkdir(parents=True)
        for split, size in zip(("train", "validation", "test"), sizes, strict=True):
            lines = []
            for i in range(size):
                texts = {
                    c: f"{split} {i} {c} {' '.join(draw.choices(WORDS, k=draw.randint(5, 40)))} "
                    for c in task.columns
                }
                lines.append(json.dumps({**texts, "label": draw.randrange(len(task.labels))}))
            if lines:
                (folder / name / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    return folder
