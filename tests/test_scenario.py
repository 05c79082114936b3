import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from wirelessenv.channel.fading import Rayleigh, RealAR1
from wirelessenv.channel.geometry import NoPlacement, UniformPlacement
from wirelessenv.channel.path_loss import NoPathLoss, PowerLaw
from wirelessenv.config import ConfigError
from wirelessenv.layout import draw_layout, draw_layouts
from wirelessenv.messages.graph import BlockGraph, CompleteGraph
from wirelessenv.messages.knowledge import message_graphs
from wirelessenv.scenario import MESSAGINGS, SCENARIOS, Messaging, Scenario


def test_paper_is_section_viii_of_the_paper():
    paper = Scenario.of("paper")
    assert paper == Scenario()
    assert (paper.transmitters, paper.receivers, paper.association) == (24, None, "ad_hoc")
    assert paper.placement == UniformPlacement(half_width=1, receiver_offset=1 / 4)
    assert paper.path_loss == PowerLaw(amplitude_exponent=2.2, smallest_distance=0.1)
    assert paper.fading == Rayleigh()
    assert (paper.noise, paper.max_power, paper.threshold, paper.hops) == (1, 10, 0.01, 5)
    assert (paper.slot_seconds, paper.observation_scale, paper.utility.kind) == (0.025, "raw", "rate")


def differences(name):
    paper, other = Scenario.of("paper").dump(), Scenario.of(name).dump()
    return {key: other[key] for key in paper if paper[key] != other[key]}


def test_authors_is_paper_with_the_fading_of_the_authors():
    factors = {"kind": "real_ar1", "memory": np.sqrt(1 - 0.3), "innovation": np.sqrt(0.3)}
    assert differences("authors") == {"preset": "authors", "fading": factors}
    assert Scenario.of("authors").fading == RealAR1()
    graph = Messaging().graph  # and their graph, kernel 6 stride 3, is everybody's
    np.testing.assert_array_equal(
        message_graphs(Messaging(), 24, [0]), message_graphs(Messaging(graph=BlockGraph(kappa=6, stride=3)), 24, [0])
    )
    assert graph == BlockGraph(kappa=6)


def test_dense_is_paper_on_a_sixteenth_of_the_area():
    assert differences("dense") == {
        "preset": "dense",
        "placement": {"kind": "uniform", "half_width": 1 / 4, "receiver_offset": 1 / 8, "density": None},
        "observation_scale": "log1p",
    }


def test_a_density_is_set_beside_a_preset():
    larger = Scenario(preset="dense", transmitters=96, placement={"density": 1 / 6})
    assert larger.placement == UniformPlacement(half_width=1 / 4, receiver_offset=1 / 8, density=1 / 6)
    with pytest.raises(ConfigError, match=r"placement\.density: 0 is not valid"):
        Scenario(preset="dense", placement={"density": 0})


def test_gaussian_has_no_geometry():
    gaussian = Scenario.of("gaussian")
    assert (gaussian.transmitters, gaussian.noise, gaussian.max_power) == (10, 1, 1)
    assert (gaussian.placement, gaussian.path_loss, gaussian.fading) == (NoPlacement(), NoPathLoss(), Rayleigh())
    assert Scenario.of({"preset": "gaussian", "transmitters": 30}).transmitters == 30


def test_messaging_presets():
    paper, centralised = Messaging.of("paper"), Messaging.of("centralised")
    assert paper == Messaging()
    assert (paper.graph, paper.links.delay.largest, paper.relay) == (BlockGraph(kappa=6), 1, True)
    assert (centralised.graph, centralised.links.delay.largest, centralised.relay) == (CompleteGraph(), 0, False)
    for messaging in (paper, centralised):
        activity = messaging.activity
        assert {activity.query.probability, activity.update.probability, activity.transmit.probability} == {1}
        assert messaging.links.loss.probability == 0


PRESETS = [(Scenario, name) for name in SCENARIOS] + [(Messaging, name) for name in MESSAGINGS]


