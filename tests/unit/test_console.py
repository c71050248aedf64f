"""How the program ends: its exit codes, and what it says without torch or without a reader."""

import os
import shutil
import subprocess
import sys
import textwrap

import pytest

from iclbook.records import STORE


def program(*arguments, code=None, **options):
    """Run the command line, or some code, in a process of its own."""
    given = ["-c", textwrap.dedent(code)] if code else ["-m", "iclbook"]
    return subprocess.Popen(
        [sys.executable, *given, *arguments], text=True, stderr=subprocess.PIPE, **options
    )


def ended(process):
    out, errors = process.communicate(timeout=300)
    return process.returncode, out, errors


@pytest.fixture
def broken():
    """The end to write to of a pipe that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    yield write
    os.close(write)


@pytest.fixture
def one_record(tmp_path):
    """The option for a store with a single record: the book's own takes a second to read."""
    shutil.copytree(STORE / "dual-cost", tmp_path / "store" / "dual-cost")
    return f"--store={tmp_path / 'store'}"


@pytest.mark.parametrize(
    "arguments",
    [("records", "STORE", "list"), ("records", "STORE", "validate"), ("models",), ("--help",), ()],
)
def test_a_reader_that_leaves_is_no_error(broken, one_record, arguments):
    given = [one_record if argument == "STORE" else argument for argument in arguments]
    assert ended(program(*given, stdout=broken))[::2] == (0, "")


@pytest.mark.parametrize("stdout", ["whole", "broken"])
def test_a_broken_pipe_of_somebody_else_is_an_error(broken, stdout):
    code = """
        import os, sys
        from iclbook import __main__, records

        def fails(*_):
            read, write = os.pipe()
            os.close(read)
            os.write(write, b"to a worker that has died")

        records.all_records = fails
        sys.exit(__main__.main(["records", "list"]))
    """
    where = broken if stdout == "broken" else subprocess.PIPE
    found = ended(program(code=code, stdout=where))
    assert found[0] == 1
    assert found[2] == "error: [Errno 32] Broken pipe\n"


def test_output_that_was_closed_before_is_no_error(one_record):
    command = f"exec {sys.executable} -m iclbook records '{one_record}' list >&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
def test_a_full_disk_is_an_error(one_record):
    with open("/dev/full", "w") as full:
        code, _, errors = ended(program("records", one_record, "list", stdout=full))
    assert code != 0
    assert "error: [Errno 28]" in errors
    assert "Traceback" not in errors


@pytest.fixture
def without_torch(tmp_path):
    """An environment in which the libraries of the language models are not installed."""
    for name in ("torch", "transformers", "datasets", "tokenizers"):
        text = f"raise ModuleNotFoundError(\"No module named '{name}'\", name='{name}')\n"
        (tmp_path / f"{name}.py").write_text(text)
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    return os.environ | {"PYTHONPATH": path}


@pytest.mark.parametrize(
    "arguments",
    [
        ("records", "STORE", "list"),
        ("records", "STORE", "validate"),
        ("regression", "--help"),
        ("regression", "one-layer", "--help"),
        ("pretrain", "--help"),
        ("--help",),
    ],
)
def test_what_needs_no_torch_works_without(without_torch, one_record, arguments):
    given = [one_record if argument == "STORE" else argument for argument in arguments]
    process = program(*given, stdout=subprocess.PIPE, env=without_torch)
    code, out, errors = ended(process)
    assert (code, errors) == (0, "")
    assert out


@pytest.mark.parametrize(
    "arguments",
    [("regression", "one-layer"), ("run",), ("run", "--dry-run"), ("table",), ("pretrain",)],
)
def test_what_needs_torch_says_what_to_install(without_torch, arguments, tmp_path):
    (tmp_path / "records").mkdir()
    process = program(*arguments, stdout=subprocess.PIPE, env=without_torch, cwd=tmp_path)
    code, _, errors = ended(process)
    assert code == 1
    assert errors.startswith("error: No module named ")
    assert errors.endswith('is installed with: pip install "iclbook[models]"\n')
    assert errors.count("\n") == 1


def test_a_run_that_is_stopped_says_so():
    code = """
        import sys
        from iclbook import __main__, records

        def stopped(*_):
            raise KeyboardInterrupt

        records.all_records = stopped
        sys.exit(__main__.main(["records", "list"]))
    """
    assert ended(program(code=code, stdout=subprocess.PIPE)) == (130, "", "stopped\n")
