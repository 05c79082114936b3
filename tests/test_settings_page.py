"""docs/settings.md is what its program writes, and every setting of a learner says what it means."""

import runpy
from pathlib import Path

from trainers.algorithms.base.settings import LearnerSettings

ROOT = Path(__file__).parents[1]


def test_the_page_is_written_from_the_models():
    written = runpy.run_path(str(ROOT / "docs/write_settings.py"))["page"]()
    assert (ROOT / "docs/settings.md").read_text("utf-8") == written, "run python docs/write_settings.py"


def test_every_setting_of_a_learner_has_a_meaning():
    kinds = [one for one in LearnerSettings.kinds.values() if one.__module__.startswith("trainers.")]
    missing = [f"{one.__name__}.{name}" for one in kinds for name, field in one.model_fields.items() if not field.description]
    assert [name for name in missing if not name.endswith(".kind")] == []
    assert len(kinds) >= 8
