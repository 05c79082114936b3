"""Integrations whose library is not installed: one sentence that names the extra."""

import importlib
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "library"),
    [("torchrl", "torchrl"), ("torchrl", "tensordict"), ("benchmarl", "benchmarl"), ("benchmarl", "torchrl")],
)
def test_one_sentence_names_the_extra(module, library, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] in ("torchrl", "tensordict", "benchmarl")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, f"wirelessenv.integrations.{module}", raising=False)
    monkeypatch.delitem(sys.modules, "wirelessenv.integrations.torchrl", raising=False)
    for absent in {library, "torchrl", "benchmarl"}:  # whatever is installed here
        monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(ImportError) as told:
        importlib.import_module(f"wirelessenv.integrations.{module}")
    needed = f"wirelessenv.integrations.{module} needs {module}, which is not installed: pip install 'wirelessenv[{module}]'"
    assert str(told.value) == needed
