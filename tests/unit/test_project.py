"""The project as a whole: pins, addresses, licences, committed notebooks."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager

import iclbook
from tools import notebooks, oldest, repository
from tools.notebooks import ROOT

CHAPTERS = [path.relative_to(ROOT).as_posix() for path in notebooks.chapters()]
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text("utf-8"))
             for path in (ROOT / ".github" / "workflows").glob("*.yml")}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def tracked_text():
    """Yield the name and text of every file of the project that is text."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True,
                            capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix not in {".png", ".gz", ".npz", ".woff2", ".safetensors"}:
            yield name, path.read_text("utf-8")


@pytest.mark.parametrize("name", CHAPTERS)
def test_committed_chapter_is_as_it_should_be(name):
    found = notebooks.problems(notebooks.read(ROOT / name), repository.repository_url())
    assert found == []


def test_every_requirement_is_an_exact_pin():
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    names = [re.sub(r"[-_.]+", "-", pin.split("==")[0]).lower() for pin in pins]
    assert len(names) == len(set(names))
    assert {"jupyter-book==1.0.4.post1", "torch==2.13.0"} <= set(pins)


def test_the_package_never_asks_for_torch_and_sets_no_upper_bounds():
    assert not any(re.match(r"(torch|transformers)\b", need) for need in PROJECT["dependencies"])
    needs = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["models"]]
    assert [need for need in needs if not re.fullmatch(r"[\w-]+>=[\d.]+", need)] == []


def test_the_oldest_packages_are_those_of_the_bounds():
    pins = oldest.oldest()
    assert {"numpy==2.0", "torch==2.9", "transformers==5.5"} <= set(pins)
    assert [pin for pin in pins if not re.fullmatch(r"[\w-]+==[\w.]+", pin)] == []


def test_an_unbounded_need_is_refused(tmp_path):
    (tmp_path / "requirements.txt").write_text((ROOT / "requirements.txt").read_text("utf-8"))
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["numpy"]\noptional-dependencies.models = []')
    with pytest.raises(ValueError, match=r"\['numpy'\]; expected a lower bound"):
        oldest.oldest(tmp_path)


def test_only_what_was_tested_on_main_is_published():
    # YAML reads the key `on` as true.
    assert set(WORKFLOWS["publish"][True]) == {"workflow_call"}
    assert set(WORKFLOWS["test"][True]) == {"push", "pull_request", "workflow_dispatch"}
    publish = WORKFLOWS["test"]["jobs"]["publish"]
    others = set(WORKFLOWS["test"]["jobs"]) - {"publish"}
    assert set(publish["needs"]) == others
    assert publish["if"].split(" && ") == ["github.event_name != 'pull_request'",
                                           "github.ref == 'refs/heads/main'"]


def test_only_publishing_may_write():
    for name, workflow in WORKFLOWS.items():
        assert workflow["permissions"] == {}, name
        for job, content in workflow["jobs"].items():
            writes = "write" in content["permissions"].values()
            assert writes == (job in {"publish", "site", "colab"}), job


def test_every_action_is_pinned_and_runs_on_a_current_node():
    # The first majors on Node 24.
    least = {"cache": 5, "checkout": 5, "setup-python": 6, "upload-artifact": 6,
             "download-artifact": 7, "configure-pages": 6, "upload-pages-artifact": 5,
             "deploy-pages": 5}
    text = "\n".join(path.read_text("utf-8") for path in (ROOT / ".github").rglob("*.yml"))
    actions = re.findall(r"uses: (actions/\S+) # v(\d+)\.", text)
    assert len(actions) == len(re.findall("uses: actions", text))
    for action, major in actions:
        name, _, commit = action.removeprefix("actions/").partition("@")
        assert re.fullmatch("[0-9a-f]{40}", commit), action
        assert int(major) >= least[name], action


def test_everything_that_the_workflows_call_exists():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    steps = [step["run"] for workflow in WORKFLOWS.values() for job in workflow["jobs"].values()
             for step in job.get("steps", ()) if "run" in step]
    targets = [target for step in steps for target in re.findall(r"\bmake ([\w-]+)", step)]
    assert {"test-unit-plain", "book", "colab"} <= set(targets)
    assert [t for t in targets if not re.search(rf"(?m)^{t}:", makefile)] == []
    assert "make test" in (ROOT / ".ci" / "run").read_text("utf-8")


def test_no_file_names_a_package_index():
    index = re.compile(r"--(extra-)?index-url|--find-links|pypi\.org/simple|download\.pytorch")
    here = "tests/unit/test_project.py"
    assert [name for name, text in tracked_text() if name != here and index.search(text)] == []


def test_no_file_holds_an_unresolved_merge():
    assert [name for name, text in tracked_text() if re.search(r"(?m)^(<{7}|>{7}) ", text)] == []


def test_citation_agrees_with_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == iclbook.__version__
    assert citation["repository-code"] == repository.repository_url()
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    assert citation["title"] == config["title"]


def test_licences_are_the_full_texts():
    assert "END OF TERMS AND CONDITIONS" in (ROOT / "LICENSE").read_text("utf-8")
    text = (ROOT / "LICENSE-text").read_text("utf-8")
    assert "Creative Commons Attribution 4.0 International Public License" in text
    assert "Section 8 -- Interpretation." in text


