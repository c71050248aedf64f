"""Small models trained with and without momentum, as records, and momentum in a trained model."""

import gzip
import json

import numpy as np
import pytest
import torch
from tiny_models import save_tiny

from iclbook import records
from iclbook.__main__ import main
from iclbook.gpt.model.load import load_model
from iclbook.gpt.study.setup import Setup
from iclbook.momentum import cost, paired, training
from iclbook.momentum.attach import add_momentum, attention_blocks
from iclbook.momentum.languages import ANOTHER
from iclbook.momentum.measure import answers, perplexity
from iclbook.momentum.pretrained import Pretrained
from iclbook.momentum.sums import explicit_sum
from iclbook.momentum.texts import open_text
from iclbook.momentum.training import Training
from iclbook.momentum.variants import VARIANTS, add_variant

SMALL = dict(steps=2, every=1, rows=1, length=32, width=16, layers=2, heads=2, warmup=1)


def net_of(variant, eta=0.5, seed=0):
    from iclbook.mini.model import untrained

    net = untrained(Training(**SMALL, seed=seed), vocab_size=300, intermediate_size=32)
    add_variant(net, variant, eta, seed)
    return net.eval()


def weights(block, tokens):
    """A block's weights on past values, (heads, tokens, tokens), read off unit values."""
    values = torch.eye(tokens)[None, :, None].expand(1, tokens, 2, tokens).contiguous()
    return block.momentum.read(block.momentum.sums(values, None)[0], values)[0].transpose(0, 1)


def test_variants_add_what_they_say():
    plain = explicit_sum(torch.eye(20)[None, :, None], torch.tensor([0.5]))[0, :, 0]
    found = {
        name: [weights(block, 20).detach() for block in attention_blocks(net_of(name))]
        for name in VARIANTS
        if name != "plain"
    }
    for layer in range(2):
        for head in range(2):
            of = {name: blocks[layer][head] for name, blocks in found.items()}
            np.testing.assert_allclose(of["momentum"], plain, atol=1e-6)
            np.testing.assert_allclose(of["mean"], 0.5 * plain, atol=1e-6)
            np.testing.assert_allclose(of["learned"], plain, atol=1e-6)
            ahead = 0.5 * (plain + torch.eye(20))
            np.testing.assert_allclose(of["nesterov"], ahead, atol=1e-6)
            cut = torch.triu(plain, -4)
            np.testing.assert_allclose(of["convolution"], cut, atol=1e-6)


def test_shuffled_weights_are_those_of_momentum_in_another_order_for_each_head():
    blocks = attention_blocks(net_of("shuffled", eta=0.9))
    rows = np.concatenate([block.momentum.weights[:, 0].numpy() for block in blocks])
    expected = np.sort(0.9 ** np.arange(1, 65))
    np.testing.assert_allclose(np.sort(rows, axis=1), np.tile(expected, (4, 1)), rtol=1e-6)
    assert len({row.tobytes() for row in rows}) == 4
    other = attention_blocks(net_of("shuffled", eta=0.9, seed=1))[0].momentum.weights
    assert not torch.equal(other, blocks[0].momentum.weights)


def test_all_variants_of_a_seed_begin_with_the_same_weights():
    plain = net_of("plain").state_dict()
    for variant in VARIANTS[1:]:
        own = net_of(variant).state_dict()
        assert all(torch.equal(own[name], value) for name, value in plain.items())
    other = net_of("plain", seed=1).state_dict()
    first = "gpt_neox.embed_in.weight"
    assert not torch.equal(other[first], plain[first])


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="variant is 'adam'; expected one of 'plain'"):
        Training(variant="adam")


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_training_is_repeated_exactly(variant):
    first, second = (Training(variant=variant, **SMALL).run().deterministic for _ in range(2))
    assert first == second
    count = {"learned": 4, "convolution": 16}.get(variant, 0)
    plain = Training(variant="plain", **SMALL).run().deterministic
    assert first["parameters"]["value"] == plain["parameters"]["value"] + count
    assert (first["held_out_perplexity"] == plain["held_out_perplexity"]) == (variant == "plain")