@pytest.mark.parametrize(("model", "name"), PRESETS)
def test_parse_undoes_dump(model, name):
    preset = model.of(name)
    assert model.of(preset.dump()) == preset
    assert model.of(yaml.safe_load(yaml.safe_dump(preset.dump()))) == preset
    assert model.of({"preset": name}) == model(preset=name) == preset
    assert model.of(preset) is preset


@pytest.mark.parametrize(("model", "name"), PRESETS)
def test_a_preset_comes_from_yaml(model, name, tmp_path):
    path = tmp_path / "written.yaml"
    path.write_text(f"preset: {name}\n", encoding="utf-8")
    assert model.from_yaml(path) == model.of(name)


def test_other_keys_change_what_a_preset_says():
    changed = Scenario.of({"preset": "dense", "noise": 0.5, "placement": {"half_width": 2}, "fading": "rician"})
    assert (changed.noise, changed.observation_scale, changed.fading.kind) == (0.5, "log1p", "rician")
    assert changed.placement == UniformPlacement(half_width=2, receiver_offset=0.125)  # the same kind: the rest stays
    assert Scenario.of({"path_loss": {"smallest_distance": 1}}).path_loss == PowerLaw(smallest_distance=1.0)
    other = Scenario.of({"preset": "authors", "fading": {"kind": "rician"}})
    assert other.fading.dump() == {"kind": "rician", "k_factor": 1.0}  # another kind: nothing of the old one stays
    assert Messaging.of({"preset": "centralised", "links": {"delay": 2, "loss": 0.1}}).links.delay.largest == 2
    assert Messaging.of({"graph": {"kappa": 4}}).graph == BlockGraph(kappa=4)
    assert Messaging.of({"links": {"delay": {"instants": 3}}, "graph": "ring"}).links.delay.largest == 3


def test_presets_are_not_changed_by_their_users():
    before = yaml.safe_dump([SCENARIOS, MESSAGINGS])
    Scenario.of({"preset": "dense", "placement": {"half_width": 2}})
    Messaging.of({"preset": "centralised", "links": {"loss": 0.5}})
    assert yaml.safe_dump([SCENARIOS, MESSAGINGS]) == before


