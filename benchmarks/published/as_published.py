"""Fractional programming as the code of Nasir and Guo (2021) has it, with what that does otherwise than its derivation."""

import numpy as np
from jaxtyping import Bool, Float

from wirelessenv.arrays import Doubles

Gains = Float[Doubles, "n M m m"]
PerLink = Float[Doubles, "n M m"]
CAP = 1e3
"""The largest SINR that counts: 30 dB."""
ROUNDS, CLOSE, AT_ONCE = 100, 1e-3, 64
"""Iterations at most; relative change of the sum rate at which they end; channels at once."""


def one_band(gain: Float[Doubles, "n m m"], noise: float, most: float) -> Float[Doubles, "n m"]:
    """Powers of links that all share one band.

    y is worked out with the SINRs of an iteration before, and the iterations end as soon as a part of the surrogate, without
    its logarithms, grows by 0.001 or less, which it need not do on the way.

    Args:
        gain: |h|^2 as [receiver, transmitter], (n, m, m); links without a direct gain, and without any other, are not there.
        noise: noise power.
        most: p_max.

    Returns:
        Powers (n, m).
    """
    own = np.einsum("nii->ni", gain)
    power, going, before = np.where(own > 0, most, 0.0), np.ones(len(gain), bool), np.zeros(len(gain))

    def heard() -> Doubles:
        return np.asarray((gain @ power[..., None])[..., 0] + noise)

    ratio = own * power / (heard() - own * power)
    for _ in range(ROUNDS):
        auxiliary = np.sqrt((1 + ratio) * own * power) / heard()
        ratio = own * power / (heard() - own * power)
        pull = (auxiliary[:, None] ** 2 @ gain)[:, 0]
        worth = auxiliary * np.sqrt((1 + ratio) * own)
        best = np.divide(worth, pull, out=np.zeros_like(pull), where=pull > 0) ** 2
        power = np.where(going[:, None], np.minimum(best, most), power)
        part = (2 * auxiliary * np.sqrt((1 + ratio) * own * power) - auxiliary**2 * heard()).sum(1)
        going &= part - before > 1e-3
        before = part
        if not going.any():
            break
    return power


def several_bands(gain: Gains, noise: float, most: float) -> PerLink:
    """Powers of links that use one band each: shares of all bands, of which one is kept, and powers in it.

    Args:
        gain: |h|^2 as [receiver, transmitter], (n, M, m, m).
        noise: noise power of a band.
        most: p_max.

    Returns:
        Powers (n, M, m), above 0 in one band of each link at most.
    """
    parts = [gain[begin : begin + AT_ONCE] for begin in range(0, len(gain), AT_ONCE)]
    return np.concatenate([_in_chosen(part, _kept(part, *_shared(part, noise, most), noise), noise, most) for part in parts])


def _rates(gain: Gains, power: PerLink, noise: float) -> Float[Doubles, "n M"]:
    """Sum rates of all links in each band."""
    own = np.einsum("nbii->nbi", gain) * power
    return np.asarray(np.log2(1 + np.minimum(own / ((gain @ power[..., None])[..., 0] + noise - own), CAP)).sum(2))


def _shared(gain: Gains, noise: float, most: float) -> tuple[Float[Doubles, "n m"], PerLink]:
    """Powers of links and their shares of bands after the iterations.

    With q = share x power, gamma = SINR, J = (1 + gamma) g_kk and y = sqrt(J q) / (sum_j g_kj q_j + noise), the power of a link
    should be (sum_b y sqrt(J share) / sum_b share_kb sum_j g_jk y_j^2)^2, and its shares (y sqrt(J p) / (p sum_j g_jk y_j^2 +
    v))^2 with the v with which they add up to 1. The code has share_jb in place of share_kb; g_kk y_k^2 in place of the sum
    over all receivers j, so that no link minds whom it disturbs; v = 0, a root of the equation that it solves, so that of two
    bands it likes the one with the *lower* SINR; and 0 / 0 where a power has fallen to 0.
    """
    direct, bands = np.einsum("nbii->nbi", gain), gain.shape[1]
    power, share = np.full(direct[:, 0].shape, most), np.full(direct.shape, 1 / bands)
    value, going = np.zeros(len(gain)), np.arange(len(gain))
    for _ in range(ROUNDS):
        part, own, p, a = gain[going], direct[going], power[going][:, None], share[going]
        heard = (part @ (a * p)[..., None])[..., 0] + noise
        scale = (1 + own * a * p / (heard - own * a * p)) * own
        root = np.sqrt(scale * a * p) / heard
        with np.errstate(invalid="ignore", divide="ignore"):  # 0 / 0, as it is there
            pull = ((a * root**2)[:, :, None] @ part)[:, :, 0].sum(1)
            p = ((root * np.sqrt(scale * a)).sum(1) / pull) ** 2
            p = np.where(p < most, p, most)[:, None]  # a power that is no number is p_max
            root = np.sqrt(scale * a * p) / ((part @ (a * p)[..., None])[..., 0] + noise)
            a = (root * np.sqrt(scale * p) / (own * root**2 * p + 1e-20)) ** 2
            a /= a.sum(1, keepdims=True)
            reached = _rates(part, a * p, noise).sum(1)
        power[going], share[going] = p[:, 0], a
        moves = ~(np.abs(reached - value[going]) <= CLOSE * value[going])  # what is no number never ends
        value[going] = reached
        going = going[moves]
        if not going.size:
            break
    return power, share


def _kept(gain: Gains, power: Float[Doubles, "n m"], share: PerLink, noise: float) -> Bool[np.ndarray, "n M m"]:
    """The band that each link keeps: link after link that of the largest sum rate, until that stands still."""
    lost = np.asarray(np.isnan(share).any((1, 2)))
    first = np.eye(share.shape[1])[0][:, None]  # which is the largest of what is no number
    share = np.where(lost[:, None, None], first, share)
    rows, value, going = np.arange(len(gain)), np.zeros(len(gain)), np.ones(len(gain), bool)
    one = np.eye(share.shape[1], dtype=bool)
    for number in range(ROUNDS):
        for link in range(share.shape[2]):
            tried = share.copy()
            tried[:, :, link] = 0
            without = _rates(gain, tried * power[:, None], noise)
            tried[:, :, link] = 1
            instead = np.where(one, _rates(gain, tried * power[:, None], noise)[:, None], without[:, None])
            best = instead.sum(2).argmax(1)  # of whole sums: a power that is lost in their rounding takes the first band
            moves = going & ~(lost & (number == 0) & (link < share.shape[2] - 1))  # these wait until all others are numbers
            share[moves, :, link] = 0
            share[rows[moves], best[moves], link] = 1
        reached = _rates(gain, share * power[:, None], noise).sum(1)
        going &= ~(np.abs(reached - value) <= CLOSE * value)
        value = reached
        if not going.any():
            break
    return share > 0


def _in_chosen(gain: Gains, kept: Bool[np.ndarray, "n M m"], noise: float, most: float) -> PerLink:
    """Powers of the links of each band, as if there were no others."""
    there = (gain * kept[..., None] * kept[:, :, None]).reshape(-1, *gain.shape[2:])
    return one_band(there, noise, most).reshape(kept.shape)
