"""Rules that all command lines share, each as a user starts it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wirelessenv.command_line import PROGRAMS, Ended, Parser, guarded, writing
from wirelessenv.config import ConfigError
from wirelessenv.text import drawn, one_line

ROOT = Path(__file__).parents[1]


def start(*arguments, **options):
    env = os.environ | {"PYTHONPATH": str(ROOT)} | options.pop("env", {})
    command = [sys.executable, *arguments]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)  # noqa: S603  # our own programs


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_is_printed_and_nothing_else_is_done(program, tmp_path):
    out, err = start("-m", program, "--help", cwd=tmp_path).communicate(timeout=60)
    assert out.decode().startswith(f"usage: python -m {program}")
    assert err == b""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("program", "arguments", "sentence"),
    [
        ("trainers", ["x.yaml", "--seed", "3"], '--seed: unknown option (did you mean "--seeds"?)'),
        ("trainers", ["--seed=3"], '--seed: unknown option (did you mean "--seeds"?)'),
        ("trainers", ["search", "x.yaml", "--step", "0.1"], '--step: unknown option (did you mean "--steps"?)'),
        ("trainers", ["x.yaml", "-resume"], '-resume: unknown option (did you mean "--resume"?)'),
        ("trainers", ["a\0b.yaml"], "a\\x00b.yaml: is not valid: it holds a NUL character"),
        ("baselines", ["x.yaml", "--work", "2"], '--work: unknown option (did you mean "--workers"?)'),
        ("wirelessenv", ["show", "dense", "--slot", "3"], '--slot: unknown option (did you mean "--slots"?)'),
        ("wirelessenv", ["show", "dense", "--seed", "-1", "--out", "a\0.gif"], "a\\x00.gif: is not valid"),
        ("benchmarks", ["--quick"], '--quick: unknown option (did you mean "--out"?)'),
    ],
)
def test_options_are_taken_in_full_alone(program, arguments, sentence, capsys):
    main = __import__(f"{program}.__main__", fromlist=["main"]).main
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert sentence in capsys.readouterr().err


def test_values_may_look_like_options_after_two_dashes_and_numbers_may_be_negative():
    parser = Parser()
    parser.add_argument("file")
    parser.add_argument("--seed", type=int)
    assert vars(parser.parse_args(["--seed", "-1", "--", "--file"])) == {"file": "--file", "seed": -1}


SLOW = """
import importlib.abc, pathlib, sys, time
class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "LIBRARY":
            pathlib.Path("LIBRARY").touch()
            time.sleep(30)
sys.meta_path.insert(0, Slow())
"""


@pytest.mark.parametrize(
    ("program", "library"),
    [
        ("wirelessenv", "gymnasium"),
        ("trainers", "gymnasium"),
        ("trainers", "torch"),
        ("baselines", "torch"),
        ("benchmarks", "torch"),
        ("tests.torture", "pettingzoo"),
    ],
)
@pytest.mark.slow
def test_ctrl_c_while_libraries_are_imported_is_one_sentence(program, library, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(SLOW.replace("LIBRARY", library))
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    arguments = {"trainers": ["nowhere.yaml"], "baselines": ["nowhere.yaml"]}.get(program, [])
    process = start("-m", program, *arguments, cwd=tmp_path, env=env)
    while process.poll() is None and not (tmp_path / library).exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"Stopped.\n")


def failing(error):
    @guarded
    def main(given):
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (ConfigError("field: 1 is not valid"), 2, "field: 1 is not valid"),
        (Ended("It was\nkilled"), 1, "It was\\x0akilled"),
        (KeyboardInterrupt(), 130, "Stopped."),
        (BrokenPipeError(32, "Broken pipe"), 1, ""),
        (OSError(28, "No space left on device"), 1, "output: cannot be written (No space left on device)"),
        (OSError(36, "File name too long", "aaa"), 2, "aaa: cannot be used (File name too long)"),
        (PermissionError(13, "Permission denied", "x"), 1, "x: cannot be used (Permission denied)"),
        (MemoryError(), 1, "There is not enough memory for this."),
    ],
)
def test_whatever_ends_a_program_is_one_sentence_and_a_status(error, status, sentence, capsys):
    assert failing(error)([]) == status
    assert capsys.readouterr().err.strip("\n") == sentence


def test_a_disk_that_refuses_is_said_of_the_place(capsys):
    @guarded
    def main(given):
        with writing("out"):
            raise OSError(28, "No space left on device")

    assert main([]) == 1
    assert capsys.readouterr().err == "out: cannot be written (No space left on device)\n"


@pytest.mark.slow
def test_output_that_nobody_reads_or_that_fits_nowhere_is_no_traceback(tmp_path):
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    for redirect, status, said in (
        ("> /dev/full", 1, "output: cannot be written (No space left on device)\n"),
        ("| true; exit ${PIPESTATUS[0]}", 1, ""),
        (">&-", 0, ""),
        (">&- 2>&-", 0, ""),
    ):
        line = f"{sys.executable} -m wirelessenv list {redirect}"
        done = subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, check=False)  # noqa: S603, S607  # our own program
        assert (done.returncode, done.stderr) == (status, said), redirect


def test_text_is_one_line_that_moves_no_cursor():
    assert one_line("a\tb\r\n\x1b[2J\u202egnp.\u2028\ud800") == "a\\x09b\\x0d\\x0a\\x1b[2J\\x202egnp.\\x2028\\xd800"
    assert one_line("naïve 漢字 עברית") == "naïve 漢字 עברית"
    assert one_line("x" * 5000) == "x" * 1997 + "..."
    assert drawn("x" * 100) == "x" * 77 + "..."
