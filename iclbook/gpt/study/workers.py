"""Processes that run the groups of a study, and what happens if one of them ends early.

A process that is killed, for lack of memory for example, costs its group; another one takes its
place. When the program ends, or is killed itself, its processes end too.
"""

import contextlib
import os
import signal
import sys
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection

PATIENCE = 5.0
"""Seconds that a process gets to clean up before it is ended."""


class Workers(Executor):
    """An executor of processes. Work whose process ends early has a RuntimeError as its result.

    Parameters
    ----------
    count : int
        How many processes. They are started when there is work.
    """

    def __init__(self, count: int):
        self._local, self._lock = threading.local(), threading.Lock()
        self._living: set[_Worker] = set()
        self._closed = False
        self._threads = ThreadPoolExecutor(count)  # one for each process, to wait for it

    def submit(self, function, /, *arguments) -> Future:
        """Let a process call a function."""
        return self._threads.submit(self._call, function, arguments)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; what they work on is lost if it is not waited for."""
        if not wait or cancel_futures:
            self.stop()
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        self.stop()

    def stop(self) -> None:
        """End the processes now; they get some seconds to remove their temporary files."""
        with self._lock:
            self._closed, living = True, set(self._living)
        try:
            for worker in living:
                worker.process.terminate()
            for worker in living:
                worker.process.join(PATIENCE)
        finally:  # also if a second Ctrl-C comes
            for worker in living:
                worker.process.kill()

    def _call(self, function, arguments):
        worker = getattr(self._local, "worker", None)
        if worker is None or not worker.process.is_alive():
            with self._lock:
                if self._closed:
                    raise RuntimeError("the study was stopped")
                worker = self._local.worker = _Worker()
                self._living.add(worker)
        try:
            return worker.call(function, arguments)
        except (EOFError, OSError) as error:
            worker.process.join(PATIENCE)
            with self._lock:
                self._living.discard(worker)
            raise RuntimeError(f"its process {worker.fate}; give the same command again") from error


class _Worker:
    """A process, and the pipe to it."""

    def __init__(self):
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    @property
    def fate(self) -> str:
        code = self.process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            return f"was ended by {name}" + " (out of memory?)" * (name == "SIGKILL")
        return f"ended early (exit code {code})"

    def call(self, function, arguments):
        self._pipe.send((function, arguments))
        error, result = self._pipe.recv()
        if error is not None:
            raise error
        return result


def _serve(pipe: Connection) -> None:
    """Do what comes through the pipe, until the program at its other end is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the program, which ends us
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # removes temporary files
    threading.Thread(target=_follow_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        while True:
            function, arguments = pipe.recv()
            try:
                answer = None, function(*arguments)
            except Exception as error:
                answer = error, None
            pipe.send(answer)


def _follow_parent() -> None:
    """End this process when the program that started it has ended, however it did."""
    connection.wait([parent_process().sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(PATIENCE)
    os._exit(1)  # still in a long computation
