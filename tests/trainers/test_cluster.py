"""Beginning of Ray, here or at an address, and the sentences about what goes wrong with it."""

import socket
import sys
import time
from types import SimpleNamespace

import pytest

from trainers.workbench import cluster
from trainers.workbench.progress import Reminder
from trainers.workbench.ray_engine import _waiting
from wirelessenv.config import ConfigError


def refused(address, **options):
    with pytest.raises(ConfigError) as caught, cluster.connected(address, **options):
        raise AssertionError("it has connected")
    return str(caught.value)


@pytest.mark.parametrize("address", ["", "rubbish", "here:port", ":6379", "here:0", "here:70000", "ray://here:10001"])
def test_what_is_no_address_is_refused_at_once(address):
    assert "is not valid: it should be HOST:PORT" in refused(address)


def test_nobody_at_the_address_is_one_sentence():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody else takes the port, and nobody listens there
        where = f"127.0.0.1:{closed.getsockname()[1]}"
        assert (
            refused(where)
            == f"--address: {where} is not valid: nobody answers there (Connection refused); is the cluster running?"
        )
    assert "nobody answers there" in refused("no-such-host.invalid:6379")


def test_no_ray_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert refused(None) == "--engine ray needs ray, which is not installed: pip install 'wirelessenv[ray]'"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("Could not find any running Ray instance. Please", "no cluster can be joined there (Could not find any running Ray"),
        ("", "no cluster can be joined there (it does not say why)"),
        (
            "Version mismatch: The cluster was started with:\n  Ray: 2.50.0\n  Python: 3.12.1\nThis process:\n  Ray: 2.55.1\n",
            "and both have to be the same (The cluster was started with: Ray: 2.50.0 Python: 3.12.1 This process: Ray: 2.55.1)",
        ),
    ],
)
def test_refusals_of_ray_are_one_sentence(monkeypatch, said, sentence):
    ray = pytest.importorskip("ray")

    def fails(**_):
        raise RuntimeError(said)

    monkeypatch.setattr(cluster, "_refuse_nobody", lambda address: None)
    monkeypatch.setattr(ray, "init", fails)
    assert sentence in refused("10.0.0.1:6379")
    assert ("no cluster runs on this machine" in refused("auto")) == ("Version mismatch" not in said)


def test_ray_that_does_not_begin_names_the_command_that_needs_it(monkeypatch):
    ray = pytest.importorskip("ray")

    def fails(**_):
        raise RuntimeError("The current node timed out during startup.\nMore")

    monkeypatch.setattr(ray, "init", fails)
    why = "Ray cannot be started on this machine (The current node timed out during startup)"
    assert refused(None) == f"--engine ray: {why}"
    assert refused(None, user="wirelessenv live") == f"wirelessenv live: {why}"


@pytest.mark.parametrize(
    ("there", "free", "told"),
    [
        (0, 0, "no machine of the cluster has one to give; tasks begin once one joins it."),
        (8, 0, "0 of the cluster's 8 are free; tasks begin once others' work is over."),
    ],
)
def test_who_waits_for_processors_says_so_once(there, free, told, capsys):
    ray = SimpleNamespace(cluster_resources=lambda: {"CPU": float(there)}, available_resources=lambda: {"CPU": float(free)})
    soon, later = Reminder(0.0), Reminder(60.0)
    time.sleep(0.001)
    assert not later.due()
    for _ in range(3):
        if soon.due():
            soon.say(_waiting(ray))
    assert capsys.readouterr().err == f"Waiting for processors: {told}\n"
