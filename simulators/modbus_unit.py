"""One Modbus unit: function codes on a register image, and its ways to answer wrongly or not at all."""

from collections.abc import Callable, Mapping
from random import Random
from typing import ClassVar

from drivers.profile import Table
from estate.errors import CommandRefused, DeviceRefused
from simulators.faults import Breakable, Details
from simulators.modbus_frames import Framing, Request
from simulators.registers import ILLEGAL_VALUE, RegisterImage

ILLEGAL_FUNCTION = 1
READS = {1: Table.COIL, 2: Table.DISCRETE, 3: Table.HOLDING, 4: Table.INPUT}


class Unit(Breakable):
    kind = "modbus"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "mute": "does not answer",
        "slow": "answers late; delay s (0.8)",
        "garbage": "answers noise",
        "exception": "answers with an exception; code (4)",
        "wrong_identity": "another model answers at this address",
        "wrong_function": "answers with another function code",
        "wrong_count": "answers with too few registers",
        "wrong_transaction": "answers with another transaction id (TCP)",
        "wrong_unit": "answers with another unit id",
        "power_loss": "without supply: silent, outputs fall",
    }

    def __init__(self, name: str, image: RegisterImage, random: Random) -> None:
        super().__init__(name)
        self.image = image
        self._random = random
        self.powered: Callable[[bool], None] = lambda on: None
        """Told when the unit's own supply goes or comes."""

    def begin(self, fault: str, details: Details) -> None:
        if fault == "wrong_identity":
            if self.image.section.probe is None:
                raise CommandRefused(f"the profile of {self.name} has no probe: nobody would notice")
            self.image.wrong_identity = True
        elif fault == "power_loss":
            self.image.drop_outputs()
            self.powered(False)

    def end(self, fault: str) -> None:
        if fault == "wrong_identity":
            self.image.wrong_identity = False
        elif fault == "power_loss":
            self.powered(True)

    @property
    def is_silent(self) -> bool:
        return "mute" in self.faults or "power_loss" in self.faults

    @property
    def delay(self) -> float:
        """What a slow unit takes longer, s."""
        return self.detail("slow", "delay", 0.8) if "slow" in self.faults else 0.0

    def reply(self, request: Request, framing: Framing) -> bytes:
        """The whole answer on the wire, spoilt by what faults stand."""
        if "garbage" in self.faults:
            return self._random.randbytes(self._random.randint(5, 20))
        if "exception" in self.faults:
            pdu = bytes([request.pdu[0] | 0x80, int(self.detail("exception", "code", 4))])
        else:
            pdu = self.answer(request.pdu)
        if "wrong_function" in self.faults:
            pdu = bytes([4 if pdu[0] == 3 else 3]) + pdu[1:]
        if "wrong_count" in self.faults and pdu[0] in (3, 4):
            pdu = bytes([pdu[0], pdu[1] - 2]) + pdu[2:-2] if pdu[1] > 2 else bytes([pdu[0], 4]) + pdu[2:] * 2
        unit = request.unit ^ 1 if "wrong_unit" in self.faults else request.unit
        transaction = request.transaction ^ 0x4000 if "wrong_transaction" in self.faults else request.transaction
        return framing.frame(Request(unit, request.pdu, transaction), pdu)

    def answer(self, pdu: bytes) -> bytes:
        """The right answer to a request, or the exception it deserves."""
        function = pdu[0]
        try:
            if function in READS and len(pdu) == 5:
                return self._read(function, *_words(pdu[1:5]))
            if function in (5, 6) and len(pdu) == 5:
                return self._write_one(pdu, *_words(pdu[1:5]))
            if function in (15, 16) and len(pdu) > 5:
                return self._write_many(pdu, *_words(pdu[1:5]))
        except DeviceRefused as refusal:
            return bytes([function | 0x80, refusal.code])
        return bytes([function | 0x80, ILLEGAL_VALUE if function in (*READS, 5, 6, 15, 16) else ILLEGAL_FUNCTION])

    def _read(self, function: int, address: int, count: int) -> bytes:
        values = self.image.read(READS[function], address, count)
        packed = _pack(values) if READS[function].is_bits else b"".join(value.to_bytes(2, "big") for value in values)
        return bytes([function, len(packed)]) + packed

    def _write_one(self, pdu: bytes, address: int, value: int) -> bytes:
        if pdu[0] == 5:
            if value not in (0, 0xFF00):
                raise DeviceRefused(ILLEGAL_VALUE, f"{value:#x} switches nothing")
            self.image.write(Table.COIL, address, [value >> 15])
        else:
            self.image.write(Table.HOLDING, address, [value])
        return pdu

    def _write_many(self, pdu: bytes, address: int, count: int) -> bytes:
        data = pdu[6:]
        expected = (count + 7) // 8 if pdu[0] == 15 else 2 * count
        if not count or len(data) != expected or pdu[5] != expected:
            raise DeviceRefused(ILLEGAL_VALUE, "count and bytes disagree")
        if pdu[0] == 15:
            self.image.write(Table.COIL, address, [data[i // 8] >> i % 8 & 1 for i in range(count)])
        else:
            self.image.write(Table.HOLDING, address, _words(data))
        return pdu[:5]


def _words(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


def _pack(bits: list[int]) -> bytes:
    packed = bytearray((len(bits) + 7) // 8)
    for index, bit in enumerate(bits):
        packed[index // 8] |= bit << index % 8
    return bytes(packed)
