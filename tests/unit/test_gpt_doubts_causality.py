"""What can change what, and rules of descent at equal sizes."""

import numpy as np
import pytest
from tiny_finetuning import as_model, load_net, make_prompts, same, weights_of

from iclbook.gpt.doubts.causality import Causality, arms
from iclbook.gpt.doubts.changes import (
    changed,
    changes_by,
    matched,
    random_changes,
    resized,
    sizes,
)
from iclbook.gpt.doubts.influence import CONTEXT, HEAD, RULES, Influence, influence, shaken
from iclbook.gpt.doubts.scores import SCORES, scores
from iclbook.gpt.reading.observe import Observations
from iclbook.gpt.tuning.finetune import Finetuning

LAYERS = 3


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def moved(request):
    model, prompts = as_model(load_net(request.param, LAYERS)), make_prompts(2)
    model.origin["window"] = 512
    how = {rule: Finetuning(lr=0.02, rule=rule) for rule in RULES}
    return influence(model, prompts, how, (*range(LAYERS), HEAD))


@pytest.mark.parametrize("update", [CONTEXT, "lcgd-code", "lcgd-paper"])
def test_nothing_comes_down_from_the_layers_above(moved, update):
    above = np.triu(np.ones((LAYERS, LAYERS), dtype=bool), 1)
    assert (moved[update][:, :LAYERS][above] == 0).all()
    assert (moved[update][:, :LAYERS][~above] > 1e-5).all()


def test_backpropagation_hears_of_every_layer(moved):
    assert (moved["gd"] > 1e-5).all()


def test_the_head_reaches_layer_causal_descent_but_nothing_in_context(moved):
    assert (moved[CONTEXT][:, -1] == 0).all()
    for rule in ("lcgd-code", "lcgd-paper"):
        assert (moved[rule][:, -1] > 1e-5).all()


@pytest.mark.parametrize("place", [1, HEAD])
def test_what_is_shaken_is_put_back(place):
    model, prompts = as_model(load_net("llama")), make_prompts(2)
    before, how = weights_of(model.net), Finetuning(lr=0.02)
    update = sizes(changes_by(model, prompts, how))
    with shaken(model, place):
        assert not np.array_equal(sizes(changes_by(model, prompts, how)), update)
    assert same(weights_of(model.net), before)
    np.testing.assert_array_equal(sizes(changes_by(model, prompts, how)), update)
    with pytest.raises(ValueError, match="place"), shaken(model, 9):
        pass


def test_changes_are_put_back_resized_and_taken_off():
    model, prompts = as_model(load_net("llama")), make_prompts(2)
    before, how = weights_of(model.net), Finetuning(lr=0.02)
    changes = changes_by(model, prompts, how)
    assert same(weights_of(model.net), before)
    wanted = np.array([3.0, 0.5])
    larger = resized(changes, wanted)
    np.testing.assert_allclose(sizes(larger), wanted, rtol=1e-5)
    ratio = larger[0][0] / changes[0][0]
    assert (ratio.max() - ratio.min()).abs() < 1e-3 * ratio.max()
    with changed(model, larger):
        now = weights_of(model.net)
        moves = sum(float((now[name] - before[name]).norm()) ** 2 for name in before)
        np.testing.assert_allclose(np.sqrt(moves), np.linalg.norm(wanted), rtol=1e-4)
        assert sum(not np.array_equal(now[name], before[name]) for name in before) == 4
    assert same(weights_of(model.net), before)
    noise = random_changes(model, np.random.default_rng(0))
    assert [[c.shape for c in layer] for layer in noise] == [
        [c.shape for c in layer] for layer in changes
    ]
    nothing = resized([[c * 0 for c in layer] for layer in changes], wanted)
    assert (sizes(nothing) == 0).all()


def test_a_rate_is_found_at_which_a_rule_goes_as_far():
    model, prompts = as_model(load_net("llama")), make_prompts(3)
    how = Finetuning(lr=0.5, rule="lcgd-code")
    size = np.linalg.norm(sizes(changes_by(model, prompts, Finetuning(lr=0.05))))
    for start in (changes_by(model, prompts, how), None):
        rate, changes = matched(model, prompts, how, size, start)
        assert 0 < rate < 0.5
        assert abs(np.linalg.norm(sizes(changes)) / size - 1) < 0.05


def test_direction_does_not_feel_sizes():
    rng = np.random.default_rng(0)
    z, u, v = rng.normal(size=(3, 4, 2, 30))
    maps = rng.normal(size=(4, 2, 3, 5))

    def seen(h):
        gold = np.zeros(4, dtype=int)
        return Observations(
            np.zeros((4, 2)), gold, gold, {"last": h}, {"last": maps}, {"last": np.full(4, 5)}
        )

    def found(a, b):
        return scores(seen(z), seen(z + a), seen(z + b), "last")

    first, second = found(u, v), found(u, v)
    assert tuple(first) == SCORES
    larger = found(3 * u, 0.1 * v + 0.2 * z)
    np.testing.assert_allclose(larger["direction"], first["direction"], atol=1e-12)
    assert abs(larger["simaou-normalised"] - first["simaou-normalised"]).max() > 0.01
    np.testing.assert_allclose(found(u, u)["direction"], 1)
    np.testing.assert_array_equal(first["chance"], second["chance"])


def test_a_small_run_has_every_arm_and_equal_sizes():
    found = Causality(tasks=("mini-sst2",), seeds=(0,), k=2, items=4, lr=0.01).run().deterministic
    names = arms(("gd", "lcgd-code", "lcgd-paper"))
    assert set(found["scores"]["value"]) == set(names)
    for arm in names:
        assert np.shape(found["layers"]["value"][arm]["last"]["simaou"]) == (LAYERS,)
        assert abs(found["scores"]["value"][arm]["label"]["direction"][0][0]) <= 1
    sized = {rule: np.linalg.norm(value) for rule, value in found["sizes"]["value"].items()}
    assert sized["lcgd-paper"] > sized["lcgd-code"] > sized["gd"]
    for rule in ("lcgd-code", "lcgd-paper"):
        assert abs(sized[f"{rule} matched"] / sized["gd"] - 1) < 0.06
        assert found["rates"]["value"][f"{rule} matched"][0][0] < 0.01


def test_a_small_influence_is_recorded_with_exact_zeros():
    found = Influence(k=1, items=1, layers=(1,)).run().deterministic
    assert found["places"]["value"] == ["1", "head"]
    moves = {name: np.array(value) for name, value in found["moved"]["value"].items()}
    assert moves[CONTEXT][0, 0] == moves["lcgd-paper"][0, 0] == 0 < moves["gd"][0, 0]
    assert len(found["norms"]["value"]["gd"]) == LAYERS


@pytest.mark.parametrize("seeds", [(), (0, 0), (-1,)])
def test_each_seed_is_a_draw_of_its_own(seeds):
    with pytest.raises(ValueError, match="seeds"):
        Causality(seeds=seeds)


@pytest.mark.parametrize("rules", [("gd",), ("lcgd-code", "lcgd-paper"), ("gd", "adam")])
def test_gradient_descent_and_another_rule_are_needed(rules):
    with pytest.raises(ValueError, match="rules is"):
        Causality(rules=rules)
