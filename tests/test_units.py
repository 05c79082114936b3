"""Powers in their own units."""

import pytest

from wirelessenv import ConfigError, Scenario


@pytest.mark.parametrize(
    ("written", "watts"),
    [
        ("-104 dBm", 10**-13.4),
        ("23dBm", 10**-0.7),
        ("0 dBW", 1.0),
        ("200 mW", 0.2),
        ("1.5 W", 1.5),
        ("2e3 nW", 2e-6),
        ("2E-3 kW", 2.0),
        ("40 pW", 4e-11),
        ("40 fw", 4e-14),
        ("3 µW", 3e-6),
        ("-30 DBM", 1e-6),
        ("10", 10.0),
    ],
)
def test_a_power_with_its_unit_is_in_watts(written, watts):
    assert Scenario(noise=written).noise == pytest.approx(watts)


def test_the_threshold_follows_from_powers_with_units():
    assert Scenario(noise="-104 dBm", max_power="38 dBm").threshold == pytest.approx((1e-3 * 10**-13.4 / 10**0.8) ** 0.5)


@pytest.mark.parametrize("written", ["-104 dB", "loud", "10 Watt", "dBm", "", "1 MW"])
def test_unknown_units_are_refused(written):
    with pytest.raises(
        ConfigError, match=r"noise: .* is not valid: it should be a number, or a power with its unit, such as -104 dBm"
    ):
        Scenario(noise=written)


def test_too_much_for_32_bits_is_refused():
    with pytest.raises(ConfigError, match="max_power"):
        Scenario(max_power="5000 dBm")
