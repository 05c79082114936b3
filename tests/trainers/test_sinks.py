"""Metrics written elsewhere: each row once, under names that the place takes."""

import sys
from types import SimpleNamespace

import pandas as pd
import pytest

from trainers.experiments.sinks import SINKS


def table(iterations):
    rows = [("a: b", 1, at, 10.0 * at, 2.0 * at, 4.0) for at in iterations]
    return pd.DataFrame(rows, columns=["curve", "seed", "iteration", "slots", "utility", "full_power_utility"])


class FakeMLflow:
    """Its client, as far as it is used; batches are refused as MLflow refuses them."""

    def __init__(self):
        self.kept, self.ended = [], []
        self.entities = SimpleNamespace(Metric=lambda key, value, timestamp, step: (key, value, step))
        self.MlflowClient = lambda tracking_uri: self

    def get_experiment_by_name(self, _):
        return None

    def create_experiment(self, name):
        return name

    def create_run(self, experiment, run_name):
        return SimpleNamespace(info=SimpleNamespace(run_id=f"{experiment}/{run_name}"))

    def log_batch(self, run, metrics):
        assert run == "wirelessenv/run"
        assert 0 < len(metrics) <= 1000
        self.kept += metrics

    def set_terminated(self, run):
        self.ended.append(run)


class FakeWandb:
    """Its run, as far as it is used."""

    def __init__(self):
        self.kept, self.steps, self.ended = [], [], 0

    def init(self, project, name, dir):  # noqa: A002  # the library's name
        return self

    def define_metric(self, names, step_metric):
        self.steps.append((names, step_metric))

    def log(self, values):
        self.kept += [(key, value, None) for key, value in values.items()]

    def finish(self):
        self.ended += 1


@pytest.mark.parametrize(("name", "kind"), [("mlflow", FakeMLflow), ("wandb", FakeWandb)])
def test_every_row_is_written_once(tmp_path, monkeypatch, name, kind):
    fake = kind()
    monkeypatch.setitem(sys.modules, name, fake)
    sink = SINKS[name](tmp_path / "run")
    for upto in (2, 2, 400):
        sink.update(table(range(upto)))
    sink.close()
    assert fake.ended in (1, ["wirelessenv/run"])
    tag = "a_ b/seed1" if name == "mlflow" else "a: b/seed1"  # MLflow takes no colon
    found = [one for one in fake.kept if one[0] == f"{tag}/relative_utility"]
    assert [value for _, value, _ in found] == [at / 2 for at in range(400)]
    if name == "mlflow":
        assert [step for _, _, step in found] == list(range(400))
    else:
        assert fake.steps == [(f"{tag}/*", f"{tag}/iteration")]
        assert [value for key, value, _ in fake.kept if key == f"{tag}/iteration"] == list(range(400))
