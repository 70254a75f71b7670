# placeholder until asic-timing's
from dataclasses import dataclass, field
@dataclass(frozen=True)
class Instance:
    name: str
    cell: str
    pins: dict
@dataclass
class Netlist:
    name: str
    nets: int
    instances: list
    inputs: dict = field(default_factory=dict)
    outputs: dict = field(default_factory=dict)
    clock: int | None = None
