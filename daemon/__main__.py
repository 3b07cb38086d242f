"""The commands of `estated`: arguments only, each command is a file in daemon/commands."""

import argparse
import sys
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="estated", description="The estate daemon 小区设备监控守护进程")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="watch a site (until SIGTERM)")
    run.add_argument("site", type=Path, help="the site folder")
    run.add_argument(
        "--state", type=Path, default=Path("/var/lib/estated"), help="journal and history (default %(default)s)"
    )
    run.add_argument("--log", default="info", choices=["debug", "info", "warning"], help="default %(default)s")

    check = commands.add_parser("check", help="find every mistake in a site folder")
    check.add_argument("site", type=Path)
    check.add_argument("--language", choices=["zh", "en"], default="en")

    test = commands.add_parser("test", help="play the stories of a site on a clock of their own")
    test.add_argument("site", type=Path, nargs="?", help="default: no site, only the stories of the stock rules")
    test.add_argument("--story", metavar="NAME", help="only this one: its file without .yaml, or part of its sentence")
    test.add_argument("--library", action="store_true", help="the stories of the stock rules too")
    test.add_argument("--language", choices=["zh", "en"], default="en")

    simulate = commands.add_parser("simulate", help="play every device of a site on loopback ports")
    simulate.add_argument("site", type=Path)
    simulate.add_argument(
        "--into", type=Path, required=True, help="where to write the site folder that points at the simulators"
    )
    simulate.add_argument("--broker", default="127.0.0.1:1883", help="MQTT broker host:port (default %(default)s)")
    simulate.add_argument("--username")
    simulate.add_argument("--password-file", type=Path)
    simulate.add_argument("--protocol", choices=["5", "3.1.1"], default="5")
    simulate.add_argument("--console-port", type=int)
    simulate.add_argument("--control-port", type=int, default=0, help="of the fault interface (default: any free one)")
    simulate.add_argument("--speed", type=float, default=1.0, help="simulated seconds per second (default %(default)s)")
    simulate.add_argument("--seed", type=int, default=1)

    demo = commands.add_parser("demo", help="simulators, broker, daemon and console in one go")
    demo.add_argument("site", type=Path, nargs="?", help="default: the example site riverside")
    demo.add_argument(
        "--port", type=int, default=8470, help="of the console; a free one when taken (default %(default)s)"
    )
    demo.add_argument("--quiet", action="store_true", help="no incidents: only what you inject yourself")
    demo.add_argument("--embedded", action="store_true", help="use the embedded broker even if Mosquitto is installed")
    demo.add_argument("--seed", type=int, default=1)

    bench = commands.add_parser("bench", help="measure latency, loss and cost against a floor in the same run")
    bench.add_argument("parts", nargs="*", help="mqtt, console, modbus (default: all)")
    bench.add_argument("--quick", action="store_true", help="shorter rounds")

    user = commands.add_parser("user", help="set the password of a user in people.yaml")
    user.add_argument("site", type=Path)
    user.add_argument("user", help="the user's id in people.yaml")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    given = parser().parse_args(arguments)
    match given.command:
        case "run":
            from daemon.commands.run import main_run

            return main_run(given.site, given.state, given.log)
        case "check":
            from daemon.commands.check import main_check

            return main_check(given.site, given.language)
        case "test":
            from daemon.commands.test import main_test

            return main_test(given.site, given.story, given.library, given.language)
        case "simulate":
            from simulators.play import main_simulate

            return main_simulate(given)
        case "demo":
            from daemon.commands.demo import main_demo

            return main_demo(given.site, given.port, given.quiet, given.embedded, given.seed)
        case "bench":
            from daemon.commands.bench import main_bench

            return main_bench(given.parts, given.quick)
        case _:
            from daemon.commands.user import main_user

            return main_user(given.site, given.user)


if __name__ == "__main__":
    sys.exit(main())
