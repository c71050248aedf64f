"""Checkpoints that cannot be trusted: damaged, incomplete, not finite, or not meant for this."""

import json
import re
import shutil

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tiny_models import save_tiny
from transformers import LlamaForSequenceClassification

from iclbook.gpt.model import sources
from iclbook.gpt.model.device import DTYPES
from iclbook.gpt.model.load import load_model
from iclbook.gpt.reading.score import predict
from iclbook.mini import checkpoint

pytestmark = pytest.mark.usefixtures("plain_python")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return {
        family: save_tiny(family, tmp_path_factory.mktemp(family)) for family in ("gpt2", "llama")
    }


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of a tiny GPT-2 that a test may spoil."""
    return shutil.copytree(saved["gpt2"], tmp_path / "copy")


def rewrite(folder, change):
    """Change the tensors of a checkpoint."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def change_json(path, **settings):
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda data: b"", "it is empty"),
        (lambda data: data[: len(data) // 2], "damaged or cut short"),
        (lambda data: data[:5], "damaged or cut short"),
        (lambda data: b"{not weights at all}", "damaged or cut short"),
        (
            lambda data: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "pointer of Git LFS.*git lfs pull",
        ),
    ],
)
def test_weights_that_cannot_be_read_are_named_with_the_cause(folder, content, message):
    path = folder / "model.safetensors"
    path.write_bytes(content(path.read_bytes()))
    with pytest.raises(ValueError, match=rf"(?s){re.escape(str(path))}.*{message}"):
        load_model(str(folder))


def test_a_folder_without_a_head_for_the_next_token_is_refused(saved, tmp_path):
    copy = shutil.copytree(saved["llama"], tmp_path / "classifier")
    net = LlamaForSequenceClassification.from_pretrained(saved["llama"])
    net.config.tie_word_embeddings = False
    net.save_pretrained(copy)
    with pytest.raises(ValueError, match=r"lacks .*lm_head\.weight.*no place for: score\.weight"):
        load_model(str(copy))


def test_missing_and_unexpected_weights_are_named(folder):
    rewrite(folder, lambda tensors: tensors.pop("transformer.h.1.mlp.c_fc.weight"))
    with pytest.raises(ValueError, match=r"lacks weights that it needs: .*h\.1\.mlp\.c_fc\.weight"):
        load_model(str(folder))


def test_masks_that_old_versions_wrote_beside_the_weights_are_fine(folder):
    mask = torch.ones(1, 1, 8, 8)
    rewrite(folder, lambda tensors: tensors.update({"transformer.h.0.attn.bias": mask}))
    assert load_model(str(folder)).family.name == "gpt2"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite(folder, value):
    def spoil(tensors):
        tensors["transformer.h.1.attn.c_attn.weight"][3, 4] = value

    rewrite(folder, spoil)
    with pytest.raises(ValueError, match=r"h\.1\.attn\.c_attn\.weight.*NaN or infinite"):
        load_model(str(folder))


def test_an_index_may_not_point_at_pickles(folder):
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    weights = {"weight_map": {"transformer.wte.weight": "pytorch_model.bin"}, "metadata": {}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(weights))
    (folder / "pytorch_model.bin").write_bytes(b"not even a pickle")
    with pytest.raises(ValueError, match=r"pickled weights \(pytorch_model\.bin\)"):
        load_model(str(folder))


def test_the_files_of_an_index_are_those_that_are_read_and_hashed(folder):
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    shards = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, keys in shards.items():
        save_file({key: tensors[key] for key in keys}, folder / file, metadata={"format": "pt"})
    save_file({"x": torch.ones(1)}, folder / "consolidated.safetensors")
    index = {"weight_map": {key: file for file, keys in shards.items() for key in keys}}
    index["metadata"] = {"total_size": 0}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert list(load_model(str(folder)).origin["sha256"]) == ["a.safetensors", "b.safetensors"]
    (folder / "b.safetensors").unlink()
    with pytest.raises(ValueError, match=r"lacks b\.safetensors, which .*index\.json names"):
        load_model(str(folder))


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"weight_map": 3}', "{}", '{"weight_map": {"x": "model.safetensors"}}']
)
def test_an_index_that_is_none(folder, text):
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    (folder / "model.safetensors.index.json").write_text(text)
    with pytest.raises(ValueError, match=r"is no index of weights"):
        load_model(str(folder))


