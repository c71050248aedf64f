"""The loop of the small training, on a tiny network and random tokens."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from iclbook.mini import model
from iclbook.mini.pretrain import Pretraining
from iclbook.mini.tokenizer import word_tokenizer
from iclbook.mini.training import Schedule, mean_loss, train, workplace

HOW = Schedule(
    steps=8,
    every=2,
    lr=4e-3,
    warmup=2,
    fall=0.4,
    decay=0.01,
    precision="bfloat16",
    threads=1,
)


def build():
    sizes = SimpleNamespace(seed=0, width=16, layers=1, heads=2)
    return model.untrained(sizes, vocab_size=20, intermediate_size=32, max_position_embeddings=12)


def batch(step):
    random = np.random.default_rng(step)
    return [random.integers(3, 9, shape) for shape in ((2, 8), (1, 12))]


def stopped_at(step):
    """The batches up to a step at which the training is interrupted."""

    def stops(number):
        if number == step:
            raise KeyboardInterrupt
        return batch(number)

    return stops


def run(path, how=HOW, *, seed=0, batch=batch):
    """The trained weights, and what was seen."""
    net = build()
    seen = train(net, how, {"seed": seed}, batch, lambda step: {"twice": [2 * step]}, path)
    return net.state_dict(), seen


def same(a, b):
    return all(torch.equal(value, b[name]) for name, value in a.items())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs" / "state.pt"


def test_what_is_seen(path, capsys):
    _, seen = run(path, replace(HOW, steps=40, every=10))
    assert seen["step"] == [0, 10, 20, 30, 40]
    assert seen["twice"] == [[0], [20], [40], [60], [80]]
    assert seen["loss"][0] == mean_loss(build(), batch(0), "bfloat16")
    assert seen["loss"][-1] < seen["loss"][0] - 0.5
    assert seen["seconds"][0] == 0
    assert min(seen["seconds"][1:]) > 0
    assert capsys.readouterr().out.count("\nstep") == 4


def test_the_mean_loss_weighs_tokens_alike():
    net, (a, b) = build(), batch(0)
    parts = [mean_loss(net, [rows], "float32") * rows[:, 1:].size for rows in (a, b)]
    assert mean_loss(net, [a, b], "float32") == pytest.approx(sum(parts) / (2 * 7 + 11))
    assert mean_loss(net, a[:, None], "float32") == pytest.approx(mean_loss(net, [a], "float32"))


def test_the_rate_rises_stays_and_falls():
    rates = [HOW.rate(step) / HOW.lr for step in range(8)]
    np.testing.assert_allclose(rates, [0.5, 1, 1, 1, 1, 3 / 3.2, 2 / 3.2, 1 / 3.2])
    assert replace(HOW, fall=0.0).rate(7) == HOW.lr


def test_a_schedule_takes_what_settings_have_by_its_names():
    settings = SimpleNamespace(steps=8, every=2, lr=4e-3, warmup=2, decay=0.01, threads=1, rows=5)
    found = Schedule.of(settings, fall=0.4, precision="bfloat16")
    assert found == HOW
    assert Schedule.of(Pretraining()).precision == "bfloat16"


@pytest.mark.parametrize("at", [0, 1, 2, 5])
def test_a_stopped_training_goes_on_to_the_same_weights(path, at):
    whole, seen = run(path.with_name("whole.pt"))
    with pytest.raises(KeyboardInterrupt):
        run(path, batch=stopped_at(at))
    parts, again = run(path)
    assert same(whole, parts)
    assert seen["loss"] == again["loss"]
    assert seen["step"] == again["step"]
    done, _ = run(path)  # nothing is left to do
    assert same(whole, done)


def test_before_the_rate_falls_the_steps_may_be_changed(path):
    expected, _ = run(path.with_name("whole.pt"))
    with pytest.raises(KeyboardInterrupt):
        run(path, replace(HOW, steps=100), batch=stopped_at(1))
    assert same(expected, run(path)[0])
    with pytest.raises(ValueError, match="where the learning rate falls; expected 8"):
        run(path, replace(HOW, steps=100))


def test_the_state_of_other_settings_is_refused(path):
    run(path)
    with pytest.raises(ValueError, match=r"other settings: seed was 0 and is 1; lr was 0\.004 and"):
        run(path, replace(HOW, lr=0.1), seed=1)
    with pytest.raises(ValueError, match=r"fall was 0\.4 and is 0\.2"):
        run(path, replace(HOW, fall=0.2))
    run(path, replace(HOW, threads=2))


def test_a_full_disk_leaves_a_state_that_goes_on(path, monkeypatch):
    write, calls = torch.save, []

    def full(state, draft):
        calls.append(draft)
        if len(calls) < 3:
            return write(state, draft)
        raise RuntimeError("file write failed")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(ValueError, match=r"state\.pt cannot be written .* run the same again"):
            run(path)
    assert same(run(path)[0], run(path.with_name("whole.pt"))[0])


def test_a_loss_that_is_not_finite_stops_the_training(path):
    with pytest.raises(FloatingPointError, match=r"the loss is nan at step \d; try a smaller lr"):
        run(path, replace(HOW, lr=1e30))


def test_a_model_folder_loads_or_says_why_not(tmp_path):
    net, words = build(), word_tokenizer(["good", "bad"])
    model.save(net, words, tmp_path / "model")
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert same(net.state_dict(), found.state_dict())
    read = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert read("good bad")["input_ids"] == words("good bad")["input_ids"]
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match=r"file cannot be written .* make room and run again"):
        model.save(net, words, tmp_path / "file")


def test_a_saved_model_states_what_other_versions_would_take_from_a_default(tmp_path):
    """Transformers 5.0 to 5.4 rotate a quarter of a head where ``rotary_pct`` is not stated."""
    net = build()
    model.save(net, word_tokenizer(["good"]), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    rope = net.config.rope_parameters
    assert config["rotary_pct"] == rope["partial_rotary_factor"]
    assert config["rotary_emb_base"] == rope["rope_theta"]
    tokenizer = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast"


def test_an_older_torch_is_named(monkeypatch):
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(ValueError, match=r"Muon, in version 2\.9"), workplace(1):
        pass