def test_files_that_the_readme_names_exist():
    readme = (ROOT / "README.md").read_text("utf-8")
    for name in re.findall(r"\]\((?!https?:)([^)]+)\)", readme):
        assert (ROOT / name).exists(), name
    for target in re.findall(r"`?\bmake ([a-z]+)\b", readme):
        if target not in {"the"}:
            assert re.search(rf"(?m)^{target}:", (ROOT / "Makefile").read_text("utf-8")), target


def test_everything_that_the_api_pages_document_exists():
    pages = "".join(path.read_text("utf-8") for path in (ROOT / "book" / "api").glob("*.md"))
    documented = re.findall(r"^\.\. auto(module|class|function):: ([\w.]+)", pages, re.MULTILINE)
    assert len(documented) > 100
    for kind, name in documented:  # read, not imported: most modules need torch
        module, attribute = (name, "") if kind == "module" else name.rsplit(".", 1)
        path = ROOT / module.replace(".", "/")
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        assert path.is_file(), name
        assert re.search(rf"\b{attribute}\b", path.read_text("utf-8")), name


def test_every_place_names_the_repository_of_the_configuration():
    assert repository.out_of_line(repository.repository_url()) == []


def test_moving_house_changes_every_place(tmp_path):
    for name in ("_config.yml", "CITATION.cff", "README.md"):
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"), "utf-8")
    chapter = tmp_path / "book" / "part" / "one.ipynb"
    chapter.parent.mkdir(parents=True)
    chapter.write_text((ROOT / CHAPTERS[0]).read_text("utf-8"), "utf-8")
    url = "https://github.com/some-one/a.book"
    changed = repository.out_of_line(url, tmp_path)
    assert chapter in dict(changed)
    for path, text in changed:
        repository.write_text(path, text)
    assert repository.repository_url(tmp_path) == url
    assert repository.out_of_line(url, tmp_path) == []
    assert not any("not the install cell" in problem or "install cell" in problem
                   for problem in notebooks.problems(notebooks.read(chapter), url))
    config, before = (yaml.safe_load((place / "_config.yml").read_text("utf-8"))
                      for place in (tmp_path, ROOT))
    before["repository"]["url"] = url
    assert config == before


@pytest.mark.parametrize("url", ["", "github.com/a/b", "http://github.com/a/b", "https://github.com/a",
                                 "https://gitlab.com/a/b", "https://github.com/a/b c"])
def test_an_address_that_colab_cannot_open_is_refused(url):
    with pytest.raises(ValueError, match="expected https://github"):
        repository.checked_url(url)


def test_an_address_may_end_as_git_writes_it():
    assert repository.checked_url("https://github.com/a/b.git") == "https://github.com/a/b"
    assert repository.checked_url("https://github.com/a/b/") == "https://github.com/a/b"


def test_a_failed_write_leaves_the_file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        repository.write_text(path, "after \ud800")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_importing_the_package_brings_nothing_heavy():
    code = "import sys, iclbook; print({'torch', 'numpy', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True,
                          check=True)
    assert done.stdout.strip() == "set()"


class Colab:
    """Colab in name: what a cell runs there, and whether the package can then be found."""

    def __init__(self, patch, installed):
        self.ran = []
        patch.setitem(sys.modules, "google.colab", sys)
        patch.setattr(importlib.util, "find_spec", lambda name: installed or None)

    def run_line_magic(self, name, line):
        """Note the magic of a line."""
        self.ran.append(f"%{name} {line}")

    def run(self, cell):
        """Run a cell."""
        exec(TransformerManager().transform_cell(cell), {"get_ipython": lambda: self})


def test_colab_installs_the_commit_that_was_built(monkeypatch):
    colab, commit = Colab(monkeypatch, installed=True), 40 * "a"
    colab.run(repository.colab_cell("https://github.com/a/b", commit))
    assert colab.ran == [f'%pip install -q "iclbook @ git+https://github.com/a/b@{commit}"']
    colab.run(repository.colab_cell("https://github.com/a/b"))
    assert colab.ran[-1] == '%pip install -q "iclbook @ git+https://github.com/a/b"'


def test_colab_says_what_to_do_when_the_installation_fails(monkeypatch):
    colab = Colab(monkeypatch, installed=False)
    with pytest.raises(ImportError, match=r"could not be installed.*github\.com/a/b.*'Restart"):
        colab.run(repository.colab_cell("https://github.com/a/b", 40 * "a"))


def test_outside_colab_nothing_is_installed():
    exec(TransformerManager().transform_cell(repository.colab_cell("https://github.com/a/b")), {})


@pytest.mark.parametrize("commit", ["main", "abc", 40 * "A", 41 * "a"])
def test_what_is_no_commit_is_not_installed(commit):
    with pytest.raises(ValueError, match="git rev-parse"):
        repository.colab_cell("https://github.com/a/b", commit)


MAY_IMPORT = {
    "dual": set(),
    "regression": set(),
    "gpt": set(),
    "mini": {"gpt", "regression"},
    "momentum": {"gpt", "mini"},
}


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_parts_import_no_other_part_but_those_that_contributing_names(part):
    found = set()
    for path in (ROOT / "iclbook" / part).rglob("*.py"):
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.ImportFrom):
                found |= {f"{statement.module}.{name.name}" for name in statement.names}
            if isinstance(statement, ast.Import):
                found |= {name.name for name in statement.names}
    parts = {name.split(".")[1] for name in found if name.startswith("iclbook.")}
    assert parts & MAY_IMPORT.keys() - {part} == MAY_IMPORT[part]
