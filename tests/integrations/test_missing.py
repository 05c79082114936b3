"""Integrations whose library is not installed: one sentence that names the extra."""

import importlib
import sys

import pytest


@pytest.mark.parametrize("absent", ["torchrl", "tensordict"])
def test_one_sentence_names_the_extra(absent, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] in ("torchrl", "tensordict")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "wirelessenv.integrations.torchrl", raising=False)
    monkeypatch.setitem(sys.modules, absent, None)
    needed = r"integrations\.torchrl needs torchrl, which is not installed: pip install 'wirelessenv\[torchrl\]'"
    with pytest.raises(ImportError, match=needed):
        importlib.import_module("wirelessenv.integrations.torchrl")
