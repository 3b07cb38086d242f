"""Runs the bench: every figure beside a floor measured in the same run. Prints Markdown for the README."""

import argparse
import asyncio
import sys

from tests.bench import console_part, modbus_part, mqtt_part, replay_part, rules_part, scale_part
from tests.bench.measured import machine

PARTS = ("mqtt", "console", "modbus", "rules", "replay", "scale")


def main() -> int:
    parser = argparse.ArgumentParser(prog="estated bench")
    parser.add_argument("parts", nargs="*", default=[])
    parser.add_argument("--quick", action="store_true", help="one short round")
    given = parser.parse_args()
    unknown = set(given.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    wanted = given.parts or PARTS
    lines = [f"Measured on: {machine()}"]
    if "mqtt" in wanted:
        print("MQTT: event to alarm out", flush=True)
        lines += [
            "",
            "### Event to alarm on MQTT",
            "",
            *mqtt_part.report(asyncio.run(mqtt_part.measure(1 if given.quick else 3, given.quick))),
        ]
    if "console" in wanted:
        print("Console: event to row", flush=True)
        lines += [
            "",
            "### Event to row at the console",
            "",
            *console_part.report(asyncio.run(console_part.measure(given.quick))),
        ]
    if "modbus" in wanted:
        print("Modbus: register change to alarm out", flush=True)
        lines += ["", "### Modbus", "", *modbus_part.report(asyncio.run(modbus_part.measure(given.quick)))]
    if "rules" in wanted:
        print("Rules: cost of a change", flush=True)
        lines += ["", "### Rules", "", *rules_part.report(rules_part.measure(given.quick))]
    if "replay" in wanted:
        print("Replay: a recorded month through the rules", flush=True)
        lines += ["", "### Replay", "", *replay_part.report(replay_part.measure(given.quick))]
    if "scale" in wanted:
        print("Scale: a thousand households", flush=True)
        lines += ["", "### A large estate", "", *scale_part.report(asyncio.run(scale_part.measure(given.quick)))]
    print("\n".join(["", *lines]))
    return 1 if any("MISSED" in line for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
