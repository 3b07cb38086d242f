"""The floor: one event in, one alarm out, on a blocking socket. No journal, no rules, no memory."""

import json
import sys

from tests.bench import wire


def main(port: int) -> None:
    one = wire.connect(port, "relay-raw")
    wire.subscribe(one, "estate/v1/bench/door/+/event")
    reader = wire.Reader()
    packet = 0
    print("ready", flush=True)
    while data := one.recv(65536):
        out = []
        for first, body in reader.feed(data):
            if first >> 4 != 3:
                continue
            _, number, payload = wire.message(body)
            event = json.loads(payload)
            high = event["type"] == "door.held"
            alarm = {
                "state": "unacknowledged" if high else "normal",
                "cause": {k: event[k] for k in ("dev", "boot", "seq")},
            }
            packet = packet % 65535 + 1
            topic = b"estate/v1/bench/alarm/" + event["dev"].encode() + b".held"
            out.append(wire.publish(topic, json.dumps(alarm).encode(), packet, retain=True))
            out.append(wire.acknowledge(number))
        if out:
            one.sendall(b"".join(out))


if __name__ == "__main__":
    main(int(sys.argv[1]))
