"""--shard I/N: several commands share one directory, and the last of them assembles it."""

import fcntl
import threading
from contextlib import contextmanager, nullcontext

import pytest

from tests import torture
from tests.trainers.test_command_line import CONFIG
from trainers.__main__ import main
from trainers.experiments import runner
from trainers.experiments.experiment import Experiment
from trainers.experiments.run_directory import RunDirectory
from trainers.workbench.shards import ShardFinished, WorkShard, alone
from wirelessenv.config import ConfigError


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(CONFIG.replace("iterations: 60", "iterations: 20"))
    return path


def run(config, out, *options):
    return main([str(config), "--out", str(out), "--quiet", "--workers", "1", *options])


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "a/b", "1/0", "-1/2", "1/2/3", "1/99999", "", "1 / 2", "\u0661/2"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(ConfigError, match=r"--shard: .* is not valid: it should be I/N, with I from 1 to N"):
        WorkShard.parse(text)


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_shards_share_items_without_rest_or_doubles(of):
    shares = [WorkShard(number, of).mine(range(5)) for number in range(1, of + 1)]
    assert sorted(item for share in shares for item in share) == list(range(5))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_the_last_shard_assembles_what_a_single_command_makes(tmp_path, config, capsys):
    assert run(config, tmp_path / "whole") == 0
    out = tmp_path / "cut"
    assert run(config, out, "--shard", "2/2") == 0
    assert f"Shard 2/2 is finished, 1 of 2 are not yet: the last one assembles {out}" in capsys.readouterr().err
    assert not (out / "metrics.csv").exists()
    assert run(config, out, "--shard", "1/2") == 0
    assert capsys.readouterr().err == ""
    assert torture.rows(out) == torture.rows(tmp_path / "whole")
    assert (out / "figure.png").exists()
    (out / "metrics.csv").unlink()
    assert run(config, out, "--shard", "2/2") == 0  # again: it finds all done
    assert torture.rows(out) == torture.rows(tmp_path / "whole")


@pytest.mark.slow
def test_a_shard_that_was_stopped_goes_on_and_others_do_not_take_it_for_finished(tmp_path, config, capsys, monkeypatch):
    @contextmanager
    def stopped():
        yield [15]

    with monkeypatch.context() as patch:
        patch.setattr(runner, "stop_request", stopped)
        assert run(config, tmp_path / "cut", "--shard", "1/2") == 130
    assert run(config, tmp_path / "cut", "--shard", "2/2") == 0
    assert "1 of 2 are not yet" in capsys.readouterr().err
    assert run(config, tmp_path / "cut", "--shard", "1/2") == 0
    assert (tmp_path / "cut" / "metrics.csv").exists()


