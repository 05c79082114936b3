"""Text of a user's own (names, titles, paths), as terminals, tables and figures can show it."""

import unicodedata

LONGEST = 2000
"""Characters of what is shown on one line."""


def one_line(text: object, longest: int = LONGEST) -> str:
    r"""`text` on one line: what would move a cursor or turn the line round is written as \x1b, and what is long is cut.

    Args:
        text: anything, taken as text.
        longest: the largest number of characters before escapes.

    Returns:
        One line.

    >>> print(one_line("a\nb\x1b[31m"))
    a\x0ab\x1b[31m
    >>> one_line("a long name", longest=8)
    'a lon...'
    """
    whole = str(text)
    cut = whole if len(whole) <= longest else whole[: longest - 3] + "..."
    return "".join(f"\\x{ord(one):02x}" if _moves(one) else one for one in cut)


def as_name(text: str, longest: int = 200) -> str:
    """A text that may name something in tables, figures and files.

    Args:
        text: the name.
        longest: the largest number of characters.

    Returns:
        The same text.

    Raises:
        ValueError: where it is empty, too long or not on one line.
    """
    if not text or one_line(text, longest) != text:
        shown = one_line(text, 60)
        right = f"a name is one line of 1 to {longest} characters, none of them a control character"
        raise ValueError(f'"{shown}" is not valid: {right}')
    return text


def _moves(one: str) -> bool:
    """True where a character does something: control characters, separators of lines, marks of direction."""
    return unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"} or unicodedata.bidirectional(one) in _DIRECTIONS


_DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def drawn(text: str, longest: int = 80) -> str:
    r"""`text` as matplotlib is to be given it: dollars are dollars, and a name that begins with _ stands in legends, too.

    Args:
        text: the text of a user.
        longest: the largest number of characters.

    Returns:
        Text without markup.

    >>> drawn("$x^{$")
    '\\$x^{\\$'
    """
    shown = one_line(text, longest).replace("$", r"\$")
    return f"\u200b{shown}" if shown.startswith("_") else shown
