"""Settings and fixtures for all tests."""

from multiprocessing import forkserver

import pytest
import torch
from hypothesis import settings
from jaxtyping import install_import_hook

from tests.shapes import ARRAYS_CHECKED, CHECKED, begin

install_import_hook(CHECKED, "tests.shapes.check")  # before the first of these modules is imported
install_import_hook(ARRAYS_CHECKED, "tests.shapes.check_arrays")

from wirelessenv.channel.fading import Fading  # noqa: E402  # after the hook
from wirelessenv.config import Piece  # noqa: E402  # after the hook
from wirelessenv.envs.observations import Observation  # noqa: E402  # after the hook
from wirelessenv.envs.rewards import Reward  # noqa: E402  # after the hook
from wirelessenv.physics.utilities import Utility  # noqa: E402  # after the hook

# The same examples in every run, so that a failure is a change of the code. For a search: --hypothesis-profile=search.
settings.register_profile("suite", deadline=None, derandomize=True, max_examples=20)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("suite")


def pytest_addoption(parser):
    """Add the option that says on which device test_device.py computes."""
    parser.addoption("--device", default="cpu", choices=("cpu", "cuda"), help="where the tests of test_device.py compute")


@pytest.fixture(autouse=True)
def shapes_are_checked():
    """The first calls of every test are checked, whatever the last one did."""
    begin()


@pytest.fixture(scope="session", autouse=True)
def logs_of_stable_baselines(tmp_path_factory):
    """Stable-Baselines3 makes a directory for the logs of every model, even of one that logs nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SB3_LOGDIR", str(tmp_path_factory.mktemp("logs")))
        yield


@pytest.fixture
def registry():
    """Forgets the pieces that a test defines."""
    families: tuple[type[Piece], ...] = (Fading, Utility, Observation, Reward)
    before = [dict(family.kinds) for family in families]
    yield
    for family, kinds in zip(families, before, strict=True):
        family.kinds.clear()
        family.kinds.update(kinds)


@pytest.fixture
def capfd(capfd):
    """Capture worker processes, too: the server that forks them keeps its output from when it began, and begins anew."""
    forkserver._forkserver._stop()
    return capfd


@pytest.fixture
def one_thread():
    """torch computes in one thread, as in worker processes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
