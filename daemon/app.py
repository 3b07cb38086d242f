"""Builds and runs everything, in one straight function: nearly every step needs what an earlier one made."""

import asyncio
import gc
import logging
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from zoneinfo import ZoneInfo

from daemon.actions import Actions
from daemon.alive import tell_alive
from daemon.assembly import Assembly
from daemon.backups import Backups
from daemon.ballast import Ballast
from daemon.broadcast import Broadcast
from daemon.cards import Cards
from daemon.consumption import MeterKeeper
from daemon.crashes import Crashes
from daemon.disk_watch import DiskWatch
from daemon.due_dates import DueDates
from daemon.explain import Explainer, Live
from daemon.historian.historian import Historian
from daemon.historian.reading import recording
from daemon.inbox import Inbox
from daemon.journal import Journal
from daemon.latency import Latency
from daemon.loop_watch import watch_loop
from daemon.orders import groups
from daemon.patrol import PatrolWatch
from daemon.pipeline import Decision, Pipeline, stream_points
from daemon.points import PointStore
from daemon.publish import AlarmDocuments
from daemon.schedule import Schedule
from daemon.state import StateFolder
from daemon.supervise import SOURCE_PAUSE, restarting
from daemon.unwatched import Unwatched, left_over
from daemon.watchdog import Watchdog
from daemon.web.application import console_hosts, create_app
from daemon.web.auth import SignIn
from daemon.web.card_api import add_card_api
from daemon.web.command_api import add_command_api
from daemon.web.control import Control
from daemon.web.household_api import add_household_api
from daemon.web.meter_api import add_meter_api
from daemon.web.personal import personal
from daemon.web.reports import add_reports
from daemon.web.server import PortTaken, WebServer, bind, when_free
from daemon.web.sessions import Sessions
from daemon.web.site_document import site_document
from daemon.web.stream import Stream
from drivers.mqtt.sequence import Restored
from drivers.mqtt.source import MqttSource
from drivers.source import Source, Writable
from estate.command_keys import read_command_keys
from estate.model import Clock, Delivery, Quality, Sample, SystemClock, nothing, point_id
from rules.engine import Engine

log = logging.getLogger(__name__)


