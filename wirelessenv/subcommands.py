"""Commands of a command line, as data: what each is about, its options, an example, and the function that does the work.

A package declares its commands in `options`, which is quick to import; what works is imported once options are read.
"""

from argparse import Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import NamedTuple

from wirelessenv.command_line import Parser, importing
from wirelessenv.config import ConfigError
from wirelessenv.extras import LIBRARIES, missing
from wirelessenv.imports import no_imports


class Command(NamedTuple):
    """A command: `work`, "module:function", is called with the options and returns the exit status.

    `example` is what may stand behind its name; `extra` installs the libraries that it needs.
    """

    about: str
    example: str
    options: Callable[[Parser], None]
    work: str
    extra: str = "train"

    def declare(self, parser: Parser, note: str = "") -> Parser:
        """Give a parser the help text and the options of the command.

        Args:
            parser: named as the command is called.
            note: a line at the end of the help text.

        Returns:
            The parser.
        """
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.description = self.about
        parser.epilog = "\n\n".join(filter(None, (f"example:\n  {parser.prog} {self.example}".rstrip(), note)))
        self.options(parser)
        return parser

    def run(self, chosen: Namespace, called: str) -> int:
        """Import what works, and do the work.

        Args:
            chosen: the options.
            called: the command, as sentences name it.

        Returns:
            The exit status.

        Raises:
            ConfigError: where a library of an extra is not installed, and whatever the work raises.
        """
        module, _, name = self.work.partition(":")
        with needing(called, self.extra):
            with importing():
                work = getattr(import_module(module), name)
            with no_imports(getattr(chosen, "no_imports", False)):  # work imports, too: bench does once threads are bounded
                return int(work(chosen))


@contextmanager
def needing(called: str, extra: str) -> Iterator[None]:
    """Context for imports of a command and for its work: a missing library of an extra is told in one sentence.

    Args:
        called: the command, as the sentence names it.
        extra: with all that the command needs.

    Raises:
        ConfigError: with the sentence.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in LIBRARIES:
            raise
        raise ConfigError(missing(called, error.name, extra)) from None


def add_no_imports(parser: Parser) -> None:
    """Add the option with which files of strangers are read."""
    parser.add_argument(
        "--no-imports", action="store_true", help="refuse what names code of a user's own, which is run: for strangers' files"
    )


def add_shard(parser: Parser) -> None:
    """Add the option with which several commands share the work of one directory."""
    help_text = "do the I-th of N parts of the work, each a command of its own, on a folder that all share; goes on, too"
    parser.add_argument("--shard", metavar="I/N", help=help_text)


def add_engine(parser: Parser, note: str = "") -> None:
    """Add the options that say where work is done.

    Args:
        parser: of a command.
        note: on the number of workers.
    """
    parser.add_argument("--workers", type=int, metavar="N", help=f"processes (default: one for each core){note}")
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="where they run: on this machine, or as tasks of Ray, which needs wirelessenv[ray]",
    )
    parser.add_argument(
        "--address", metavar="HOST:PORT", help="of a Ray cluster, or auto (default: Ray is begun on this machine, and ended)"
    )
    parser.add_argument(
        "--results",
        choices=("store", "folder"),
        default="store",
        help="files come back from Ray's workers through its object store, or are written to DIR, which all machines share",
    )