def test_the_bundled_model_goes_on(tmp_path):
    how = dict(steps=2, every=1, rows=1, length=128, start="bundled", lr=1e-6)
    records.write(records.run("momentum", how | dict(variant="plain"), name="a"), tmp_path)
    records.write(records.run("momentum", how | dict(eta=1e-6), name="b"), tmp_path)
    runs = paired.recorded(start="bundled", store=tmp_path)
    plain, near = (paired.scores(runs[key][0]) for key in (("plain", 0.0), ("momentum", 1e-6)))
    assert plain["in context, usual"] > 0.6
    assert plain == pytest.approx(near, abs=0.02)
    assert runs["plain", 0.0][0]["parameters"] > 500_000
    with pytest.raises(ValueError, match="the bundled model reads 'mini' alone"):
        Training(start="bundled", text="python")


SHEETS = dict(text="little", length=9, steps=2, every=1, rows=4, width=16, heads=2, warmup=1)


def test_sheets_are_answered_on_the_way(tmp_path):
    found = records.run("momentum", SHEETS, name="some")
    records.write(found, tmp_path)
    assert np.shape(found["known"]) == (1,)  # the second of two examples
    assert len(found["known_by_step"]) == len(found["step"]) == 3
    assert found["known_by_step"][-1] == found["known"][0]
    (one,) = paired.recorded("little", store=tmp_path)["momentum", 0.5].values()
    assert paired.scores(one)["in context, fresh"] == found["fresh_by_step"][-1]
    held, other = (open_text("little", 0, 4, 9).held_out()[0], open_text("little", 0, 4, 9))
    assert not np.array_equal(held, other.batch(0)[0])
    with pytest.raises(ValueError, match="length is 32; expected 1 and four for each example"):
        open_text("little", 0, 4, 32)


def test_a_training_runs_where_it_is_told():
    assert Training(device="cpu").hardware == "cpu"
    with pytest.raises(ValueError, match="device is 'cuda:99', which this machine"):
        Training(device="cuda:99", **SHEETS).run()


def test_held_out_text_of_the_small_language_is_another_draw():
    text = open_text("mini", 3, 4, 64)
    same, other = open_text("mini", 3, 4, 64), open_text("mini", 3 + ANOTHER, 4, 64)
    for a, b in zip(text.batch(5), same.batch(5), strict=True):
        assert np.array_equal(a, b)
    assert np.array_equal(text.held_out()[0], other.batch(0)[0])


def test_bytes_of_files(tmp_path):
    (tmp_path / "train-0.txt").write_bytes(b"ab" * 400)
    (tmp_path / "train-1.txt.gz").write_bytes(gzip.compress(b"ab" * 400))
    (tmp_path / "validation.txt").write_bytes(b"xy" * 400)
    text = open_text(str(tmp_path), 0, 2, 16)
    assert text.batch(0)[0].shape == (2, 16)
    assert set(np.unique(text.batch(1)[0])) <= {ord(c) for c in "ab\n"}
    assert set(np.unique(text.held_out()[0])) == {ord("x"), ord("y")}
    assert np.array_equal(open_text(str(tmp_path), 0, 2, 16).batch(7)[0], text.batch(7)[0])
    assert not np.array_equal(open_text(str(tmp_path), 1, 2, 16).batch(7)[0], text.batch(7)[0])
    with pytest.raises(ValueError, match="1601 tokens of training text; expected more than 4096"):
        open_text(str(tmp_path), 0, 1, 1024)
    (tmp_path / "validation.txt").unlink()
    with pytest.raises(ValueError, match="called validation"):
        open_text(str(tmp_path), 0, 2, 16)


def test_source_code_of_the_standard_library():
    text = open_text("python", 0, 2, 64)
    assert text.vocabulary == 256
    assert b"\ndef " in text.training.tobytes()
    assert b"\ndef " in text.validation.tobytes()
    found = Training(text="python", **SMALL).run().deterministic
    assert found["text_sha256"]["value"] == text.sha256
    assert "usual" not in found


