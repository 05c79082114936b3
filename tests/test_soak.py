"""make soak can fail: what grows or slows down is noticed. And what it has found stays mended."""

import mmap
import time

import numpy as np
import pytest
from matplotlib import colors

from tests import soak
from wirelessenv import power_control_v0


def test_growth_and_slowness_are_noticed_and_noise_is_not():
    flat, steady = [100.0, 103, 100] * 3 + [101], [1.0, 1.1, 0.9] * 3 + [1.0]
    assert soak.judged(flat, steady) == (1.0, 1.0, True)
    assert soak.judged([100.0 + part for part in range(10)], steady) == (7.0, 1.0, False)
    assert soak.judged(flat, [1.0 + 0.1 * part for part in range(10)]) == (1.0, 1.8 / 1.1, False)


@pytest.mark.slow
def test_what_is_measured_is_the_memory_that_is_kept_and_the_processors_time():
    kept = []

    def begin():
        def work(count):
            kept.append(mmap.mmap(-1, count * 2**20))  # pages of their own: what numpy asks for may be there already
            np.frombuffer(kept[-1], np.uint8)[:] = 1
            time.sleep(0.005)

        return work

    memory, seconds = soak.measured(begin, 4)  # 4 MiB
    assert len(memory) == len(seconds) == soak.PARTS
    assert 27 < soak.judged(memory, seconds)[0] < 29.5  # seven parts lie between the medians
    assert sum(seconds) < 0.05 * soak.PARTS  # sleeping costs none


def test_frames_leave_nothing_in_matplotlibs_memory_of_colours():
    env = power_control_v0.parallel_env("dense", messages="utility", render_mode="rgb_array")
    env.reset(seed=0)
    known = []
    for _ in range(4):
        env.step({agent: env.action_space(agent).sample() for agent in env.agents})
        env.render()
        known.append(len(colors._colors_full_map.cache))
    assert known[1] == known[-1]
