"""Files that are written beside and renamed: whole, or as they were, with nothing left over."""

import os

import pytest

from puffer_arena.machine.files import replacing, write_bytes


def test_a_file_is_put_in_its_place_whole(tmp_path):
    write_bytes(tmp_path / "a", b"old")
    with replacing(tmp_path / "a") as beside:
        beside.write_bytes(b"new")
        assert (tmp_path / "a").read_bytes() == b"old"
    assert (tmp_path / "a").read_bytes() == b"new" and os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_goes_wrong_leaves_the_old_file_and_nothing_else(tmp_path, trouble):
    write_bytes(tmp_path / "a", b"old")
    with pytest.raises(type(trouble)), replacing(tmp_path / "a") as beside:
        beside.write_bytes(b"ne")
        raise trouble
    assert (tmp_path / "a").read_bytes() == b"old" and os.listdir(tmp_path) == ["a"]
