"""Files of docs/guides/libraries.md, run from the page itself."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "libraries.md"
FILES = dict(re.findall(r"^`(\w+)\.py`:\n\n```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE))


def run(name, smaller=()):
    """The names that a file has defined, after numbers that take long were replaced."""
    code = FILES[name]
    for long, short in smaller:
        assert long in code
        code = code.replace(long, short)
    scope = {"__name__": "__main__"}
    exec(compile(code, f"{name}.py", "exec"), scope)  # noqa: S102  # the project's own documentation
    return scope
