"""How a command ends: its exit code, and what it says of an error."""

import contextlib
import os
import sys
from collections.abc import Callable, Sequence

ERRORS = (ValueError, FloatingPointError, OSError, ImportError)
"""What is said in one line; anything else is a fault of the program, with its traceback."""


def answered(command: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> int:
    """Run a command; return its exit code, which is 1 after one of ``ERRORS``."""
    with contextlib.redirect_stdout(_Output(sys.stdout)):
        try:
            try:
                return command(arguments)
            finally:
                sys.stdout.flush()
        except OutputClosed:  # what is still in the buffer goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except ERRORS as error:
            print(f"error: {said(error)}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
            return 130


def said(error: Exception) -> str:
    """One line on an error, with what to install if a library is missing."""
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("iclbook"):
        return f'{error}; what needs it is installed with: pip install "iclbook[models]"'
    return str(error)


class OutputClosed(Exception):
    """The reader of our output, such as `head`, has seen enough."""


class _Output:
    """Standard output, whose broken pipe is told from those of others."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, text: str) -> int:
        with _reader_may_leave():
            return self._stream.write(text) if self._stream else len(text)  # none if it was closed

    def flush(self) -> None:
        with _reader_may_leave():
            if self._stream:
                self._stream.flush()

    def __getattr__(self, name: str):
        return getattr(self._stream, name)


@contextlib.contextmanager
def _reader_may_leave():
    try:
        yield
    except BrokenPipeError:
        raise OutputClosed from None