def test_weights_under_another_name_are_no_whole_model(folder):
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    with pytest.raises(ValueError, match=r"whole model.*found only adapter_model\.safetensors"):
        load_model(str(folder))


def test_an_index_of_the_hub_may_not_point_at_pickles(monkeypatch, tmp_path):
    from types import SimpleNamespace

    files = ["config.json", "model.safetensors.index.json", "a.safetensors", "pytorch_model.bin"]
    info = SimpleNamespace(gated=False, siblings=[SimpleNamespace(rfilename=f) for f in files])
    index = tmp_path / "index.json"
    index.write_text(json.dumps({"weight_map": {"x": "pytorch_model.bin"}, "metadata": {}}))
    monkeypatch.setattr(sources.HfApi, "model_info", lambda *args, **kwargs: info)
    monkeypatch.setattr(sources, "hf_hub_download", lambda *args, **kwargs: str(index))
    with pytest.raises(ValueError, match=r"someone/model.*pickled weights \(pytorch_model\.bin\)"):
        load_model("someone/model")


def test_a_tokenizer_with_more_tokens_than_the_model_has_embeddings(saved, tmp_path):
    small = save_tiny("gpt2", tmp_path / "small", vocab_size=100)
    with pytest.raises(ValueError, match=r"token ids up to \d+, but the model has 100 embeddings"):
        load_model(str(small))


@pytest.mark.parametrize("size", ["n_layer", "n_head", "n_embd", "vocab_size"])
def test_sizes_of_zero(folder, size):
    change_json(folder / "config.json", **{size: 0})
    with pytest.raises(ValueError, match=r"has (num_|hidden_|vocab_)\w+ 0 in its config\.json"):
        load_model(str(folder))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_configuration_or_tokenizer_that_is_no_json(folder, name):
    (folder / name).write_text("{")
    with pytest.raises((ValueError, OSError), match=r"(?i)config|tokenizer|json"):
        load_model(str(folder))


def test_an_older_transformers_is_refused(monkeypatch, folder):
    monkeypatch.setattr(transformers, "__version__", "5.4.0")
    with pytest.raises(ImportError, match=r"transformers is 5\.4\.0; expected 5\.5 or newer"):
        load_model(str(folder))


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_window_that_the_family_does_not_use_is_ignored_as_transformers_does(
    saved, tmp_path, family
):
    from test_gpt_score import make_prompts, plain

    copy = shutil.copytree(saved[family], tmp_path / "windowed")
    change_json(copy / "config.json", sliding_window=8)
    model, prompts = load_model(str(copy)), make_prompts(family, n=5)
    assert model.family.windows(model.net) == [None, None]
    assert abs(predict(model, prompts, True) - plain(model, prompts, True)).max() < 1e-4


def test_the_bundled_model_states_every_setting_that_a_default_could_change():
    config = json.loads((checkpoint() / "config.json").read_text())
    own = transformers.GPTNeoXConfig().to_dict().keys()
    base = transformers.PretrainedConfig().to_dict().keys()
    assert own - base <= config.keys()
    # What other versions of transformers call the same.
    rope = config["rope_parameters"]
    assert config["rotary_pct"] == rope["partial_rotary_factor"] == 1.0
    assert config["rotary_emb_base"] == rope["rope_theta"] == 10000
    tokenizer = json.loads((checkpoint() / "tokenizer_config.json").read_text())
    assert tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast"


def test_the_precisions():
    assert set(DTYPES) == {"float32", "float64", "float16", "bfloat16"}