def test_scenarios_are_frozen():
    scenario = Scenario()
    with pytest.raises(ValidationError):
        scenario.noise = 2.0
    with pytest.raises(ValidationError):
        scenario.fading = RealAR1()


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("dens", 'scenario: unknown preset "dens" (did you mean "dense"?)'),
        ({"preset": 3}, 'scenario: unknown preset "3" (known: authors, cellular, cellular_bands, d2d, '),
        ({"preset": ["paper"]}, 'scenario: unknown preset "[\'paper\']" (did you mean "paper"?)'),
        (None, "scenario: None is not valid"),
        ({"transmiters": 3}, 'scenario: unknown key "transmiters" (did you mean "transmitters"?)'),
        ({1: 2}, 'scenario: unknown key "1" (known: association, band_correlation, bands, bandwidth, cut, '),
        ({"transmitters": 0}, "scenario.transmitters: 0 is not valid"),
        ({"transmitters": 2.5}, "scenario.transmitters: 2.5 is not valid"),
        ({"transmitters": "24"}, "scenario.transmitters: '24' is not valid"),
        ({"hops": True}, "scenario.hops: True is not valid"),
        ({"cut": "often"}, "scenario.cut: 'often' is not valid: it should be a number below 1, or auto"),
        ({"noise": 0}, "scenario.noise: 0 is not valid: it should be greater than 0"),
        ({"noise": "loud"}, "scenario.noise: 'loud' is not valid"),
        ({"noise": float("nan")}, "scenario.noise: nan is not valid"),
        ({"noise": True}, "scenario.noise: True is not valid: it should be a number"),
        ({"max_power": float("inf")}, "scenario.max_power: inf is not valid"),
        ({"threshold": -0.1}, "scenario.threshold: -0.1 is not valid"),
        ({"slot_seconds": 0}, "scenario.slot_seconds: 0 is not valid"),
        ({"layout_seed": -1}, "scenario.layout_seed: -1 is not valid"),
        ({"layout_seed": 2**63}, "scenario.layout_seed: 9223372036854775808 is not valid"),
        (
            {"observation_scale": "log"},
            "scenario.observation_scale: 'log' is not valid: it should be 'raw', 'log1p' or 'log1p_snr'",
        ),
        ({"layout": "moving"}, "scenario.layout: 'moving' is not valid"),
        ({"association": "downlink"}, "scenario.association: 'downlink' is not valid"),
        ({"fading": "ricean"}, 'scenario.fading: unknown kind "ricean" (did you mean "rician"?)'),
        ({"fading": {"kind": "rician", "k_factor": -1}}, "scenario.fading.k_factor: -1 is not valid"),
        ({"fading": {"kind": "real_ar1", "memory": 1}}, "scenario.fading.memory: 1 is not valid"),
        ({"fading": {"kind": "real_ar1", "memory": False}}, "scenario.fading.memory: False is not valid"),
        ({"placement": {"kind": "uniform", "half_width": 0}}, "scenario.placement.half_width: 0 is not valid"),
        ({"path_loss": {"kind": "power_law", "smallest_distance": 0}}, "scenario.path_loss.smallest_distance: 0 is not valid"),
        ({"utility": 3}, "scenario.utility: should be a kind or a mapping with a kind (known: energy_efficiency"),
        ({"placement": "none"}, "scenario: path_loss: a path loss needs positions"),
        ({"path_loss": "none"}, "scenario: path_loss: a path loss needs positions"),
        ({"receivers": 3}, "scenario: receivers: 3 is not valid: ad hoc, each of the 24 transmitters has its own"),
        ({"association": "uplink"}, "scenario: receivers: missing: an uplink needs the number of its base stations"),
        ({"association": "uplink", "receivers": 24}, "scenario: receivers: 24 is not valid: an uplink has fewer receivers"),
    ],
)
def test_a_scenario_that_cannot_be_is_refused_in_one_sentence(written, sentence):
    with pytest.raises(ConfigError) as caught:
        Scenario.of(written)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("papr", 'messaging: unknown preset "papr" (did you mean "paper"?)'),
        ({"links": {"delay": 0}}, "messaging: links.delay: 0 is not valid: relayed messages need a delay of at least 1"),
        (
            {"graph": "complete", "links": {"delay": {"kind": "uniform", "shortest": 0, "longest": 2}}},
            "messaging: links.delay: 0 is not valid: relayed messages need a delay of at least 1",
        ),
        ({"relay": 1}, "messaging.relay: 1 is not valid"),
        ({"graph": "blok"}, 'messaging.graph: unknown kind "blok" (did you mean "block"?)'),
        ({"activity": {"updat": 1}}, 'messaging.activity: unknown key "updat" (did you mean "update"?)'),
        ({"activity": {"update": 1.5}}, "messaging.activity.update.probability: 1.5 is not valid"),
        ({"links": 3}, "messaging.links: 3 is not valid"),
    ],
)
def test_a_messaging_that_cannot_be_is_refused_in_one_sentence(written, sentence):
    with pytest.raises(ConfigError) as caught:
        Messaging.of(written)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_messages_without_delay_are_possible_without_relay_or_on_a_complete_graph():
    assert Messaging.of({"links": {"delay": 0}, "relay": False}).links.delay.largest == 0
    assert Messaging.of({"links": {"delay": 0}, "graph": "complete"}).relay


@pytest.mark.parametrize("name", ["paper", "authors", "dense"])
def test_a_layout_is_in_its_squares_with_power_gains_of_the_distance(name):
    scenario = Scenario.of(name)
    side, offset = {"paper": (24, 6), "authors": (24, 6), "dense": (6, 3)}[name]
    for seed in range(20):
        layout = draw_layout(scenario, seed)
        assert np.abs(layout.transmitters).max() <= side
        assert np.abs(layout.receivers - layout.transmitters).max() <= offset
        for (i, j), gain in np.ndenumerate(layout.mean_gain):  # [receiver, transmitter]
            distance = max(float(np.hypot(*(layout.receivers[i] - layout.transmitters[j]))), 0.1)
            assert gain == pytest.approx((distance**-2.2) ** 2, rel=1e-6)
        assert layout.serving.tolist() == list(range(24))


