"""Libraries in environments of their own: the page's files, as they stand."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.clients.snippets import FILES


@pytest.mark.parametrize("name", ["tianshou_ppo", "agilerl_ippo"])
def test_a_file_trains(name, tmp_path):
    if find_spec(name.split("_")[0]) is None:
        pytest.skip("it has an environment of its own")
    (tmp_path / f"{name}.py").write_text(FILES[name], encoding="utf-8")
    command = [sys.executable, "-W", "ignore", f"{name}.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False)  # noqa: S603  # our own page
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.strip().splitlines()[-1].strip("[]")) > 0
