"""Where queries, keys and values are, against the same models with three separate matrices."""

import copy

import pytest
import torch
from tiny_finetuning import as_model, load_net, make_prompts, plain_steps
from tiny_models import FAMILIES, GROUPS
from torch import nn

from iclbook.gpt.model.families import family_of
from iclbook.gpt.tuning.finetune import Finetuning, finetune
from iclbook.gpt.tuning.trainable import trainable

FUSED = {
    "gpt2": "c_attn",
    "gpt_bigcode": "c_attn",
    "gpt_neox": "query_key_value",
    "bloom": "query_key_value",
    "falcon": "query_key_value",
    "phi3": "qkv_proj",
    "mpt": "Wqkv",
}
WITHIN = {"gpt_neox": 4, "bloom": 4, "gpt_bigcode heads": 4, "falcon heads": 4, "falcon groups": 2}
"""Groups of heads, where q, k and v of a group stand side by side."""


class Unfused(nn.Module):
    """Three linear maps in place of a fused one; outputs in the order that the block expects."""

    def __init__(self, family: str, fused: nn.Module, groups: int):
        super().__init__()
        weight = fused.weight.detach().T if family == "gpt2" else fused.weight.detach()
        bias = None if fused.bias is None else fused.bias.detach()
        size = 8
        rows = {"q": [], "k": [], "v": []}
        shares = dict(q=len(weight) - 2 * groups * size, k=groups * size, v=groups * size)
        times = WITHIN.get(family, 1)  # how often a run of queries, keys and values comes
        start = 0
        for _ in range(times):
            for part, share in shares.items():
                rows[part] += range(start, start + share // times)
                start += share // times
        for part in "qkv":
            linear = nn.Linear(weight.shape[1], len(rows[part]), bias=bias is not None)
            linear.weight.data = weight[rows[part]].clone()
            if bias is not None:
                linear.bias.data = bias[rows[part]].clone()
            self.add_module(f"{part}_proj", linear)
        self.order = torch.argsort(torch.tensor(rows["q"] + rows["k"] + rows["v"]))

    def forward(self, x):
        return torch.cat([self.q_proj(x), self.k_proj(x), self.v_proj(x)], -1)[..., self.order]


def unfuse(family: str, net: nn.Module) -> list[nn.Module]:
    """Split fused matrices in place; for each layer, the module with q_proj, k_proj and v_proj."""
    blocks = family_of(net).attentions(net)
    name = FUSED.get(family.split()[0])
    if name is None:
        return blocks
    for block in blocks:
        setattr(block, name, Unfused(family, getattr(block, name), GROUPS.get(family, 4)))
    return [getattr(block, name) for block in blocks]


def entries(projection) -> list[torch.Tensor]:
    """Weight (outputs, inputs) and bias of a projection."""
    parts = [e.of(e.parameter.detach()) for e in projection.entries()]
    conv1d = type(projection.module).__name__ == "Conv1D"
    parts[0] = parts[0].flatten(1).T if conv1d else parts[0].flatten(0, -2)
    return [parts[0], *(bias.flatten() for bias in parts[1:])]


def projections(net):
    return family_of(net).projections(net)


@pytest.mark.parametrize("family", FAMILIES)
def test_finetuning_equals_that_of_the_unfused_model(family):
    net = load_net(family)
    oracle = copy.deepcopy(net)
    separate = unfuse(family, oracle)
    prompts = make_prompts()
    learners = [
        p for m in separate for part in "kv" for p in getattr(m, f"{part}_proj").parameters()
    ]
    before = [[t.clone() for t in entries(parts["q"])] for parts in projections(net)]
    plain_steps(oracle.eval(), learners, prompts.finetuning, lr=0.05)

    with finetune(as_model(net), prompts, Finetuning(lr=0.05)):
        for parts, split, q in zip(projections(net), separate, before, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(entries(parts["q"]), q, strict=True))
            for part in "kv":
                expected = list(getattr(split, f"{part}_proj").parameters())
                for ours, theirs in zip(entries(parts[part]), expected, strict=True):
                    torch.testing.assert_close(ours, theirs.detach(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_outputs_are_sliced_as_the_parameters_are(family):
    net = load_net(family)
    for parts in projections(net):
        for projection in parts.values():
            x = torch.randn(2, 3, net.config.hidden_size)
            weight, *bias = entries(projection)
            expected = x @ weight.T + (bias[0] if bias else 0.0)
            ours = projection.of_output(projection.module(x))
            if projection.clip is not None:
                assert (expected.abs() > projection.clip).any()
                expected = expected.clamp(-projection.clip, projection.clip)
            assert projection.width == ours.shape[-1]
            torch.testing.assert_close(ours, expected, rtol=0, atol=1e-5)


def test_values_of_one_layer_are_those_of_that_layer():
    net = load_net("llama")
    (entry,) = trainable(net, "v:1")
    assert entry.parameter is net.model.layers[1].self_attn.v_proj.weight


def test_the_first_matrices_are_those_that_read_the_norm():
    net = load_net("llama")
    mlps = [layer.mlp for layer in net.model.layers]
    wanted = [W.weight for mlp in mlps for W in (mlp.gate_proj, mlp.up_proj)]
    assert [id(e.parameter) for e in trainable(net, "mlp")] == list(map(id, wanted))
    net = load_net("gpt2")
    wanted = [layer.mlp.c_fc.weight for layer in net.transformer.h]
    assert [id(e.parameter) for e in trainable(net, "mlp")] == list(map(id, wanted))


def test_whole_model_counts_tied_weights_once():
    net = load_net("gpt2")
    assert sum(e.parameter.numel() for e in trainable(net, "all")) == net.num_parameters()


@pytest.mark.parametrize("name", ["vk", "v", "v:", "v:-1", "v:1.5", "k:0", "V:0", ""])
def test_unknown_parameters_are_named_with_the_choices(name):
    net = load_net("gpt2")
    with pytest.raises(ValueError, match=r"expected 'kv' .* or 'v:LAYER'"):
        trainable(net, name)


def test_a_layer_that_is_not_there():
    net = load_net("gpt2")
    with pytest.raises(ValueError, match=r"'v:2', but the model has 2 layers.* 0 to 1"):
        trainable(net, "v:2")


def test_an_unknown_family():
    net = load_net("gpt2")
    net.config.model_type = "gptneo"
    with pytest.raises(ValueError, match=r"gptneo"):
        projections(net)
