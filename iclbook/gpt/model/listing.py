"""What works, as a text: the families that have an entry, and models to begin with."""

from iclbook.gpt.model.families import FAMILIES
from iclbook.gpt.model.family import Family, everything
from iclbook.gpt.model.sources import known


def listing() -> str:
    """The table that ``python -m iclbook models`` prints."""
    lines = ["Families (model_type in config.json); each is tested against transformers:", ""]
    lines += [f"  {family.name:12} {', '.join(_traits(family))}" for family in FAMILIES.values()]
    lines += [
        "",
        "Another family works if its parts are found and its numbers agree with its own forward",
        "pass, which is tried when the model is loaded. Not supported: models without softmax",
        "attention (mamba), attention sinks (gpt_oss), attention in chunks (llama4).",
        "",
        "Models to begin with:",
        "",
    ]
    for model in known():
        window = f"{model.window:,} tokens"
        lines.append(
            f"  {model.name:36} {model.family:12} {model.parameters:>5} {window:>15}  {model.note}"
        )
    return "\n".join(line.rstrip() for line in lines)


def _traits(family: Family) -> list[str]:
    """What is special about a family's attention."""
    found = [f"positions: {family.positions}"]
    if family.window is not everything:
        found.append("windows")
    if family.query_norm:
        found.append("normed queries")
    if family.softcap:
        found.append("softcap")
    return found
