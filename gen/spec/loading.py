# SPDX-License-Identifier: Apache-2.0
"""From a file or a named spec, and overrides, to a validated Spec."""

from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from .. import specs
from .defaults import fill
from .document import Document, dotted, parse
from .explain import explain, is_size
from .fault import Fault, SpecFault, Where
from .model import Spec
from .overrides import apply
from .rules import check
from .section import section_of
from .size import parse_size

__all__ = ["MAX_BYTES", "load", "names"]

MAX_BYTES = 64 * 1024
_FOLDER = resources.files(specs)


def names() -> list[str]:
    """Names of the specs that ship with the package."""
    return sorted(item.name.removesuffix(".yaml") for item in _FOLDER.iterdir()
                  if item.name.endswith(".yaml"))


def load(source: str | Path, overrides: Sequence[str] = ()) -> Spec:
    """Load the spec ``source``: the name of a shipped one, or the path of a YAML file.

    ``overrides`` are ``path=value`` texts, the value in YAML. Setting ``engine.kind`` keeps the
    number of multipliers, and the outputs of the array where the kind allows. Raises SpecFault
    with every fault, whatever is wrong with the file, its text or its values.
    """
    label, raw = _read(source)
    document = _decode(label, raw)
    _find_files(document, Path(label).parent)
    apply(document, overrides)
    spec = _validate(document)
    if spec is None:
        raise SpecFault.of(document.faults)
    return spec


def _read(source: str | Path) -> tuple[str, bytes]:
    known = names()
    if isinstance(source, str) and source in known:
        return f"{source}.yaml", (_FOLDER / f"{source}.yaml").read_bytes()
    listed = f"named specs are {', '.join(known)}"
    try:
        with Path(source).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        looks_like_path = isinstance(source, Path) or "/" in source or "." in source
        what = "no such file" if looks_like_path else "no such spec"
        raise SpecFault([f"{source}: {what}; {listed}, or give the path of a file"]) from None
    except IsADirectoryError:
        raise SpecFault([f"{source}: must be a file, not a folder; {listed}"]) from None
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or str(fault)
        raise SpecFault([f"{source}: cannot be read: {reason}; {listed}"]) from None
    return str(source), raw


def _decode(label: str, raw: bytes) -> Document:
    whole = Where(0, label)
    if len(raw) > MAX_BYTES:
        raise SpecFault.of([Fault(whole, "", f"file must be at most {MAX_BYTES} bytes")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        before = fault.object[:fault.start].decode("utf-8")
        where = Where(0, label, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise SpecFault.of([Fault(where, "", "text must be UTF-8, not byte "
                                  f"0x{fault.object[fault.start]:02x}; save the file as UTF-8")]
                           ) from None
    document = parse(text, lambda line, column: Where(0, label, line, column))
    if document.faults and document.data is None:
        raise SpecFault.of(document.faults)
    if document.data is None:
        raise SpecFault.of([Fault(whole, "", "file must hold a spec, but it is empty; "
                                             "begin with name: and engine:")])
    return document


def _find_files(document: Document, folder: Path) -> None:
    """What the file names lies beside it; what an override names, wherever the user is."""
    if not isinstance(document.data, dict):
        return
    section = document.data.get("front_end")
    if isinstance(section, dict) and isinstance(section.get("network"), str):
        section["network"] = str(folder / section["network"])
    section = document.data.get("cim")
    if isinstance(section, dict) and isinstance(section.get("sources"), list):
        section["sources"] = [str(folder / item) if isinstance(item, str) else item
                              for item in section["sources"]]


def _validate(document: Document) -> Spec | None:
    """The spec, or None and faults in ``document``."""
    faults = document.faults
    bad = set(document.broken)
    try:
        spec = Spec.model_validate(document.data)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            if item["type"] == "rules":
                continue
            path = item["loc"]
            unknown = item["type"] == "extra_forbidden"
            where = document.where(path[:-1] if item["type"] == "missing" else path,
                                   key=unknown or item["type"] == "missing")
            if dotted(path) not in bad:
                faults.append(Fault(where, dotted(path),
                                    explain(path, item["type"], item["input"])))
            bad.add(dotted(path))
    else:
        if not faults:
            return spec
    values = dict(_leaves(Spec, fill(document.data), "", bad))
    for path, sentence in check(values):
        if path not in bad:
            faults.append(Fault(document.where(tuple(path.split("."))), path, sentence))
    return None


def _leaves(model: type[BaseModel], data: Any, prefix: str, bad: set[str]
            ) -> Iterator[tuple[str, Any]]:
    """Valid fields by dotted path, defaults included; nothing of what is ``bad``."""
    if not isinstance(data, dict):
        return
    for name, field in model.model_fields.items():
        path = prefix + name
        inner = section_of(field.annotation)
        if path in bad:
            continue
        if inner is not None and data.get(name, field.default) is not None:
            yield from _leaves(inner, data.get(name, {}), f"{path}.", bad)
        elif name in data:
            yield path, parse_size(data[name]) if is_size(field) else data[name]
        elif not field.is_required():
            yield path, field.get_default(call_default_factory=True, validated_data={})
