"""Work on Ray: the same numbers as here, whatever is lost on the way. Two nodes on one machine stand for two machines."""

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from baselines.comparison.compare import compare
from baselines.comparison.comparison import Comparison
from tests import torture
from tests.trainers.ray_jobs import LAST, Counting, Failing, begun
from tests.trainers.test_own_modules import CHANNEL
from trainers.experiments.experiment import Experiment
from trainers.experiments.runner import run
from trainers.workbench import ray_engine
from trainers.workbench.cluster import QUIET
from trainers.workbench.files import read_tensors
from trainers.workbench.ray_engine import OnRay
from trainers.workbench.workers import WorkerDied, WorkerRefused
from wirelessenv.config import ConfigError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),  # files of Ray
]
ROOT = Path(__file__).parents[2]


def nothing():
    """Look at nothing."""


@pytest.fixture(scope="module")
def cluster():
    """A cluster whose driver's node has no processors, and which has one other node of two."""
    ray, utils = importlib.import_module("ray"), importlib.import_module("ray.cluster_utils")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**QUIET, "PYTHONPATH": str(ROOT)}.items():
            patch.setenv(name, value)
        made = utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        made.add_node(num_cpus=2)
        ray.init(address=made.address, log_to_driver=False, logging_level="ERROR")
        yield made
        ray.shutdown()
        made.shutdown()


@pytest.fixture
def engine(cluster):
    with OnRay() as engine:
        yield engine


def experiment(iterations=60, **changes):
    text = torture.CONFIG.replace("ITERATIONS", str(iterations))
    return Experiment.parse(Experiment.from_text(text).dump() | changes)


def learned(directory):
    return [read_tensors(path)["parameters"] for path in sorted(directory.glob("groups/*/policies.pt"))]


def the_same(one, other):
    assert torture.rows(one) == torture.rows(other)
    assert len(learned(one)) == len(learned(other)) > 0
    assert all(torch.equal(*pair) for pair in zip(learned(one), learned(other), strict=True))
    ours, theirs = ((place / "config.yaml").read_bytes() for place in (one, other))
    assert ours == theirs


@pytest.mark.parametrize("results", ["store", "folder"])
def test_numbers_are_those_of_the_local_engine(tmp_path, cluster, results):
    run(experiment(), tmp_path / "here", workers=1, quiet=True)
    with OnRay(results=results) as engine:
        run(experiment(), tmp_path / "there", workers=2, engine=engine, quiet=True)
    the_same(tmp_path / "here", tmp_path / "there")
    left = {path.name for path in (tmp_path / "there").rglob("*")} - {path.name for path in (tmp_path / "here").rglob("*")}
    assert left == set()


def test_comparisons_are_those_of_the_local_engine(tmp_path, engine):
    small = {
        "scenarios": {"four": {"preset": "dense", "transmitters": 4}},
        "layouts": 3,
        "slots": 10,
        "optimum": {"slots": 2},
        "methods": {"GNN": {"method": "gnn", "steps": 20, "networks": 4, "seeds": 1}},
    }
    for name, options in (("here", {"workers": 1}), ("there", {"workers": 2, "engine": engine})):
        compare(Comparison.parse(small), tmp_path / name, quiet=True, **options)
    assert torture.tables(tmp_path / "here") == torture.tables(tmp_path / "there")


def test_an_item_goes_on_from_what_was_saved_where_its_worker_is_killed(tmp_path, engine):
    killed = []

    def look():
        told = tmp_path / "a.pt"
        if not killed and told.exists() and int(told.read_bytes()) >= 10:
            killed.append(begun(tmp_path, "a")[0][0])
            os.kill(killed[0], signal.SIGKILL)

    assert engine.work_off(Counting(), ["a", "b"], tmp_path, 2, look=look, stop=[])
    first, second = begun(tmp_path, "a")
    assert (first[0], first[1]) == (killed[0], 0)
    assert second[0] != killed[0]
    assert 10 <= second[1] < LAST
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes() == str(LAST).encode()
    assert len(begun(tmp_path, "b")) == 1


def test_an_item_that_kills_its_workers_again_and_again_is_given_up(tmp_path, engine):
    with pytest.raises(WorkerDied):
        engine.work_off(Failing(), ["dies"], tmp_path, 1, look=nothing, stop=[])


FAULTS = {
    "refuses": (WorkerRefused, "learner: is not valid"),
    "full": (OSError, ""),
    "fails": (WorkerDied, "RuntimeError: a fault of ours"),
}


@pytest.mark.parametrize("item", FAULTS)
def test_faults_end_all_items_and_are_told(tmp_path, engine, capsys, item):
    error, told = FAULTS[item]
    with pytest.raises(error) as caught:
        engine.work_off(Failing(), [item], tmp_path, 1, look=nothing, stop=[])
    assert told in capsys.readouterr().err
    if error is OSError:
        assert (caught.value.errno, "No space left" in caught.value.strerror) == (28, True)


