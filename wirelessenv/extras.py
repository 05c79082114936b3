"""Optional dependencies: one sentence about a library that is missing, and the extra of the package that installs it."""

from importlib.util import find_spec

LIBRARIES = ("torch", "matplotlib", "rich", "scipy", "pandas", "sklearn", "stable_baselines3", "plotly", "jinja2")
"""Names by which what extras install is imported."""

PACKAGES = {"stable_baselines3": "stable-baselines3", "sklearn": "scikit-learn"}
"""Names under which pip knows those that are imported by another."""


def missing(user: str, library: str, extra: str) -> str:
    """Say in one sentence what to install.

    Args:
        user: a command or a package, as the sentence names it.
        library: name by which it is imported.
        extra: of the package, with all that the user needs.

    Returns:
        The sentence.
    """
    return f"{user} needs {PACKAGES.get(library, library)}, which is not installed: pip install 'wirelessenv[{extra}]'"


def require(user: str, library: str, extra: str) -> None:
    """Refuse to go on without a library, which is not imported here: that may take seconds.

    Args:
        user: the package that needs it.
        library: one of `LIBRARIES`.
        extra: of the package, with all that the user needs.

    Raises:
        ModuleNotFoundError: where it is not installed.
    """
    if find_spec(library) is None:
        raise ModuleNotFoundError(missing(user, library, extra), name=library)
