# SPDX-License-Identifier: Apache-2.0
import json

import pytest
from systolith.gen.cli.directory import MARKER, DirectoryFault, atomic_directory


def write(path, command="generate", *, force=False, name="top.v"):
    with atomic_directory(path, command, force=force) as folder:
        (folder / name).write_text("module\n")


def nothing_left_over(tmp_path):
    return not [item for item in tmp_path.rglob(".*") if item.name != MARKER]


def test_new_folder_and_its_parents_are_made(tmp_path):
    write(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "top.v").read_text() == "module\n"
    assert json.loads((tmp_path / "a" / "b" / MARKER).read_text()) == {
        "command": "generate", "files": ["top.v"]}
    assert (tmp_path / "a" / "b").stat().st_mode & 0o700 == 0o700
    assert nothing_left_over(tmp_path)


def test_failure_leaves_nothing(tmp_path):
    with (pytest.raises(RuntimeError, match="halfway"),
          atomic_directory(tmp_path / "a", "generate") as folder):
        (folder / "top.v").touch()
        raise RuntimeError("halfway")
    assert list(tmp_path.iterdir()) == []


def test_failure_leaves_the_earlier_output(tmp_path):
    write(tmp_path / "a")
    with (pytest.raises(RuntimeError, match="halfway"),
          atomic_directory(tmp_path / "a", "generate") as folder):
        (folder / "other.v").touch()
        raise RuntimeError("halfway")
    assert sorted(item.name for item in (tmp_path / "a").iterdir()) == [MARKER, "top.v"]
    assert nothing_left_over(tmp_path)


def test_empty_folder_is_used(tmp_path):
    (tmp_path / "a").mkdir()
    write(tmp_path / "a")
    assert (tmp_path / "a" / "top.v").exists()


def test_own_output_is_replaced_as_a_whole(tmp_path):
    write(tmp_path / "a", name="old.v")
    write(tmp_path / "a", name="new.v")
    assert sorted(item.name for item in (tmp_path / "a").iterdir()) == [MARKER, "new.v"]
    assert nothing_left_over(tmp_path)


def test_link_to_a_folder_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "top.v").exists()


def test_foreign_folder_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis.tex").write_text("years")
    with pytest.raises(DirectoryFault) as caught:
        write(tmp_path / "a")
    assert str(caught.value) == (
        f"{tmp_path / 'a'}: folder must be new or empty, but it holds files that systolith did "
        "not write; choose another, or give --force to replace all of it")
    assert (tmp_path / "a" / "thesis.tex").read_text() == "years"


def test_own_output_with_a_foreign_file_is_refused(tmp_path):
    write(tmp_path / "a")
    (tmp_path / "a" / "notes.txt").touch()
    with pytest.raises(DirectoryFault, match="did not write, such as notes.txt; choose another"):
        write(tmp_path / "a")


def test_output_of_another_command_is_refused(tmp_path):
    write(tmp_path / "a", "generate")
    with pytest.raises(DirectoryFault, match="it holds what 'systolith generate' wrote; choose"):
        write(tmp_path / "a", "compile")


@pytest.mark.parametrize("marker", ["", "[]", "{}", '{"command": "generate", "files": 3}'])
def test_damaged_marker_is_foreign(marker, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / MARKER).write_text(marker)
    with pytest.raises(DirectoryFault, match="it holds files that systolith did not write"):
        write(tmp_path / "a")


def test_force_replaces_what_is_there(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis.tex").touch()
    write(tmp_path / "a", force=True)
    assert sorted(item.name for item in (tmp_path / "a").iterdir()) == [MARKER, "top.v"]


def test_file_in_the_way_is_refused_even_with_force(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(DirectoryFault, match="output must be a folder, not a file"):
        write(tmp_path / "a", force=True)


def test_folder_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DirectoryFault, match="folder cannot be written: "):
        write(tmp_path / "file" / "a")


@pytest.mark.parametrize("path", [".", "..", "/"])
def test_folder_around_the_user_is_refused_even_with_force(path, tmp_path, monkeypatch):
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    with pytest.raises(DirectoryFault, match="output must be a folder of its own, not the current "
                                             "or home folder or one around them"):
        write(path, force=True)


def test_refused_replacement_brings_the_old_output_back(tmp_path, monkeypatch):
    write(tmp_path / "a", name="old.v")
    from pathlib import Path

    rename = Path.rename

    def stubborn(self, target):
        if self.name.startswith(".a.") and "old" not in self.name:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", stubborn)
    with pytest.raises(DirectoryFault, match="folder cannot be written: Input/output error"):
        write(tmp_path / "a", name="new.v")
    assert (tmp_path / "a" / "old.v").exists()
    assert nothing_left_over(tmp_path)
