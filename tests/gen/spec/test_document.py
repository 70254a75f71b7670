# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.gen.spec.document import MAX_DEPTH, Document, dotted, parse
from systolith.gen.spec.fault import Where


def read(text) -> Document:
    return parse(text, lambda line, column: Where(0, "t", line, column))


def faults(text):
    return [str(fault) for fault in read(text).faults]


@pytest.mark.parametrize(("text", "value"), [
    ("010", 10), ("0o10", 8), ("0x1F", 31), ("-7", -7), ("1_000", "1_000"),
    ("1:30", "1:30"), ("190:20:30", "190:20:30"), ("2024-01-01", "2024-01-01"),
    ("yes", "yes"), ("no", "no"), ("on", "on"), ("Off", "Off"), ("y", "y"), ("=", "="),
    ("true", True), ("False", False), ("null", None), ("~", None), ("", None), ("nil", "nil"),
    ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("1.", 1.0), ("-.inf", float("-inf")),
    ("0b11", "0b11"), ("'010'", "010"), ("<<", "<<"),
])
def test_scalar_is_read_as_yaml_1_2(text, value):
    found = read(f"key: {text}")
    assert not found.faults
    assert found.data == {"key": value}
    assert type(found.data["key"]) is type(value)


def test_values_and_keys_have_places():
    found = read("a:\n  b: [1, 22]\n")
    assert str(found.where(("a", "b", 1))) == "t:2:10"
    assert str(found.where(("a", "b"), key=True)) == "t:2:3"
    assert str(found.where(("a", "none"))) == "t:1:1"


def test_path_is_written_with_dots_and_brackets():
    assert dotted(("a", "b", 2, "c")) == "a.b[2].c"


def test_alias_is_expanded():
    assert read("a: &x {b: 1}\nc: *x\n").data == {"a": {"b": 1}, "c": {"b": 1}}


def test_alias_bomb_is_refused():
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"{name}: &{name} [{', '.join([f'*{chr(ord(name) - 1)}'] * 9)}]"
              for name in "bcdefghijklmnop"]
    assert faults("\n".join(lines)) == [
        "t:1:1: must hold at most 4096 values, aliases expanded"]


def test_alias_of_itself_is_refused():
    assert faults("a: &x [*x]") == [
        "t:1:4: a[0]: must not be an alias of something that holds it"]


def test_deep_nesting_is_refused():
    assert faults("[" * 60000) == [
        f"t:1:{MAX_DEPTH + 1}: this is not valid YAML: must be nested at most {MAX_DEPTH} deep"]


@pytest.mark.parametrize(("text", "sentence"), [
    ("a: b: c", "t:1:5: this is not valid YAML: mapping values are not allowed here"),
    ("a: [1", ("t:1:6: this is not valid YAML: while parsing a flow sequence, expected ',' or ']', "
               "but got '<stream end>'")),
    ("a: 1\n---\nb: 2", ("t:2:1: this is not valid YAML: expected a single document in the stream, "
                         "but found another document")),
    ("a: *x", "t:1:4: this is not valid YAML: found undefined alias 'x'"),
    ("a:\n\t- 1", ("t:2:1: this is not valid YAML: while scanning for the next token, found "
                   "character '\\t' that cannot start any token")),
    ("a: 1\nb: \x07", "t:2:4: text must be printable characters, not U+0007"),
    ("a: 1\na: 2\na: 3", "t:2:1: a: key must be given once, not again after line 1; remove one"),
    ("7: 1", "t:1:1: key must be a name, not '7'"),
    ("{[1]: 1}", "t:1:2: key must be a name, not a list or mapping"),
    ("a: !!python/object/apply:os.system [ls]",
     ("t:1:4: a: must have no tag, not 'tag:yaml.org,2002:python/object/appl...; write a plain "
      "value")),
    ("a: !size 4", "t:1:4: a: must have no tag, not '!size'; write a plain value"),
    ("a: !!int x", "t:1:4: a: must be a plain value, not 'x' as int"),
])
def test_fault(text, sentence):
    assert faults(text)[0] == sentence


def test_number_of_many_digits_is_a_fault():
    assert faults(f"a: {'9' * 5000}")[0].startswith("t:1:4: a: must be a plain value, not '999")
