"""Weight updates of heads, in context and finetuned: the recorded experiment ``gpt-updates``.

Every set of demonstrations writes two matrices into each attention head: the sum of outer products
of its tokens' values and keys, and what finetuning on it changes in the matrix of a zero-shot
question. Here each in-context update is compared with each finetuning, of the same demonstrations,
of others of the task, and of other tasks. The chapter "Meta-gradients in a real head" derives both.

The trap: with rotary positions a matrix stands in the frame of its tokens' positions. So every
context is read so that it ends where the questions begin.
"""

from dataclasses import dataclass

import numpy as np

from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.outer import Frame, cosine, size
from iclbook.gpt.report.searches import chosen_rates
from iclbook.gpt.study.setup import Setup
from iclbook.gpt.text.demonstrations import mislabelled
from iclbook.gpt.text.prompts import Prompts
from iclbook.gpt.tuning.finetune import Finetuning, finetune
from iclbook.gpt.tuning.noise import to_noise
from iclbook.records import Results
from iclbook.rounding import rounded
from iclbook.validate import check_choice, check_count, check_number

_Sets = dict[tuple[int, int], Prompts]
"""Prompts by task and set."""


@dataclass(frozen=True)
class Updates:
    """In-context updates of heads beside those of finetuning, by task and set of demonstrations.

    Attributes
    ----------
    model : str
        As `iclbook.gpt.study.setup.Setup` takes it.
    tasks : tuple of str
        Two or more.
    data : str
        Folder of data sets; empty: as for a setup.
    seeds : tuple of int
        Draws of demonstrations, for every task.
    k : int
        Demonstrations in a set.
    questions : int
        Zero-shot questions of each task at which the finetuned heads are read.
    lr : float
        Learning rate; 0 for the recorded choice of each set.
    labels : str
        ``right``, or ``wrong``: what is finetuned on, never what is in context, has wrong labels.
    threads : int
        CPU threads.
    """

    model: str = "mini"
    tasks: tuple[str, ...] = (
        "mini-cb",
        "mini-sst2",
        "mini-sst5",
        "mini-subj",
        "mini-mr",
        "mini-agnews",
    )
    data: str = ""
    seeds: tuple[int, ...] = (0, 1, 2)
    k: int = 32
    questions: int = 2
    lr: float = 0.0
    labels: str = "right"
    threads: int = 1

    def __post_init__(self) -> None:
        check_count("k", self.k)
        check_count("questions", self.questions)
        check_number("lr", self.lr, low=0.0)
        check_choice("labels", self.labels, ("right", "wrong"))
        if len(set(self.tasks)) < 2 or len(set(self.tasks)) < len(self.tasks) or not self.seeds:
            raise ValueError(
                f"tasks is {self.tasks} and seeds is {self.seeds}; expected two or more different "
                "tasks and one or more seeds."
            )

    def run(self) -> Results:
        """Read, finetune and compare: cosines, mean over heads, of each pair of sets."""
        shape = len(self.tasks), len(self.seeds)
        of_draw = chosen_rates(self.model, self.tasks, self.seeds, self.lr)
        rates = np.reshape([*of_draw.values()], shape).tolist()
        model, shown, trained_on = self._prompts()
        frame = Frame(model, shown.values())
        in_context, means = np.moveaxis(
            [[_both(frame, shown[t, s]) for s in range(shape[1])] for t in range(shape[0])], 2, 0
        )
        asked = [shown[t, 0].queries[: self.questions] for t in range(shape[0])]
        before = [[frame.question(query) for query in queries] for queries in asked]
        every = in_context.shape[2:4]
        cosines, without_means = np.zeros((2, *shape, *shape, *every))
        noise, ratio = np.zeros((*shape, *every)), np.zeros((*shape, *every))
        finetuned = np.zeros((shape[0], *in_context.shape), np.float32)
        rng = np.random.default_rng(0)
        for (t, s), prompts in trained_on.items():
            with finetune(model, prompts, Finetuning(lr=rates[t][s])) as tuned:
                if tuned.diverged:
                    raise ValueError(
                        f"finetuning on {self.tasks[t]}, seed {self.seeds[s]}, diverged at rate "
                        f"{rates[t][s]:g}; choose a smaller lr."
                    )
                for a in range(shape[0]):
                    changes = frame.changes(asked[a], before[a])
                    finetuned[a, t, s] = changes[0]
                    cosines[a, :, t, s] = _mean_cosine(changes, in_context[a])
                    without_means[a, :, t, s] = _mean_cosine(changes, in_context[a] - means[a])
                ratio[t, s] = size(finetuned[t, t, s]) / size(in_context[t, s])
                to_noise(tuned, rng)
                noise[t, s] = _mean_cosine(frame.changes(asked[t], before[t]), in_context[t, s])
        at_own_task = np.array([_alike(finetuned[t])[t] for t in range(shape[0])])
        kinds = {name: cosines[chosen] for name, chosen in pairs_of(shape).items()}
        kinds["noise"] = noise.reshape(-1, *every)
        found = {
            "cosines": cosines.mean((-2, -1)),
            "without_means": without_means.mean((-2, -1)),
            "noise": noise.mean((-2, -1)),
            "rms": {name: np.sqrt((values**2).mean()) for name, values in kinds.items()},
            "by_layer": {name: values.mean(0).mean(-1) for name, values in kinds.items()},
            "in_context_alike": _alike(in_context),
            "finetuned_alike": at_own_task,
            "size_ratio": np.median(ratio),
            "k_used": [[shown[t, s].k_used for s in range(shape[1])] for t in range(shape[0])],
        }
        exact = {
            "rates": {"value": rates},
            "entries": {"value": int(np.prod(in_context.shape[-2:]))},
            "model_origin": {"value": model.origin},
        }
        return Results(
            {name: {"value": rounded(value, 4), "tolerance": 0.03} for name, value in found.items()}
            | {name: entry | {"tolerance": 0} for name, entry in exact.items()}
        )

    def _prompts(self) -> tuple[LanguageModel, _Sets, _Sets]:
        """The model, each set as it is shown, and as it is trained on."""
        shown, trained_on = {}, {}
        for t, s in np.ndindex(len(self.tasks), len(self.seeds)):
            setup = Setup(
                model=self.model,
                task=self.tasks[t],
                data=self.data,
                k=self.k,
                seed=self.seeds[s],
                items=self.questions,
                threads=self.threads,
            )
            model, (rows, demos, items) = setup.language_model(), setup.rows()
            shown[t, s] = trained_on[t, s] = setup.prompts(model, rows, demos, items)
            if self.labels == "wrong":
                wrong = mislabelled(demos, len(rows.task.labels), setup.seed)
                trained_on[t, s] = setup.prompts(model, rows, wrong, items)
        return model, shown, trained_on


