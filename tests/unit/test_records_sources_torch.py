"""The sources of a record: every file that decides its results, whoever imports it."""

import ast
import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from iclbook import records, states
from iclbook.records import provenance, signature, sources

EXPERIMENTS = sorted(records.EXPERIMENTS)


def module_of(experiment):
    return records.target(experiment).split(":")[0]


@pytest.fixture
def package(tmp_path):
    """A small package: ``a`` imports ``sub.b`` inside a function, ``sub`` imports ``c``."""
    files = {
        "__init__.py": "",
        "a.py": "def late():\n    from iclbook.sub import b\n\nDATA = 'table.toml'\n",
        "c.py": "FOLDER = 'weights'\n",
        "d.py": "import iclbook.a\n",
        "sub/__init__.py": "from ..c import FOLDER\n",
        "sub/b.py": "from iclbook.records import store\n",
        "records/__init__.py": "from iclbook import d\n",
        "table.toml": "x = 1\n",
        "other.toml": "x = 2\n",
        "weights/one/two.bin": "w",
    }
    for name, text in files.items():
        path = tmp_path / "iclbook" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "iclbook"


def test_sources_are_what_may_be_imported_and_the_data_that_these_name(package):
    assert list(sources.hashes("iclbook.a", package)) == [
        "iclbook/__init__.py",
        "iclbook/a.py",
        "iclbook/c.py",
        "iclbook/sub/__init__.py",
        "iclbook/sub/b.py",
        "iclbook/table.toml",
        "iclbook/weights/one/two.bin",
    ]


@pytest.mark.parametrize("name", ["a.py", "c.py", "sub/b.py", "table.toml", "weights/one/two.bin"])
def test_a_change_of_any_source_is_seen_and_named(package, name):
    before = sources.hashes("iclbook.a", package)
    assert sources.changed(before, package) == []
    path = package / name
    path.write_text(path.read_text() + "\n# changed")
    assert sources.changed(before, package) == [f"iclbook/{name}"]
    path.unlink()
    assert sources.changed(before, package) == [f"iclbook/{name}"]


def test_a_change_of_anything_else_is_not(package):
    before = sources.hashes("iclbook.a", package)
    for name in ("d.py", "other.toml", "records/__init__.py"):
        (package / name).write_text("y = 3\n")
    assert sources.hashes("iclbook.a", package) == before


def test_training_is_a_source_of_every_trained_layer():
    for experiment in EXPERIMENTS:
        if experiment.startswith("regression-"):
            found = sources.files(module_of(experiment))
            assert "iclbook/regression/train.py" in found, experiment
            assert "iclbook/validate.py" in found


def test_the_bundled_model_is_a_source_of_the_cells():
    found = sources.files(module_of("gpt-cell"))
    assert "iclbook/mini/checkpoint/model.safetensors" in found
    assert not [name for name in found if name.startswith("iclbook/records/")]


@pytest.mark.parametrize("experiment", ["dual-cost", "gpt-cell", "regression-garg"])
def test_a_fresh_interpreter_imports_nothing_that_is_no_source(experiment):
    options = {
        "dual-cost": {"lengths": [2, 4], "widths": [2]},
        "gpt-cell": {"items": 2, "k": 2},
        "regression-garg": {"steps": 1, "batch": 2, "tests": 8, "N": 2, "layers": 1},
    }[experiment]
    script = (
        "import sys; from iclbook import records\n"
        f"records.run({experiment!r}, {options}, name='x')\n"
        "print(sorted({m.__file__ for n, m in list(sys.modules.items()) if n.startswith('iclbook')"
        " and not n.startswith('iclbook.records')}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    imported = set(ast.literal_eval(done.stdout.strip().splitlines()[-1]))
    known = {str(path) for path in sources.files(module_of(experiment)).values()}
    # What runs an experiment sets its threads and watches its states.
    runner = {str(sources.locate(f"iclbook.{name}")) for name in ("states", "threads", "validate")}
    assert imported - known - runner == set()


def test_what_a_process_imported_before_does_not_matter():
    import torch  # noqa: F401

    import iclbook.figures  # noqa: F401 (a module that no experiment imports)

    record = records.run("dual-cost", {"lengths": [2, 4], "widths": [2]}, name="x")
    assert "iclbook/figures.py" not in record.provenance["sources"]
    assert "torch" not in record.provenance["versions"]
    assert record.provenance["sources"] == sources.hashes("iclbook.dual.cost")


def test_a_source_that_changes_during_the_run_is_not_known():
    before = sources.hashes("iclbook.dual.cost") | {"iclbook/dual/cost.py": "0" * 64}
    found = provenance.provenance("iclbook.dual.cost", before, 1.0)
    assert found["sources"]["iclbook/dual/cost.py"] is None
    assert found["sources"]["iclbook/validate.py"] == before["iclbook/validate.py"]
    assert not found["git_clean"]


@dataclasses.dataclass(frozen=True)
class GoesOn:
    """An experiment that goes on from a kept state, if there is one."""

    path: str = "state.pt"
    threads: int = 1

    def run(self):
        state = states.load(Path(self.path), {})
        return records.Results({"state": {"value": state is not None, "tolerance": 0}})


def test_a_record_says_whether_its_run_went_on_from_a_state(monkeypatch, tmp_path):
    monkeypatch.setitem(records.EXPERIMENTS, "goes-on", f"{__name__}:GoesOn")
    config = {"path": str(tmp_path / "state.pt")}
    assert records.run("goes-on", config, name="one").provenance["resumed"] is False
    states.save(tmp_path / "state.pt", {}, {"step": 1})
    assert records.run("goes-on", config, name="one").provenance["resumed"] is True


def test_libraries_are_those_that_the_sources_import():
    assert sources.libraries("iclbook.dual.cost") == {"jaxtyping", "numpy"}
    assert {"torch", "transformers", "scipy"} <= sources.libraries(module_of("gpt-cell"))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_settings_read_from_the_source_are_those_of_the_class(experiment):
    kind = records.experiment_class(experiment)
    wanted = {field.name: field.default for field in dataclasses.fields(kind)}
    found = {field.name: field.default for field in records.fields(experiment)}
    assert found == wanted
    for field in records.fields(experiment):
        entries = field.default if field.several else (field.default,)
        assert all(type(entry) is field.kind for entry in entries), field
    assert signature.summary(experiment) == kind.__doc__.splitlines()[0]


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_seed_is_one_and_seeds_are_several(experiment):
    kinds = {field.name: (field.kind, field.several) for field in records.fields(experiment)}
    assert kinds.get("seed", (int, False)) == (int, False)
    assert kinds.get("seeds", (int, True)) == (int, True)


def test_settings_are_read_without_a_library():
    script = (
        "import sys; from iclbook import records\n"
        "[records.fields(name) for name in records.EXPERIMENTS]\n"
        "print([m for m in ('torch', 'scipy', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