def test_who_asks_to_stop_has_all_that_was_done_and_what_waits_is_not_begun(tmp_path, engine):
    stop = []

    def look():
        if not stop and list(tmp_path.glob("*.pt")):
            stop.append(signal.SIGINT)

    assert not engine.work_off(Counting(), ["a", "b", "c"], tmp_path, 3, look=look, stop=stop)
    done = {path.stem: int(path.read_bytes()) for path in tmp_path.glob("*.pt")}
    assert 1 <= len(done) <= 2  # there are two processors
    assert all(0 < number < LAST for number in done.values())
    assert len(list(tmp_path.glob("*.begun"))) <= 2
    assert engine.work_off(Counting(), sorted(done), tmp_path, 2, look=nothing, stop=[])
    for item, number in done.items():
        assert [at for _, at in begun(tmp_path, item)] == [0, number]


def test_a_folder_that_is_not_shared_is_named(tmp_path, cluster, monkeypatch):
    monkeypatch.setattr(Path, "touch", lambda self, **_: None)  # what the driver writes does not reach the workers
    with (
        OnRay(results="folder") as engine,
        pytest.raises(ConfigError, match=r"--results: folder is not valid: .* is not there on"),
    ):
        engine.work_off(Counting(), ["a"], tmp_path, 1, look=nothing, stop=[])
    assert not (tmp_path / "a.pt").exists()


def test_other_versions_on_the_cluster_are_named(tmp_path, engine, monkeypatch):
    monkeypatch.setattr(ray_engine, "versions", lambda: {**VERSIONS, "numpy": "1.0"})
    with pytest.raises(ConfigError, match=r"run other versions than this machine \(numpy: 1\.0 here, .* on .*\)"):
        engine.work_off(Counting(), ["a"], tmp_path, 1, look=nothing, stop=[])


VERSIONS = ray_engine.versions()


def test_modules_of_a_users_own_travel_to_workers_that_do_not_have_them(tmp_path, cluster, monkeypatch):
    folder, name = tmp_path / "theirs", f"channel_{os.urandom(6).hex()}"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", list(sys.path))
    (folder / f"{name}.py").write_text(CHANNEL.replace("{name}", name))
    text = torture.CONFIG.replace("ITERATIONS", "20").replace("hops: 3", f"hops: 3, fading: quiet_{name}")
    (folder / "e.yaml").write_text(f"modules: [{name}]\n{text}")
    theirs = Experiment.load(folder / "e.yaml")

    class Away(OnRay):
        def work_off(self, *given, **options):
            folder.rename(tmp_path / "away")
            try:
                return super().work_off(*given, **options)
            finally:
                (tmp_path / "away").rename(folder)

    run(theirs, tmp_path / "here", workers=1, quiet=True)
    with Away() as engine:
        run(theirs, tmp_path / "there", workers=2, engine=engine, quiet=True)
    the_same(tmp_path / "here", tmp_path / "there")


def test_a_run_goes_on_elsewhere_from_its_checkpoint_where_a_node_is_killed(tmp_path, cluster):
    """The second node comes once the first is away; the numbers are those of a run that nothing has happened to."""
    long = experiment(8000, seeds=[0], curves={"ring": {}}, reference=None, evaluate_every=20)
    run(long, tmp_path / "here", workers=1, quiet=True)
    place, seen = tmp_path / "there" / "groups" / "000", []

    class Losing(OnRay):
        """Looks at the directory in the main thread, where nodes may be removed and added."""

        def work_off(self, *given, look, stop):
            def looks():
                look()
                saved = [int(path.stem.partition("-")[2]) for path in place.glob("checkpoint-*.pt")]
                if seen:
                    seen.append(int((place / "metrics.csv").read_bytes().splitlines()[-1].split(b",")[2]))
                elif saved:
                    seen.append(max(saved))
                    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
                    cluster.add_node(num_cpus=2)

            return super().work_off(*given, look=looks, stop=stop)

    with Losing() as engine:
        directory = run(long, tmp_path / "there", workers=1, engine=engine, quiet=True, save_every=0.05)
    the_same(tmp_path / "here", directory.path)
    assert 0 < seen[0] < 8000
    assert len(set(seen)) > 2  # it was killed on its way
    assert min(seen) >= seen[0]  # and has never begun again


def test_a_driver_that_is_stopped_and_killed_is_gone_on_with(tmp_path, monkeypatch):
    """Ray is begun by the command; SIGINT is told in a sentence, after SIGKILL nothing is left running."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    config, cut = tmp_path / "small.yaml", tmp_path / "cut"
    config.write_text(torture.CONFIG.replace("ITERATIONS", "3000"))
    run(Experiment.load(config), tmp_path / "whole", workers=1, quiet=True)
    for how, status in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        command = [*torture.command_of(config, cut, 1), "--engine", "ray"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE)  # noqa: S603  # our own program
        before, deadline = set(cut.glob("groups/*/*.pt")), time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None and not set(cut.glob("groups/*/*.pt")) - before:
            time.sleep(0.05)
        os.kill(process.pid, how)
        said = process.communicate(timeout=90)[1].decode().strip()
        assert process.returncode == status
        sentence = f"Stopped, and saved: the same command with --resume goes on. It is in {cut}"
        assert said == (sentence if how == signal.SIGINT else "")
    run(Experiment.load(config), cut, workers=1, quiet=True, resume=True)
    the_same(tmp_path / "whole", cut)
