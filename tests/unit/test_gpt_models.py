"""Loading models: every family from a folder, and what is said when a model cannot be loaded."""

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from huggingface_hub import errors
from tiny_models import BOS, FAMILIES, WINDOW, WINDOWS, loaded, save_tiny
from transformers import AutoConfig

from iclbook.gpt.model import families, sources
from iclbook.gpt.model.listing import listing
from iclbook.gpt.model.load import load_model
from iclbook.gpt.model.sources import known

pytestmark = pytest.mark.usefixtures("plain_python")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny("gpt2", tmp_path_factory.mktemp("gpt2"))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_loads_from_a_folder(family):
    model = loaded(family)
    assert model.family.name == family.split()[0]
    assert model.window == WINDOW
    assert model.separator == ("</s>" if family == "xglm" else "\n")
    assert model.dtype == torch.float32
    assert not model.net.training
    assert model.origin["layers"] == 2
    assert model.origin["heads"] == 4
    assert model.origin["width"] == 32
    assert list(model.origin["sha256"]) == ["model.safetensors"]
    json.dumps(model.origin)  # plain values, as records need them
    added = model.tokenizer("A film")["input_ids"][0]
    assert (added == model.tokenizer.bos_token_id) == (family in BOS)
    assert model.family.windows(model.net) == WINDOWS.get(family, [None, None])
    scale = {"gpt_neo": 1.0, "granite": 0.3, "gemma3_text": 16**-0.5}.get(family, 8**-0.5)
    assert model.family.scales(model.net) == pytest.approx([scale, scale])


def test_loaded_weights_are_those_of_the_folder(folder):
    first, second = load_model(str(folder)), load_model(str(folder), dtype="bfloat16")
    assert first.origin["sha256"] == second.origin["sha256"]
    assert second.dtype == torch.bfloat16
    assert second.origin["dtype"] == "bfloat16"


def test_known_models_are_of_known_families():
    names = [entry.name for entry in known()]
    assert {"mini", "KoboldAI/fairseq-dense-1.3B", "KoboldAI/fairseq-dense-2.7B"} <= set(names)
    assert len(set(names)) == len(names)
    assert {entry.family for entry in known()} == set(families.FAMILIES)
    assert {family.split()[0] for family in FAMILIES} == set(families.FAMILIES)


def test_a_model_without_the_parts_is_refused(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "bert")
    AutoConfig.for_model("bert").save_pretrained(tmp_path / "bert")
    with pytest.raises(ValueError, match=r"family 'bert'.*no attention block.*iclbook models"):
        load_model(str(tmp_path / "bert"))


@pytest.mark.parametrize(
    ("removed", "message"),
    [
        ("config.json", "has no config.json"),
        ("*.safetensors", "has no weights"),
        ("tokenizer*", "has no tokenizer"),
    ],
)
def test_incomplete_folder(folder, tmp_path, removed, message):
    copy = shutil.copytree(folder, tmp_path / "copy")
    for path in copy.glob(removed):
        path.unlink()
    with pytest.raises(ValueError, match=message):
        load_model(str(copy))


def test_pickled_weights_are_refused_unread(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "model.safetensors").unlink()
    (copy / "pytorch_model.bin").write_bytes(b"not even a pickle")
    with pytest.raises(ValueError, match=r"pickled weights \(pytorch_model.bin\).*convert"):
        load_model(str(copy))


def test_code_of_a_folder_is_never_run(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "evil.Model", "AutoConfig": "evil.Config"}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert load_model(str(copy)).family.name == "gpt2"
    assert not (tmp_path / "ran").exists()


def _hub_error(kind):
    error = kind.__new__(kind)  # their constructors want an HTTP response
    Exception.__init__(error, "said by the hub")
    return error


@pytest.mark.parametrize(
    ("name", "kind", "raised", "message"),
    [
        ("openai-community/gpt3", errors.RepositoryNotFoundError, ValueError, "Near: openai-comm"),
        ("gpt2-xxl", errors.RepositoryNotFoundError, ValueError, "Near: gpt2-xl"),
        ("mamba", errors.RepositoryNotFoundError, ValueError, "hub id. `python -m iclbook models`"),
        ("meta-llama/Llama-3.2-1B", errors.GatedRepoError, ValueError, "gated.*licence.*HF_TOKEN"),
        ("gpt2@nowhere", errors.RevisionNotFoundError, ValueError, "no revision 'nowhere'"),
        ("gpt2", errors.OfflineModeIsEnabled, OSError, "openai-community/gpt2.*'mini'.*folder"),
        ("gpt2-xxl", ConnectionError, OSError, "Near: gpt2-xl.*Without a network.*hf download"),
    ],
)
def test_what_the_hub_says_is_explained(monkeypatch, name, kind, raised, message):
    def refuse(*args, **kwargs):
        raise _hub_error(kind)

    monkeypatch.setattr(sources.HfApi, "model_info", refuse)
    monkeypatch.setattr(sources, "try_to_load_from_cache", lambda *args, **kwargs: None)
    with pytest.raises(raised, match=message):
        load_model(name)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["config.json", "pytorch_model.bin"], r"pickled weights \(pytorch_model.bin\)"),
        (["README.md", "model.safetensors"], "no config.json"),
    ],
)
def test_a_hub_repository_without_what_is_needed(monkeypatch, files, message):
    info = SimpleNamespace(gated=False, siblings=[SimpleNamespace(rfilename=f) for f in files])
    monkeypatch.setattr(sources.HfApi, "model_info", lambda *args, **kwargs: info)
    with pytest.raises(ValueError, match=message):
        load_model("someone/model")


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(ValueError, match="looks like a folder but does not exist"):
        load_model(str(tmp_path / "nothing"))


def test_a_step_of_the_bundled_model_is_a_number():
    with pytest.raises(ValueError, match="expected a whole number of steps"):
        load_model("mini@last")


def test_unknown_device_and_dtype(folder):
    for device in ("gpu", "meta", "cuda:99", "cpu:x"):
        with pytest.raises(ValueError, match=f"device is '{device}'.*expected 'auto', 'cpu'"):
            load_model(str(folder), device=device)
    with pytest.raises(ValueError, match="dtype is 'float8'"):
        load_model(str(folder), dtype="float8")


def test_window_ends_where_rotation_changes(tmp_path):
    rope = dict(rope_type="longrope", rope_theta=10000.0, factor=8.0)
    rope |= dict(short_factor=[1.0] * 4, long_factor=[2.0] * 4)
    options = dict(rope_parameters=rope, original_max_position_embeddings=64)
    model = load_model(str(save_tiny("phi3", tmp_path, **options)))
    assert model.net.config.max_position_embeddings == WINDOW
    assert model.window == 64


def test_the_pages_name_exactly_the_families_that_have_an_entry():
    root = Path(__file__).parents[2]
    page = (root / "book" / "how-to-run.md").read_text(encoding="utf-8")
    quoted = page.partition("(which-models)=")[2].partition("\n> ")[2].partition("\n\n")[0]
    assert re.findall(r"\w+", quoted) == list(families.FAMILIES)
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert f"{len(families.FAMILIES)} families" in readme
    assert all(f"  {name} " in listing() for name in families.FAMILIES)
    assert all(entry.name in listing() for entry in known())
