"""The network of the bundled model.

A GPT-NeoX of transformers with rotary positions on all of each head and one residual branch after
the other.
"""

import json
from pathlib import Path

from iclbook.validate import check_count


def check_sizes(how) -> None:
    """Check `width`, `layers` and `heads` of some settings.

    Raises
    ------
    ValueError
        If one is no count, or heads have no even number of entries.
    """
    for name in ("width", "layers", "heads"):
        check_count(name, getattr(how, name))
    if how.width % (2 * how.heads):
        raise ValueError(
            f"width is {how.width}; expected a multiple of 2 * {how.heads} heads, because rotary "
            "positions turn pairs of entries."
        )


def untrained(how, **config):
    """Return an untrained model, a transformers.GPTNeoXForCausalLM; token 0 begins and ends a text.

    Parameters
    ----------
    how : iclbook.mini.pretrain.Pretraining
        Gives `seed`, `width`, `layers` and `heads`.
    **config
        What else transformers.GPTNeoXConfig shall have.
    """
    import torch
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    config = GPTNeoXConfig(
        hidden_size=how.width,
        num_hidden_layers=how.layers,
        num_attention_heads=how.heads,
        rotary_pct=1.0,
        use_parallel_residual=False,
        bos_token_id=0,
        eos_token_id=0,
        **config,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(how.seed)
        return GPTNeoXForCausalLM(config)


def save(net, tokenizer, folder: Path) -> None:
    """Write model and tokenizer as a folder for transformers.

    Settings that other versions of transformers know by other names are written by those as well;
    else their defaults would take their place.

    Raises
    ------
    ValueError
        If the folder cannot be written.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        net.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        rope = net.config.rope_parameters
        _add(
            folder / "config.json",
            rotary_pct=rope["partial_rotary_factor"],
            rotary_emb_base=int(rope["rope_theta"]),
        )
        _add(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    except Exception as error:  # each library has its own error for a full disk
        raise ValueError(
            f"{folder} cannot be written ({error}); make room and run again."
        ) from error


def _add(path: Path, **settings) -> None:
    """Add settings to a JSON file."""
    found = json.loads(path.read_text(encoding="utf-8")) | settings
    path.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")
