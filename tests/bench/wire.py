"""The least MQTT 3.1.1 that a relay and a load generator need, on plain sockets: the floor to compare with."""

import socket
from collections.abc import Iterator


def connect(port: int, client: str) -> socket.socket:
    """A blocking socket with a clean session and TCP_NODELAY."""
    one = socket.create_connection(("127.0.0.1", port))
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name = client.encode()
    body = b"\x00\x04MQTT\x04\x02\x00\x3c" + len(name).to_bytes(2, "big") + name
    one.sendall(b"\x10" + _length(len(body)) + body)
    answer = _exactly(one, 4)
    if answer[3] != 0:
        raise ConnectionError(f"the broker refused: {answer[3]}")
    return one


def subscribe(one: socket.socket, topic: str) -> None:
    name = topic.encode()
    body = b"\x00\x01" + len(name).to_bytes(2, "big") + name + b"\x01"
    one.sendall(b"\x82" + _length(len(body)) + body)
    _exactly(one, 5)


def publish(topic: bytes, payload: bytes, packet: int, retain: bool = False) -> bytes:
    """A PUBLISH with QoS 1."""
    size = 2 + len(topic) + 2 + len(payload)
    first = b"\x33" if retain else b"\x32"
    return first + _length(size) + len(topic).to_bytes(2, "big") + topic + packet.to_bytes(2, "big") + payload


def acknowledge(packet: int) -> bytes:
    return b"\x40\x02" + packet.to_bytes(2, "big")


class Reader:
    """Cuts a byte stream into packets."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """(first byte, body) of every whole packet."""
        buffer = self._rest + data
        start = 0
        while True:
            position = start + 1
            size = shift = 0
            while position < len(buffer):
                byte = buffer[position]
                size |= (byte & 0x7F) << shift
                shift += 7
                position += 1
                if not byte & 0x80:
                    break
            else:
                break
            if len(buffer) < position + size:
                break
            yield buffer[start], buffer[position : position + size]
            start = position + size
        self._rest = buffer[start:]


def message(body: bytes) -> tuple[bytes, int, bytes]:
    """(topic, packet id, payload) of the body of a QoS 1 PUBLISH."""
    size = int.from_bytes(body[:2], "big")
    return body[2 : 2 + size], int.from_bytes(body[2 + size : 4 + size], "big"), body[4 + size :]


def _length(size: int) -> bytes:
    out = bytearray()
    while True:
        size, low = divmod(size, 128)
        out.append(low | 0x80 if size else low)
        if not size:
            return bytes(out)


def _exactly(one: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = one.recv(size - len(data))
        if not more:
            raise ConnectionError("the broker closed the connection")
        data += more
    return data
