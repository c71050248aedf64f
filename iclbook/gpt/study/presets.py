"""Which variant of every choice: named options, and two sets of them.

`BOOK` is the default. `DAI_CODE` is what the authors' released code does, line by line, so that a
difference from their tables can be traced to one option. What differs between the two is theirs or
ours by name here; what the authors' own numbers still differ by is said in the chapter "The table".
"""

from dataclasses import dataclass

from iclbook.gpt.metrics.rec2ftp import LEAST
from iclbook.validate import check_choice, check_count


@dataclass(frozen=True)
class Preset:
    """Named options. Where an option is a tuple, tables show the first and records hold all.

    What both presets share is no option here: templates, separators and the cut to the window are
    those of the authors' code (`iclbook.gpt.text.prompts`), and so are the finetuning's defaults
    (`iclbook.gpt.tuning.finetune.Finetuning`: one SGD step an example, the mean over all its target
    tokens, weights and biases of keys and values).

    Attributes
    ----------
    name : str
    strip : bool
        Strip white space around texts.
    deduplicate : bool
        Drop evaluation items whose text is also in the training split.
    positions : tuple of str
        "label" (the token of candidate label 0) or "last" (last token of the prompt).
    updates : tuple of str
        SimAOU of "normalised" or "plain" outputs.
    label_key : bool
        SimAM at the label position takes in the score with the label token itself.
    random : tuple of str
        Random baselines: "uniform" (U[0, 1), the authors') or "isotropic" (the proper one).
    kendall_items : int or None
        Kendall on so many items; None for all.
    least_mended : int
        Rec2FTP has a value from so many mended items on; the authors print it at any number.
    select : str
        The learning rate is chosen on other "training" rows, or on the "evaluated" ones.
    all_k : bool
        Finetune on all demonstrations, also those that do not fit the window in context.
    """

    name: str = "custom"
    strip: bool = True
    deduplicate: bool = True
    positions: tuple[str, ...] = ("last", "label")
    updates: tuple[str, ...] = ("normalised", "plain")
    label_key: bool = True
    random: tuple[str, ...] = ("isotropic", "uniform")
    kendall_items: int | None = None
    least_mended: int = LEAST
    select: str = "training"
    all_k: bool = False

    def __post_init__(self):
        check_count("least_mended", self.least_mended)
        check_choice("select", self.select, ("training", "evaluated"))
        for option, choices in (
            ("positions", ("last", "label")),
            ("updates", ("normalised", "plain")),
            ("random", ("isotropic", "uniform")),
        ):
            for value in getattr(self, option):
                check_choice(option, value, choices)


BOOK = Preset(name="book")
"""The book's own choices: both positions, both updates, proper baselines, every item."""

DAI_CODE = Preset(
    name="dai-code",
    strip=False,
    deduplicate=False,
    positions=("label",),
    updates=("normalised",),
    random=("uniform",),
    kendall_items=100,
    least_mended=1,
    select="evaluated",
    all_k=True,
)
"""What the code of Dai et al. 2023 computes."""

PRESETS = {preset.name: preset for preset in (BOOK, DAI_CODE)}