@pytest.mark.slow
def test_refusals_of_shards_are_sentences_and_spoil_nothing(tmp_path, config, capsys):
    out = tmp_path / "cut"
    assert run(config, out, "--shard", "1/2") == 0
    capsys.readouterr()
    assert run(config, out, "--shard", "1/3") == 2
    assert "--shard: 1/3 is not valid: " in (said := capsys.readouterr().err)
    assert "is worked on in 2 shards; give one of these" in said
    assert run(config, out, "--shard", "2/2", "--set", "iterations=40") == 2
    assert "holds another run: its iterations differs" in capsys.readouterr().err
    with (out / "shards" / "2-of-2.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert run(config, out, "--shard", "2/2") == 2
        assert f"--shard: 2/2 of {out} is in use: another command works on it" in capsys.readouterr().err
    with (out / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_SH)  # as all shards do
        assert run(config, out, "--resume") == 2
        assert "is in use: another process works there" in capsys.readouterr().err
        assert RunDirectory(out).in_use()
    assert run(config, out, "--resume") == 0  # one command does the rest
    assert not (out / "shards").exists()


@pytest.mark.parametrize("iterations", [[20, 20, 20, 20], [20, 40, 20, 40]])
def test_shards_that_begin_at_the_same_moment_agree_on_one_configuration(tmp_path, iterations):
    """Shards of another configuration than the one that was first are refused; the directory is whole."""
    plain = Experiment.from_text(CONFIG).dump()
    experiments = [Experiment.parse(plain | {"iterations": one}) for one in iterations]
    for attempt in range(2):
        out, together, found = tmp_path / str(attempt), threading.Barrier(4), {}

        def begin(number, out=out, together=together, found=found):
            together.wait()
            try:
                with RunDirectory.opened(out, experiments[number], resume=False, device="cpu", shard=WorkShard(number + 1, 4)):
                    found[number] = iterations[number]
            except ConfigError as error:
                found[number] = str(error)

        threads = [threading.Thread(target=begin, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        kept = RunDirectory(out).experiment().iterations
        for number, one in enumerate(iterations):
            assert found[number] == kept if one == kept else "holds another run: its iterations differs" in found[number]
        assert set(RunDirectory(out)._manifest()) >= {"sources", "code", "numpy"}
        assert not list((out / "shards").glob(".begun-*"))


CLAIM = """
claims:
  a:
    claim: the larger batch is not far behind
    source: nobody
    run: small
    statistic: {kind: gain_share, curve: larger batch, reference: centralised}
    above: -1000
  b:
    claim: nor in another run
    source: nobody
    run: other
    statistic: {kind: gain_share, curve: ring, reference: centralised}
    above: -1000
"""


@pytest.mark.slow
def test_the_last_shard_checks_the_claims(tmp_path, config, capsys):
    (tmp_path / "other.yaml").write_text(config.read_text())
    (tmp_path / "claims.yaml").write_text(CLAIM)

    def fidelity(folder, *options):
        return main(["fidelity", "--claims", str(tmp_path / "claims.yaml"), "--runs", str(folder), "--workers", "1", *options])

    def written(folder):
        return (folder / "fidelity.csv").read_text()

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert fidelity(whole) == 0
    capsys.readouterr()
    assert fidelity(cut, "--shard", "1/2") == 0
    said = "Shard 1/2 is finished, others have not finished small and 1 more yet: the last one checks the claims"
    assert said in capsys.readouterr().err
    assert not (cut / "fidelity.csv").exists()
    assert fidelity(cut, "--shard", "2/2") == 0
    assert written(cut) == written(whole)
    assert torture.rows(cut / "other") == torture.rows(whole / "other")
    assert (cut / "small" / "figure.png").exists()
    (cut / "fidelity.csv").unlink()
    with alone(cut / ".claims.lock", ""):
        assert fidelity(cut, "--shard", "1/2") == 0
        assert "Shard 1/2 is finished; another one checks the claims" in capsys.readouterr().err
    assert fidelity(cut, "--shard", "1/2") == 0  # what a last one left undone that was killed
    assert written(cut) == written(whole)


@pytest.mark.slow
def test_of_several_shards_that_are_last_at_once_one_assembles(tmp_path, config):
    """All shards in the same moment, again and again: files stay whole, and somebody assembles."""
    assert run(config, tmp_path / "whole") == 0
    plain = Experiment.from_text(config.read_text())
    out = tmp_path / "cut"
    for number in (1, 2, 3):
        run(config, out, "--shard", f"{number}/3")
    for _ in range(5):
        (out / "metrics.csv").unlink()
        together, ends = threading.Barrier(3), []

        def last(number, together=together, ends=ends):
            shard = WorkShard(number, 3)
            with RunDirectory.opened(out, plain, resume=False, device="cpu", shard=shard) as directory:
                together.wait()
                others = shard.note_end(out)
                try:
                    with shard.assembling(out) if not others else nullcontext():
                        if not others:
                            directory.assemble(plain)
                        ends.append("assembled" if not others else "early")
                except ShardFinished:
                    ends.append("another")

        threads = [threading.Thread(target=last, args=(number,)) for number in (1, 2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ends) == 3
        assert "assembled" in ends
        assert torture.rows(out) == torture.rows(tmp_path / "whole")
        assert not list(out.glob("*.part"))
