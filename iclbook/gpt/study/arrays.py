"""What a cell observed, kept as arrays for questions of one's own.

    my-arrays/<name of the record>/<setting>-<array>[-<position>].npy

One row an item, in the order of the record's ``gold``. The arrays are the fields of
`iclbook.gpt.reading.observe.Observations`; settings are ``zsl``, ``ft`` and ``icl``.
"""

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from iclbook.gpt.reading.observe import Observations


def keep(seen: Mapping[str, Observations], folder: Path) -> None:
    """Write the observations of each setting into a folder, all of them or none.

    Parameters
    ----------
    seen : mapping of str to Observations
        By setting.
    folder : Path
        Is replaced if it exists.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}-draft-"))
    try:
        for setting, observed in seen.items():
            for field in dataclasses.fields(observed):
                value = getattr(observed, field.name)
                for position, array in (value if isinstance(value, dict) else {"": value}).items():
                    if array is not None:
                        parts = filter(None, (setting, field.name, position))
                        np.save(draft / f"{'-'.join(parts)}.npy", array)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(draft, folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
