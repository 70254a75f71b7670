# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between a host and a board."""

__all__ = ["BoardReset", "BusFault", "Garbled", "HostFault", "NoAnswer", "PortFault", "Refused",
           "RunFault", "WrongBitstream"]


class HostFault(RuntimeError):
    """One sentence on what is wrong, for the user."""


class PortFault(HostFault):
    """The serial port cannot be used."""


class NoAnswer(HostFault):
    """Nothing came in time."""


class Garbled(HostFault):
    """What went over the line was damaged."""


class Refused(HostFault):
    """The board does not know the request, or speaks another protocol."""


class BusFault(HostFault):
    """The accelerator answered an access with an error."""


class BoardReset(HostFault):
    """The board was reset since it was connected to."""


class WrongBitstream(HostFault):
    """The board holds the accelerator of another spec."""


class RunFault(HostFault):
    """A run ended with an error, or did not end."""
