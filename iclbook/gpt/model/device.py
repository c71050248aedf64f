"""Where a model runs, and in what precision."""

import torch
from transformers import PretrainedConfig

DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}
DEVICES = ("cpu", "cuda", "mps")


def choose_dtype(dtype: str, device: torch.device, config: PretrainedConfig) -> torch.dtype:
    """The precision of this name; ``auto`` is float32 on a CPU, elsewhere the stored one."""
    kept = getattr(config, "dtype", None)
    if dtype != "auto":
        return DTYPES[dtype]
    return torch.float32 if device.type == "cpu" or kept not in DTYPES.values() else kept


def choose_device(device: str) -> torch.device:
    """The device of this name; ``auto`` is a GPU if there is one.

    Raises
    ------
    ValueError
        If this machine does not have it.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    reason = "it is of another kind"
    try:
        where = torch.device(device)
        torch.empty(1, device=where).sum().item()
        if where.type in DEVICES:
            return where
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
    raise ValueError(
        f"device is {device!r}, which this machine or this PyTorch does not have; expected 'auto', "
        f"'cpu', 'cuda' (or one of several, 'cuda:1') or 'mps'. ({reason})"
    )
