"""A tiny random llama in one GGUF file, and wheels that carry such a file."""

import json
import zipfile

import numpy as np
import torch
from gguf import GGMLQuantizationType as Kind
from gguf import GGUFWriter, dequantize, quantize
from tiny_models import save_tiny
from transformers import AutoModelForCausalLM, AutoTokenizer

NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
OUTER = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def _name(name):
    parts = name.removesuffix(".weight").split(".")
    inner = "layers" in parts
    short = f"blk.{parts[2]}.{NAMES['.'.join(parts[3:])]}" if inner else OUTER[".".join(parts)]
    return f"{short}.weight"


def _paired(matrix, heads):
    """Rows of queries and keys in llama.cpp's order: the two of a rotated pair side by side."""
    rows = matrix.reshape(heads, 2, -1, matrix.shape[1]).swapaxes(1, 2)
    return np.ascontiguousarray(rows.reshape(matrix.shape))


def write_tiny(path, folder, *, arch="llama", tokenizer=True, kind=Kind.Q8_0, without=()):
    """Write the file; return the model with the same rounded numbers, and its tokenizer."""
    net = AutoModelForCausalLM.from_pretrained(save_tiny("llama", folder))
    words, config = AutoTokenizer.from_pretrained(folder), net.config
    writer = GGUFWriter(path, arch)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    if tokenizer:
        _write_tokenizer(writer, words)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            matrix = parameter.numpy()
            if parameter.ndim == 2 and kind == Kind.Q8_0:
                parameter.copy_(torch.from_numpy(dequantize(quantize(matrix, kind), kind)))
            if "q_proj" in name:
                matrix = _paired(matrix, config.num_attention_heads)
            if "k_proj" in name:
                matrix = _paired(matrix, config.num_key_value_heads)
            if _name(name) in without:
                continue
            if parameter.ndim == 2 and kind == Kind.Q8_0:
                writer.add_tensor(_name(name), quantize(matrix, kind), raw_dtype=kind)
            else:
                writer.add_tensor(
                    _name(name), matrix.astype(np.float64 if kind == Kind.F64 else np.float32)
                )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return net.eval(), words


def _write_tokenizer(writer, tokenizer):
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    special = set(tokenizer.all_special_tokens)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in special else 1 for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in model["merges"]])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_add_bos_token(False)


def write_wheel(folder, package, version, files):
    """A wheel whose code must never run."""
    name = package.replace("-", "_")
    info = f"{name}-{version}.dist-info"
    texts = {
        f"{name}/__init__.py": "raise SystemExit('a package of data was imported')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, content in (texts | files).items():
            wheel.writestr(file, content)
        wheel.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in wheel.namelist()))
    return path