async def watch(assembly: Assembly, state: StateFolder) -> None:
    """Watch the site for ever; cancelled to stop. A failing core task ends it, and systemd starts it anew.

    Restart = fold the journal into the engine, take every point as unknown, start the drivers: nothing
    vanishes, nothing fires twice, and what is already wrong is announced.
    """
    clock = SystemClock()
    site = assembly.site
    release = version("estated")
    watchdog = Watchdog()
    log.info("estated %s, site %s, SQLite %s", release, site.id, sqlite3.sqlite_version)

    async with AsyncExitStack() as resources:
        ballast = Ballast(state.path / "ballast")
        ballast.lay()
        journal = resources.enter_context(Journal(state.journal, ballast))
        engine = Engine(assembly.rules, site.annunciation, assembly.masks)
        last = journal.last_transitions()
        recent = clock.now().utc - timedelta(seconds=site.annunciation.flood.within)
        memory = journal.memory()
        gone = engine.restore(last, memory, journal.announced_since(recent))

        inbox = Inbox()
        points = PointStore(assembly.max_age)
        historian = Historian(site, state.history, inbox.put, clock, assembly.units)
        documents = AlarmDocuments(assembly)
        pipeline = Pipeline(inbox, points, engine, journal, documents, clock, historian.record, watchdog.beat)

        hidden = personal(assembly)
        stream = Stream(pipeline.alarm_rows, pipeline.point_rows, clock, release, hidden)
        latency = Latency(journal, inbox.put, clock)
        broadcast = Broadcast(site.id, documents, last, gone)
        unwatched = Unwatched(last, gone, left_over(memory, engine.alarms), inbox.put, journal.commit, clock)
        devices = [(device, assembly.profiles[device.profile]) for device in site.devices]
        patrol = PatrolWatch(assembly, journal, inbox.put, clock)
        due_dates = DueDates(site, inbox.put, clock)
        meters = MeterKeeper(assembly, state.history, historian, points.latest, historian.record, inbox.put, clock)
        disk_watch = DiskWatch(state.path, ballast, inbox.put, clock)
        backups = Backups(state, site.folder, journal, inbox.put, clock)
        sources: list[Source] = []
        say_alive: Callable[[Pipeline], Coroutine[None, None, None]] | None = None
        writers: dict[str, Writable] = {}
        for bus in site.buses:
            from drivers.modbus.source import ModbusSource

            on_it = [(device, profile) for device, profile in devices if device.bus == bus.id]
            if on_it:
                line = ModbusSource(bus, on_it, inbox.put, clock)
                sources.append(line)
                writers |= {device.id: line for device, _ in on_it}
        if site.dc09 is not None:
            from drivers.dc09.source import Dc09Source

            sources.append(Dc09Source(site.dc09, devices, inbox.put, clock))
        if site.mqtt is not None:
            known = {
                one.device: Restored(one.boots, one.boot, one.contiguous, one.beyond, one.first, one.latest)
                for one in journal.device_histories()
            }
            keys, _ = read_command_keys(site.folder)
            for life_safety in (True, False):
                session = MqttSource(
                    site.mqtt, site.id, devices, life_safety, patrol.deliver, clock, known, site.folder,
                    broadcast.connected if life_safety else nothing, keys,
                )  # fmt: skip
                sources.append(session)
                writers |= dict.fromkeys(session.commanded, session)
                if not life_safety:
                    say_alive = partial(tell_alive, publish=session.publish, site=site.id, release=release, clock=clock)
                if life_safety:  # alarms go out over the session that no flood can hold up
                    broadcast.through(session.publish, session.flush)
        actions = Actions(assembly, points, journal, writers, inbox.put, clock)
        actions.restore(list(engine.standing.values()))
        schedule = Schedule(assembly, actions, points, inbox.put, clock)

        def to_consoles(decisions: Sequence[Decision]) -> None:
            stream.publish("alarms", [one.document for one in decisions])

        for listener in (broadcast.decided, to_consoles, latency.decided, actions.decided):
            pipeline.listen(listener)
        for listener in (broadcast.decided, to_consoles):
            pipeline.listen_renewed(listener)
        pipeline.listen_flood(lambda row: stream.publish("flood", [row]))

        sessions = Sessions()
        sign_in = SignIn(site.users, sessions, clock)
        resources.callback(sign_in.close)
        control = Control(
            site=site_document(assembly),
            alarms=engine.alarms,
            standing=pipeline.standing,
            alarm_list=pipeline.alarm_list,
            operate=pipeline.operate,
            record=journal.commit,
            newest=journal.newest,
            trend=historian.trend,
            report=latency.report,
            figures=latency.figures,
            healthy=lambda: all(one.equipment != "system" for one in pipeline.standing.values()),
            first_shelved=engine.first_shelved,
            personal=hidden,
            version=release,
        )
        try:  # at once, so that who waits for READY=1 finds the console there
            bound = bind(site.console.host, site.console.port)
        except PortTaken:
            bound = None
        port = site.console.port if bound is None else bound.getsockname()[1]
        hosts = console_hosts(site.console.host, port, site.console.names)
        routes = [partial(add_command_api, actions=actions, groups=groups(site.equipment), clock=clock)]
        explainer = Explainer(
            assembly, recording(site, state.history, 10.0), state.journal, Live(engine, points.latest, clock)
        )
        routes.append(
            partial(
                add_reports, explainer=explainer, journal=state.journal, zone=ZoneInfo(site.timezone),
                clock=clock, hides=hidden,
            )
        )  # fmt: skip
        doors = frozenset(item.id for item in site.equipment if item.class_ == "door")
        routes.append(
            partial(
                add_card_api, cards=Cards(journal.card_changes(), journal.commit), doors=doors,
                reads=journal.newest_events, clock=clock,
            )
        )  # fmt: skip
        routes.append(partial(add_household_api, site=site, control=control, clock=clock))
        routes.append(partial(add_meter_api, source=meters.source, meters=meters.meters, clock=clock))
        app = create_app(control, stream, sign_in, sessions, clock, hosts, routes)

        async def say_console(served: bool, why: str) -> None:
            await inbox.put(_told(clock, "console", served, why))

        async def serve_console() -> None:
            listening = bound or await when_free(site.console.host, port, say_console)
            log.info("console on http://%s:%d", site.console.host, port)
            await say_console(True, "")
            await WebServer(app, listening, site.console.trusted_proxy).run_here()

        # Site, rules and modules live as long as the process: walking them in every full collection held the
        # loop up for a third of a second.
        gc.collect()
        gc.freeze()
        crashes = Crashes(inbox.put, clock)
        crashed = crashes.crashed
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pipeline.run(), name="pipeline")
            tasks.create_task(actions.run(), name="actions")
            tasks.create_task(schedule.run(), name="schedule")
            tasks.create_task(watch_loop(), name="loop watch")
            tasks.create_task(crashes.run(), name="crashes")
            tasks.create_task(unwatched.end(), name="unwatched alarms")
            tasks.create_task(
                stream_points(pipeline, lambda: stream.watched, partial(stream.publish, "points")),
                name="points to consoles",
            )
            tasks.create_task(restarting("history", historian.run, crashed), name="history")
            tasks.create_task(restarting(patrol.name, patrol.run, crashed), name=patrol.name)
            for lesser in (due_dates, disk_watch, meters, backups):
                tasks.create_task(restarting(lesser.name, lesser.run, crashed), name=lesser.name)
            for source in sources:
                tasks.create_task(restarting(source.name, source.run, crashed, longest=SOURCE_PAUSE), name=source.name)
            tasks.create_task(serve_console(), name="web")
            if say_alive is not None:
                tasks.create_task(say_alive(pipeline), name="heartbeat")
            kept = "" if journal.set_aside is None else f"the old one is {journal.set_aside}"
            await inbox.put(_told(clock, "journal_intact", journal.set_aside is None, kept))
            watchdog.tell("READY=1")


def _told(clock: Clock, name: str, state: bool, reason: str = "") -> Delivery:
    """A word of the daemon about itself: point `system.<name>`."""
    now = clock.now()
    return Delivery(samples=(Sample(point_id("system", name), state, Quality.GOOD, now.utc, now.mono, reason=reason),))
