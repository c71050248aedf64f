"""What the tests of worker processes let them do."""

import os
import signal
import time


def square(number: int) -> int:
    return number * number


def refuse(number: int) -> None:
    raise ValueError(f"no {number}")


def die(code: int = signal.SIGKILL) -> None:
    os.kill(os.getpid(), code)


def announce(path: str, seconds: float = 60.0) -> None:
    """Write the number of this process into a file, and be busy."""
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    time.sleep(seconds)


STUDY = """
import signal
import sys
from iclbook.gpt.study.workers import Workers
from tests.unit.worker_tasks import announce

if __name__ == "__main__":
    # A shell starts what runs in its background with Ctrl-C ignored, and that is inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    workers = Workers(2)
    found = [workers.submit(announce, path) for path in sys.argv[1:]]
    try:
        [one.result() for one in found]
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        workers.shutdown(cancel_futures=True)
"""
"""A program whose two workers announce themselves."""
