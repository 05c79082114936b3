"""Worker processes as others' scripts start them."""

import errno
import subprocess
import sys

import pytest

from trainers.workbench.workers import UNWRITTEN, WorkerDied, _refuse_faults

SCRIPT = """
from pathlib import Path

from trainers.experiments.experiment import Experiment
from trainers.experiments.runner import run

radio = {"preset": "dense", "transmitters": 4}
settings = {"scenario": radio, "messaging": {"graph": "ring"}, "iterations": 2, "seeds": 6}
run(Experiment.parse(settings), Path("out"), workers=2, quiet=True)
"""


@pytest.mark.slow
def test_a_script_without_the_guard_hears_in_one_sentence_what_it_lacks(tmp_path):
    (tmp_path / "mine.py").write_text(SCRIPT)
    done = subprocess.run([sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120)  # noqa: PLW1510  # our own program, which fails
    assert 'what it does should stand under if __name__ == "__main__":' in done.stderr
    assert done.stderr.count("Traceback") == 1  # that of the script itself
    assert done.returncode == 1
    body = SCRIPT.replace("\nrun(", '\nif __name__ == "__main__":\n    run(').replace('Path("out")', 'Path("guarded")')
    (tmp_path / "mine.py").write_text(body)
    subprocess.run([sys.executable, "mine.py"], cwd=tmp_path, check=True, timeout=120)  # our own program
    assert (tmp_path / "guarded" / "metrics.csv").exists()


@pytest.mark.parametrize(("status", "error"), [(UNWRITTEN + errno.ENOSPC, OSError), (255, WorkerDied), (-9, WorkerDied)])
def test_exit_statuses_of_workers_tell_what_has_happened(status, error):
    with pytest.raises(error):
        _refuse_faults([0, status], [])
