"""The commands of `estated`: arguments only, each command is a file in daemon/commands."""

import argparse
import os
import re
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
    check.add_argument("--strict", action="store_true", help="exit 1 for warnings too")

    test = commands.add_parser("test", help="play the stories of a site on a clock of their own")
    test.add_argument("site", type=Path, nargs="?", help="default: no site, only the stories of all stock rules")
    test.add_argument("--story", metavar="NAME", help="only this one: its file without .yaml, or part of its sentence")
    test.add_argument("--library", action="store_true", help="the stories of its stock rules too")
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

    explain = commands.add_parser("explain", help="why an alarm came, or why not, at any moment")
    explain.add_argument("site", type=Path)
    explain.add_argument("alarm", help="its id, as in sump-1.high_level")
    explain.add_argument("--at", help="2026-03-01T08:30, in the site's zone (default: the newest moment recorded)")

    replay = commands.add_parser("replay", help="recorded history through the site's rules, or through changed ones")
    replay.add_argument("site", type=Path)
    replay.add_argument("--rules", type=Path, metavar="NEW_SITE", help="a copy of the site folder with other rules")

    kpi = commands.add_parser("kpi", help="alarm figures of a period, per shift and position")
    kpi.add_argument("site", type=Path, nargs="?", help="its time zone is used")
    kpi.add_argument("--zone", default="Asia/Shanghai", help="without a site (default %(default)s)")
    kpi.add_argument("--shift", default="", help="when the shifts change: 08:00,20:00")
    kpi.add_argument("--json", action="store_true", help="for other programs")

    meters = commands.add_parser("meters", help="what the meters counted by day or month, balance and yield")
    meters.add_argument("site", type=Path)
    meters.add_argument("--by", choices=["day", "month"], default="day", help="default %(default)s")
    meters.add_argument("--from", dest="start", metavar="DAY", help="2026-03-01 (default: six days before the last)")
    meters.add_argument("--to", dest="end", metavar="DAY", help="included (default: today)")
    meters.add_argument("--json", action="store_true", help="for other programs")

    for one in (explain, replay, kpi, meters):
        one.add_argument("--state", type=Path, default=Path("/var/lib/estated"), help="default %(default)s")
        one.add_argument("--language", choices=["zh", "en"], default="zh")
    for one in (replay, kpi):
        one.add_argument("--from", dest="start", required=True, metavar="TIME", help="2026-03-01 or 2026-03-01T08:30")
        one.add_argument("--to", dest="end", required=True, metavar="TIME", help="not included")

    bench = commands.add_parser("bench", help="measure latency, loss and cost against a floor in the same run")
    bench.add_argument("parts", nargs="*", help="mqtt, console, modbus, rules, replay, scale (default: all)")
    bench.add_argument("--quick", action="store_true", help="shorter rounds")

    probe = commands.add_parser("probe", help="read one Modbus device once, raw beside decoded; writes nothing")
    probe.add_argument("site", type=Path)
    probe.add_argument("device", help="its id in the site")
    probe.add_argument("--json", action="store_true")
    probe.add_argument("--language", choices=["zh", "en"], default="en")

    scan = commands.add_parser("scan", help="find the units of a Modbus bus; writes nothing")
    scan.add_argument("site", type=Path, nargs="?", help="default: no site, the line is given by --tcp or --serial")
    scan.add_argument("bus", nargs="?", help="its id in the site")
    scan.add_argument("--tcp", metavar="HOST:PORT")
    scan.add_argument("--framing", choices=["tcp", "rtu"])
    scan.add_argument("--serial", metavar="DEVICE")
    scan.add_argument("--baud", type=int)
    scan.add_argument("--parity", choices=["N", "E", "O"])
    scan.add_argument("--timeout", type=float, help="s to wait for each unit")
    scan.add_argument("--units", type=_span, default="1-247", metavar="FIRST-LAST", help="default %(default)s")
    scan.add_argument("--json", action="store_true")
    scan.add_argument("--language", choices=["zh", "en"], default="en")

    backup = commands.add_parser("backup", help="copy journal, totals and site now; the daemon may run")
    backup.add_argument("site", type=Path, nargs="?", help="copied too if given")
    restore = commands.add_parser("restore", help="put a backup back; the daemon has to be stopped")
    restore.add_argument("name", nargs="?", help="default: list the backups there are")
    for one in (backup, restore):
        one.add_argument("--state", type=Path, default=Path("/var/lib/estated"), help="default %(default)s")

    keys = commands.add_parser("keys", help="make the keys that sign commands over MQTT")
    keys.add_argument("site", type=Path)

    user = commands.add_parser("user", help="set the password of a user in people.yaml")
    user.add_argument("site", type=Path)
    user.add_argument("user", help="the user's id in people.yaml")
    return top


def _span(text: str) -> tuple[int, int]:
    """Units of a bus, both included: `1-247`, or one of them."""
    found = re.fullmatch(r"([0-9]{1,3})(?:-([0-9]{1,3}))?", text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found is not None else (1, 0)
    if not first <= last <= 255:
        raise argparse.ArgumentTypeError(f"{text!r} are no units; write 1-247, or one number")
    return first, last


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    given = parser().parse_args(arguments)
    try:
        code = _done(given)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read on (`| head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _done(given: argparse.Namespace) -> int:
    match given.command:
        case "run":
            from daemon.commands.run import main_run

            return main_run(given.site, given.state, given.log)
        case "check":
            from daemon.commands.check import main_check

            return main_check(given.site, given.language, given.strict)
        case "test":
            from daemon.commands.test import main_test

            return main_test(given.site, given.story, given.library, given.language)
        case "simulate":
            from daemon.commands.simulate import main_simulate

            return main_simulate(given)
        case "demo":
            from daemon.commands.demo import main_demo

            return main_demo(given.site, given.port, given.quiet, given.embedded, given.seed)
        case "explain":
            from daemon.commands.explain import main_explain

            return main_explain(given.site, given.state, given.alarm, given.at, given.language)
        case "replay":
            from daemon.commands.replay import main_replay

            return main_replay(given.site, given.state, given.start, given.end, given.rules, given.language)
        case "kpi":
            from daemon.commands.kpi import main_kpi

            return main_kpi(
                given.site,
                given.state,
                given.start,
                given.end,
                given.shift,
                given.zone,
                given.language,
                given.json,
            )
        case "meters":
            from daemon.commands.meters import main_meters

            return main_meters(given.site, given.state, given.by, given.start, given.end, given.language, given.json)
        case "bench":
            from daemon.commands.bench import main_bench

            return main_bench(given.parts, given.quick)
        case "probe":
            from daemon.commands.probe import main_probe

            return main_probe(given.site, given.device, given.language, given.json)
        case "scan":
            from daemon.commands.scan import main_scan

            line = {key: getattr(given, key) for key in ("tcp", "framing", "serial", "baud", "parity", "timeout")}
            return main_scan(given.site, given.bus, line, given.units, given.language, given.json)
        case "backup":
            from daemon.commands.backup import main_backup

            return main_backup(given.state, given.site)
        case "restore":
            from daemon.commands.backup import main_restore

            return main_restore(given.state, given.name)
        case "keys":
            from daemon.commands.keys import main_keys

            return main_keys(given.site)
        case _:
            from daemon.commands.user import main_user

            return main_user(given.site, given.user)


if __name__ == "__main__":
    sys.exit(main())
