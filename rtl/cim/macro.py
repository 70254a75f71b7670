# SPDX-License-Identifier: Apache-2.0
"""The macro that parameters ask for: the digital one, or an instance of a Verilog module."""

from amaranth import ClockSignal, Instance, Module, ResetSignal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from .contract import OPERAND_BITS, MacroParameters, MacroSignature
from .digital import DigitalMacro

__all__ = ["DIGITAL", "PCM", "PCM_MODULE", "ModuleMacro", "macro_of"]

DIGITAL, PCM = "digital", "pcm"
"""Values of ``MacroParameters.macro`` that name no module of the user's."""
PCM_MODULE = "systolith_pcm_macro"


class ModuleMacro(wiring.Component):
    """An instance of a Verilog module that fulfils the contract.

    The module has the parameters ``ROWS``, ``COLUMNS``, ``MUX``, ``ADJACENT`` (0 or 1),
    ``CODE_BITS`` and ``LANES``, the PCM macro's also ``ADC_BITS`` and ``T1`` ... ``T8``; inputs
    ``clk`` and ``rst`` (synchronous, high), and the contract's ports by their names, a stream's
    members behind ``write_``. Fields of ``write_payload`` and elements of ``row_data`` and
    ``codes`` lie in their order from bit 0 on. A platform with ``declare_black_box`` is told of it.

    *Timing*: the contract's.

    *Parameters*: ``p``, the array's.

    *Members*: ``write``, ``row_data``, ``row_enable``, ``adc_enable``, ``phase``, ``is_signed``,
    ``activation_bits``, ``weight_bits``, ``adc_shift``, ``fire``, ``ready``, ``done``,
    ``read_enable``, ``read_group``, ``codes`` (see MacroSignature).
    """

    def __init__(self, p: MacroParameters):
        if p.macro == DIGITAL:
            raise ValueError(f"Macro of a Verilog module must be {PCM!r} or the module's name, not "
                             f"{p.macro!r}")
        if len(p.timing) != OPERAND_BITS:
            raise ValueError(f"Macro {p.macro} must have a timing of {OPERAND_BITS} numbers, not "
                             f"{p.timing!r}")
        self.parameters = p
        super().__init__(MacroSignature(p).flip())

    @property
    def module_name(self) -> str:
        """Of the module."""
        return PCM_MODULE if self.parameters.macro == PCM else self.parameters.macro

    @property
    def module_parameters(self) -> dict[str, int]:
        """The module's, by name."""
        p = self.parameters
        values = {"ROWS": p.rows, "COLUMNS": p.columns, "MUX": p.mux,
                  "ADJACENT": int(p.adjacent), "CODE_BITS": p.code_bits, "LANES": p.lanes}
        if p.macro == PCM:
            values["ADC_BITS"] = p.adc_bits
            values |= {f"T{bits}": cycles for bits, cycles in enumerate(p.timing, 1)}
        return values

    def elaborate(self, platform) -> Module:
        m = Module()
        ports = {"_".join(map(str, path)): (Value.cast(value), member.flow == In)
                 for path, member, value in self.signature.flatten(self)}
        declare = getattr(platform, "declare_black_box", None)
        if declare is not None:
            declare(self.module_name, [
                ("clk", 1, True), ("rst", 1, True),
                *((name, len(value), is_input) for name, (value, is_input) in ports.items())],
                self.module_parameters)
        m.submodules.array = Instance(
            self.module_name, i_clk=ClockSignal(), i_rst=ResetSignal(),
            **{f"p_{name}": value for name, value in self.module_parameters.items()},
            **{f"{'i' if is_input else 'o'}_{name}": value
               for name, (value, is_input) in ports.items()})
        return m


def macro_of(p: MacroParameters) -> DigitalMacro | ModuleMacro:
    """The component with the flipped ``MacroSignature`` of ``p``."""
    return DigitalMacro(p) if p.macro == DIGITAL else ModuleMacro(p)
