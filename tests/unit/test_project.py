"""The project as a whole: pins, addresses, licences, committed notebooks."""

import re
import subprocess
import sys
import tomllib

import pytest
import yaml

import iclbook
from tools import notebooks, repository
from tools.notebooks import ROOT

CHAPTERS = [path.relative_to(ROOT).as_posix() for path in notebooks.chapters()]
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
