"""docs/settings.md is what its program writes, and every setting of a learner says what it means."""

import runpy
from pathlib import Path

from baselines.comparison.comparison import Comparison
from trainers.algorithms.base.settings import LearnerSettings
from trainers.experiments.experiment import Experiment
from wirelessenv.envs.settings import Settings
from wirelessenv.messages.messaging import Messaging
from wirelessenv.scenario import Scenario

ROOT = Path(__file__).parents[1]


def test_the_page_is_written_from_the_models():
    written = runpy.run_path(str(ROOT / "docs/write_settings.py"))["page"]()
    assert (ROOT / "docs/settings.md").read_text("utf-8") == written, "run python docs/write_settings.py"


def test_mappings_inside_configurations_have_tables_of_their_own():
    parts = (ROOT / "docs/settings.md").read_text("utf-8").partition("## Parts\n")[2].partition("\n## ")[0]
    for part, setting in {"Panel": "y_range", "Chance": "longest_silence", "Gains": "held_out", "Server": "computing"}.items():
        assert f"| `{setting}` |" in parts.partition(f"### {part}\n")[2].partition("\n### ")[0]


def test_every_setting_of_a_whole_configuration_has_a_meaning():
    wholes = (Experiment, Comparison, Scenario, Messaging, Settings)
    missing = [f"{one.__name__}.{name}" for one in wholes for name, field in one.model_fields.items() if not field.description]
    assert missing == []


def test_every_setting_of_a_learner_has_a_meaning():
    kinds = [one for one in LearnerSettings.kinds.values() if one.__module__.startswith("trainers.")]
    missing = [f"{one.__name__}.{name}" for one in kinds for name, field in one.model_fields.items() if not field.description]
    assert [name for name in missing if not name.endswith(".kind")] == []
    assert len(kinds) >= 8
