"""States of long trainings: whole, or refused with a reason."""

import pytest
import torch

from iclbook import states

STATE = {"weights": torch.arange(3.0), "seen": {"step": [0, 2], "loss": [1.5, 0.1]}}


@pytest.fixture
def path(tmp_path):
    states.save(tmp_path / "runs" / "one.pt", {"lr": 0.1, "files": {"a": 1}}, STATE)
    return tmp_path / "runs" / "one.pt"


def test_a_state_comes_back(path):
    found = states.load(path, {"files": {"a": 1}, "lr": 0.1})
    assert torch.equal(found["weights"], STATE["weights"])
    assert found["seen"] == STATE["seen"]
    assert [file.name for file in path.parent.iterdir()] == ["one.pt"]
    assert states.load(path.with_name("two.pt"), {}) is None


def test_other_settings_are_named(path):
    with pytest.raises(ValueError, match=r"other settings: lr was 0\.1 and is 0\.2\. Remove the"):
        states.load(path, {"lr": 0.2, "files": {"a": 1}})
    with pytest.raises(ValueError, match=r"settings: files was .* and is .*; seed was unknown"):
        states.load(path, {"lr": 0.1, "files": {"a": 2}, "seed": 0})


@pytest.mark.parametrize("content", [b"", b"PK broken", None])
def test_broken_files_are_named(path, content):
    if content is None:
        torch.save({"weights": STATE["weights"]}, path)  # a file of torch, but no state
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"one\.pt is no whole state .* remove it"):
        states.load(path, {"lr": 0.1})


def test_a_full_disk_leaves_the_earlier_state(path, monkeypatch):
    def full(state, draft):
        draft.write_bytes(b"half")
        raise RuntimeError("PytorchStreamWriter failed writing file: file write failed")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(ValueError, match=r"one\.pt cannot be written .* An earlier state"):
            states.save(path, {"lr": 0.1}, {})
    assert [file.name for file in path.parent.iterdir()] == ["one.pt"]
    assert states.load(path, {"lr": 0.1})["seen"] == STATE["seen"]


def test_a_folder_that_is_a_file_is_named(path):
    with pytest.raises(ValueError, match="cannot be written"):
        states.save(path / "one.pt", {}, STATE)