def test_perplexity_is_that_of_the_pieces():
    net = net_of("momentum")
    rows = np.random.default_rng(0).integers(300, size=(3, 41))
    losses = []
    for row in rows:
        for begin in range(0, 40, 10):
            ids = torch.from_numpy(row[begin : begin + 10])[None]
            with torch.no_grad():
                losses.append(net(ids, labels=ids).loss.item())
    assert perplexity(net, [rows], 10) == pytest.approx(np.exp(np.mean(losses)), rel=1e-5)


ASKED = [f"--{name}={value}" for name, value in SMALL.items()]


def test_the_command_trains_what_is_missing_and_compares(tmp_path, capsys):
    how = ["momentum", "--store", str(tmp_path), *ASKED, "--variants", "plain", "momentum"]
    assert main([*how, "--seeds", "0", "1"]) == 0
    assert sorted(path.stem for path in tmp_path.rglob("*.json")) == [
        "mini-momentum-0p5-seed-0",
        "mini-momentum-0p5-seed-1",
        "mini-plain-seed-0",
        "mini-plain-seed-1",
    ]
    assert main([*how, "--etas", "0.5", "0.25", "--seeds", "0", "1"]) == 0
    said = capsys.readouterr().out
    assert said.count("there already") == 4
    runs = paired.recorded(store=tmp_path)
    assert set(runs) == {("plain", 0.0), ("momentum", 0.5), ("momentum", 0.25)}
    of = {key: [paired.scores(runs[key][seed]) for seed in (0, 1)] for key in runs}
    for name, (mean, low, high) in paired.differences(runs, ("momentum", 0.25)).items():
        pairs = zip(of["momentum", 0.25], of["plain", 0.0], strict=True)
        expected = [a[name] - b[name] for a, b in pairs]
        assert mean == pytest.approx(np.mean(expected))
        assert low <= mean <= high
    assert "momentum     eta 0.25" in said
    alone = np.exp(np.mean([one["training"] for one in of["plain", 0.0]]))
    assert f"training: attention alone {alone:.3f}\n" in said


def test_the_command_refuses_a_record_of_other_settings(tmp_path, capsys):
    how = ["momentum", "--store", str(tmp_path), *ASKED, "--variants", "plain", "--seeds"]
    assert main([*how, "0"]) == 0
    assert main([*how, "1", "0", "--width", "32"]) != 0
    assert "was trained with width 16, and 32 is asked for" in capsys.readouterr().err
    assert len(list(tmp_path.rglob("*.json"))) == 1  # nothing was trained first


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_rates_for_a_trained_model_lie_between_0_and_1(eta):
    with pytest.raises(ValueError, match=rf"etas is {eta}; expected a number in \(0, 1\)"):
        Pretrained(etas=(0.1, eta))