@pytest.mark.parametrize("seed", range(4))
def test_in_an_uplink_each_transmitter_is_served_by_its_nearest_base_station(seed):
    layout = draw_layout(Scenario.of({"association": "uplink", "receivers": 5}), seed)
    assert layout.mean_gain.shape == (5, 24)
    assert np.abs(layout.receivers).max() <= 24
    for agent, position in enumerate(layout.transmitters):
        apart = [float(np.hypot(*(station - position))) for station in layout.receivers]
        assert layout.serving[agent] == apart.index(min(apart))


def test_a_constructor_says_what_is_wrong_in_one_sentence_with_the_whole_path():
    with pytest.raises(ConfigError, match=r"^Scenario\.fading\.k_factor: -1 is not valid: .*$"):
        Scenario(fading={"kind": "rician", "k_factor": -1})
    with pytest.raises(ConfigError, match=r'^Messaging: unknown key "grpah" \(did you mean "graph"\?\)$'):
        Messaging(grpah="ring")


def test_an_uplink_needs_positions():
    with pytest.raises(ConfigError, match='association: "uplink" is not valid without a placement'):
        Scenario(preset="gaussian", association="uplink", receivers=2)


@pytest.mark.parametrize("preset", ["dense", "paper", "d2d"])
def test_ad_hoc_a_receiver_for_each_transmitter_is_what_there_is_anyway(preset):
    counted = Scenario(preset=preset, receivers=Scenario(preset=preset).transmitters)
    np.testing.assert_array_equal(draw_layout(counted, 3).receivers, draw_layout(Scenario(preset=preset), 3).receivers)
    here = Scenario(preset="uplink", association="ad_hoc", receivers=None)
    np.testing.assert_array_equal(draw_layout(here, 3).receivers, draw_layout(Scenario(preset="dense"), 3).receivers)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"noise": 1e-39}, "noise: 1e-39 is not valid: it should be from 1.2e-38 to 3.4e+38"),
        ({"max_power": 1e39}, "max_power: 1e+39 is not valid"),
        ({"noise": 1e-30, "max_power": 1e20}, "max_power: 1e+20 is not valid beside noise 1e-30"),
    ],
)
def test_powers_and_noise_are_numbers_of_32_bits(changes, sentence):
    with pytest.raises(ConfigError) as caught:
        Scenario(preset="dense", **changes)
    assert sentence in str(caught.value)


def test_gains_beyond_32_bits_are_refused():
    steep = Scenario(preset="dense", path_loss={"kind": "power_law", "amplitude_exponent": 1000, "smallest_distance": 0.1})
    with pytest.raises(ConfigError, match="the mean gain of a link is beyond 32-bit numbers"):
        draw_layout(steep, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"preset": "dense"},
        {"preset": "dense", "layout": "fixed"},
        {"preset": "d2d", "shadowing": "log_normal"},
        {"preset": "cellular", "transmitters": 23, "direct_gain_db": 3},
        {"association": "uplink", "receivers": 5, "direct_gain_db": 7, "path_loss": "log_distance"},
        {"preset": "uplink", "shadowing": {"kind": "log_normal", "correlation_distance": 2.0}},
        {"preset": "gaussian"},
    ],
)
def test_layouts_drawn_together_are_those_drawn_alone(changes):
    scenario, seeds = Scenario.of(changes), list(range(3, 80))
    for seed, together in zip(seeds, draw_layouts(scenario, seeds, episode=2), strict=True):
        alone = draw_layout(scenario, seed, episode=2)
        for name in ("transmitters", "receivers", "serving", "mean_gain", "shadowing"):
            one, other = getattr(alone, name), getattr(together, name)
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
