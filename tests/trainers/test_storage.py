import numpy as np
import pytest
import torch

from trainers.workbench.files import read_tensors, write_tensors
from wirelessenv import ConfigError
from wirelessenv.streams import generator_state, set_generator_state, stream


def test_nested_values_come_back_as_they_were(tmp_path):
    generator = stream(0, "any")
    value = {
        "tensor": torch.randn(3, 2),
        "array": np.arange(6, dtype=np.int32).reshape(2, 3),
        "flags": np.array([True, False]),
        "list": [1, 2.5, "three", None, {"deep": np.float32(1.5)}],
        "stream": generator_state(generator),
    }
    write_tensors(tmp_path / "file", value)
    back = read_tensors(tmp_path / "file")
    assert torch.equal(back["tensor"], value["tensor"])
    np.testing.assert_array_equal(back["array"], value["array"])
    assert back["array"].dtype == np.int32
    assert back["flags"].dtype == bool
    assert back["list"] == [1, 2.5, "three", None, {"deep": 1.5}]
    other = stream(1, "any")
    set_generator_state(other, back["stream"])
    assert other.random() == generator.random()


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "foreign"])
def test_damage_is_noticed(tmp_path, damage):
    path = tmp_path / "file"
    write_tensors(path, {"a": torch.zeros(100)})
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    changed = {"cut": content[:-10], "flip": content, "empty": b"", "foreign": b"PK\x03\x04 something else"}[damage]
    path.write_bytes(bytes(changed))
    with pytest.raises(ConfigError, match=r"file: is (damaged|not a file that this version)"):
        read_tensors(path)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be read \(No such file"):
        read_tensors(tmp_path / "none")


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    write_tensors(path, {"a": 1})
    with pytest.raises(Exception, match="pickle"):
        write_tensors(path, {"a": lambda: 0})
    assert read_tensors(path) == {"a": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