def pairs_of(shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """Which pairs [task, set, task, set] are of one set, one task, or two tasks.

    Parameters
    ----------
    shape : (tasks, sets)

    Returns
    -------
    dict of str to (tasks, sets, tasks, sets) array of bool
        ``same`` demonstrations, ``task``: others of the same task, ``other`` task.
    """
    t, s, t_other, s_other = np.indices((*shape, *shape))
    one_task = t == t_other
    return {
        "same": one_task & (s == s_other),
        "task": one_task & (s != s_other),
        "other": ~one_task,
    }


def _both(frame: Frame, prompts: Prompts) -> tuple[np.ndarray, np.ndarray]:
    """The in-context update, and its product of means."""
    heads = frame.context(prompts)
    return frame.written(heads), frame.means(heads)


def _mean_cosine(changes: np.ndarray, W: np.ndarray) -> np.ndarray:
    """Cosine of each head's matrices, mean over the questions' changes; W may have more axes."""
    return np.mean([cosine(change, W) for change in changes], axis=0)


def _alike(updates: np.ndarray) -> np.ndarray:
    """Cosine of all pairs of sets, mean over heads: [task, set, other task, other set]."""
    unit = updates / size(updates)[..., None, None]
    return np.einsum("tslgvk,azlgvk->tsaz", unit, unit) / np.prod(updates.shape[2:4])