def test_trainings_of_two_kinds_are_not_compared(tmp_path):
    for width, variant in ((16, "plain"), (32, "momentum")):
        config = SMALL | dict(width=width, variant=variant)
        records.write(records.run("momentum", config, name=f"run-{width}"), tmp_path)
    with pytest.raises(ValueError, match="differs from other trainings in width"):
        paired.recorded(store=tmp_path)
    with pytest.raises(ValueError, match="holds no training on 'python'"):
        paired.recorded("python", store=tmp_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(save_tiny("llama", tmp_path_factory.mktemp("tiny"), max_position_embeddings=4096))


def test_a_pretrained_model_goes_on(folder, monkeypatch):
    monkeypatch.setattr(training, "ITEMS", 6)
    how = dict(start=folder, text="package", steps=2, every=2, rows=1, length=32, warmup=1)

    def run(**given):
        found = Training(**how | given).run().deterministic
        return {name: one["value"] for name, one in found.items()}

    plain = run(variant="plain", lr=1e-3)
    near = run(variant="learned", eta=1e-4, lr=1e-3)
    moved = run(variant="learned", eta=0.01, lr=1e-3, speed=1000.0)
    assert near["held_out_perplexity"] == pytest.approx(plain["held_out_perplexity"], rel=1e-2)
    assert near["parameters"] == plain["parameters"] + 8
    np.testing.assert_allclose(near["etas"], 1e-4, atol=1e-4)
    ratios = abs(np.log(np.array(moved["etas"]) / 0.01))
    assert 0.5 < ratios.max() < 2.5  # two steps of AdamW, at lr times speed
    assert plain["held_out_perplexity"][-1] < perplexity_before(folder)
    assert len(plain["packaged"]) == len(plain["tasks"]) == 2
    assert not plain["model_origin"]["untrained"]
    with pytest.raises(ValueError, match=r"text is 'mini'; .* has other words"):
        Training(**how | dict(text="mini"))


def perplexity_before(folder):
    model = load_model(folder)
    return perplexity(model.net, open_text("package", 0, 1, 32, model.tokenizer).held_out(), 32)


def test_answers_behind_a_shared_cache_are_those_of_whole_prompts(folder):
    model = load_model(folder)
    setup = Setup(
        model=folder, task="mr", data="package", k=2, items=23, long_labels=True, settings=("icl",)
    )
    prompts = setup.prompts(model, *setup.rows())
    one = type(prompts)(**{**vars(prompts), "labels": tuple(x[:1] for x in prompts.labels)})
    add_momentum(model.net, 0.9)
    found = answers(model, one, batch=7)
    for query, label in zip(prompts.queries, found, strict=True):
        ids = torch.tensor([prompts.context + query])
        with torch.no_grad():
            logits = model.net(ids, use_cache=False).logits[0, -1, [x[0] for x in one.labels]]
        assert logits.argmax() == label or abs(logits[0] - logits[1]) < 1e-4
    if any(len(label) > 1 for label in prompts.labels):
        with pytest.raises(ValueError, match="tokens; expected one each"):
            answers(model, prompts)


def test_the_command_reads_with_a_pretrained_model(tmp_path, capsys):
    how = ["momentum-pretrained", "--store", str(tmp_path), "--model", "mini", "--tasks"]
    small = ["--length", "16", "--pieces", "2", "--etas", "0.000001", "0.5", "--k", "4"]
    size = ["--items", "12", "--seeds", "0"]
    assert main([*how, "mini-sst2", *small, *size]) == 0
    record = json.loads(next(tmp_path.rglob("*.json")).read_text())
    found = record["results"]["deterministic"]
    plain, near, far = found["perplexity"]["value"]
    assert near == pytest.approx(plain, rel=1e-3)
    assert far != pytest.approx(plain, rel=1e-3)
    assert np.shape(found["accuracy"]["value"]) == (3, 1, 1)
    assert found["etas"]["value"] == [0, 1e-6, 0.5]
    assert "eta 0.5" in capsys.readouterr().out


def test_the_command_measures_what_momentum_costs(tmp_path, capsys, monkeypatch):
    peak = cost._peak  # here, and not in a new process for each contestant
    monkeypatch.setattr(cost.Cost, "_highest", lambda self, name: peak(name, self) + 1)
    sizes = dict(length=64, batch=1, width=16, layers=1, heads=2, rounds=1, vocabulary=50)
    asked = [f"--{name}={value}" for name, value in sizes.items()]
    assert main(["momentum-cost", "--store", str(tmp_path), *asked]) == 0
    found = records.load("momentum-cost", "own", tmp_path)
    assert found["contestants"][0] == "attention alone"
    assert found["time"][0] == 1
    assert found["kept"][1] - found["kept"][0] >= 64 * 16 * 4  # the sum, at least
    assert found["kept"][1] < 1.1 * found["kept"][0]
    assert "matrix (tokens, tokens)" in capsys.readouterr().out
    assert main(["momentum-cost", "--store", str(tmp_path / "none"), "--width", "30"]) != 0
    assert "width is 30; expected a multiple of 2 * 8 heads" in capsys.readouterr().err
