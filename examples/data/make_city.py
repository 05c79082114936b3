"""Makes city.npz: paths of a street crossing, as a ray tracer gives them, by mirror images of the transmitters at the walls.

python examples/data/make_city.py     writes city.npz beside this file: a, complex amplitudes (receivers, 1, transmitters, 1,
                                      paths, slots), and tau, delays in seconds (receivers, transmitters, paths)
"""

from pathlib import Path

import numpy as np

WAVELENGTH, LIGHT = 3e8 / 3.5e9, 3e8
PAIRS, SLOTS, SLOT_SECONDS, WALLS = 8, 80, 0.02, (-15.0, 15.0)
REFLECTED = 0.5  # share of the amplitude that a wall gives back


def images(senders):
    """The transmitters, their images at each of the four walls, and at two facing walls in turn: (7, transmitters, 2)."""
    found = [(senders, 1.0)]
    for axis in (0, 1):
        for wall in WALLS:
            mirrored = senders.copy()
            mirrored[:, axis] = 2 * wall - mirrored[:, axis]
            found.append((mirrored, REFLECTED))
    for axis in (0, 1):
        twice = senders.copy()
        twice[:, axis] += 2 * (WALLS[1] - WALLS[0])
        found.append((twice, REFLECTED**2))
    return np.stack([place for place, _ in found]), np.array([loss for _, loss in found])


def main():
    """Write the file."""
    rng = np.random.default_rng(2026)
    senders = rng.uniform(*WALLS, (PAIRS, 2))
    angle, distance = rng.uniform(0, 2 * np.pi, PAIRS), rng.uniform(3, 8, PAIRS)
    receivers = np.clip(senders + distance[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1), *WALLS)
    heading = rng.uniform(0, 2 * np.pi, PAIRS)
    walk = 1.4 * SLOT_SECONDS * np.arange(SLOTS)[:, None, None] * np.stack([np.cos(heading), np.sin(heading)], -1)
    places, loss = images(senders)
    length = np.linalg.norm(
        (receivers + walk)[:, :, None, None] - places.swapaxes(0, 1), axis=-1
    )  # slot, receiver, sender, path
    amplitude = loss * WAVELENGTH / (4 * np.pi * length) * np.exp(-2j * np.pi * length / WAVELENGTH)
    a = np.moveaxis(amplitude, 0, -1)[:, None, :, None].astype(np.complex64)
    np.savez_compressed(Path(__file__).with_name("city.npz"), a=a, tau=(length[0] / LIGHT).astype(np.float32))


if __name__ == "__main__":
    main()
