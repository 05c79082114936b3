"""Docstrings as Markdown: doctests and listings of algorithms become code, and lines that name things stay lines."""

import re
from collections.abc import Iterator
from typing import Any

import griffe

DOCTEST = re.compile(r" *>>> ")
NUMBERED = re.compile(r" ?\d+  +\S")
NAMED = re.compile(r"[A-Z]\w+: ")
SECTION = re.compile(r"(Args|Returns|Raises|Yields|Examples?):")
ITEM = re.compile(r" *(- |\d+\. )")
STARS = re.compile(r"`[^`]*`|^ *\*+\w+:|(\*)")


def as_markdown(text: str) -> str:
    """A docstring whose examples and listings are fenced.

    Args:
        text: as it stands in the file, without its indentation.

    Returns:
        Markdown that shows the same lines.
    """
    return "\n".join(line for block in re.split(r"\n[ \t]*\n", text) for line in (*_block(block.splitlines()), ""))


def _block(lines: list[str]) -> Iterator[str]:
    """The lines of a paragraph."""
    first = lines[0] if lines else ""
    if DOCTEST.match(first):
        yield from ("```pycon", *lines, "```")
    elif NUMBERED.match(first) and not SECTION.match(first):
        yield from ("```text", *lines, "```")
    else:
        for before, line in zip(["", *lines], lines, strict=False):
            named = NAMED.match(line) and not SECTION.match(line)
            if before and (named or (ITEM.match(line) and not (before.startswith(" ") or ITEM.match(before)))):
                yield ""
            yield STARS.sub(lambda found: "\\*" if found[1] else found[0], line)


class Docstrings(griffe.Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite that of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
