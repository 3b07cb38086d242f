"""A server that fails in every way: nothing is lost, nothing waits for it, and the operator learns why."""

import asyncio
import random
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.historian import TrendQuery
from daemon.historian.spool import Spool
from estate.errors import TransportError
from tests.daemon.historian.fake_influx import ACCEPT, ANSWER_LOST, HANG, FakeInflux, Reply, refuse
from tests.daemon.historian.stage import FAST, LEVEL, START, Server, Told, at_work, historian, ramp, sample, until

COUNT = 600  # more than one commit's worth, so that no test waits for the second to pass


@pytest.mark.parametrize(
    ("trouble", "word"),
    [
        (refuse(503, "shutting down"), "outage"),
        (refuse(429, "slow down", "Retry-After: 0"), "outage"),
        (refuse(401, "unauthorized access"), "refused"),
        (refuse(403, "no write permission"), "refused"),
        (refuse(404, "bucket estate not found"), "config"),
        (refuse(307, "elsewhere", "Location: http://192.0.2.1/"), "config"),
        (Reply(200, b"<html>log in to this hotel's network</html>"), "config"),
        (refuse(400, "field type conflict"), "refused"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.status),
)
async def test_nothing_is_lost_while_a_server_refuses_and_it_is_reported_once(
    fake: FakeInflux, tmp_path: Path, trouble: Reply, word: str
) -> None:
    fake.behave = lambda lines: trouble
    told = Told()
    async with at_work(historian(tmp_path, Server(fake.url), told)) as subject:
        subject.record(ramp(COUNT))
        await until(lambda: len(fake.requests) >= 4 and told.words)
        assert told.words == [word]
        assert told.samples[0].reason
        assert subject.state().spooled == COUNT
        assert not subject.state().ok
        fake.behave = lambda lines: ACCEPT
        await until(lambda: len(fake.stored) == COUNT)
        await until(lambda: told.words == [word, "ok"])
        await until(lambda: subject.state().spooled == 0)
        assert (subject.state().ok, subject.state().dropped, subject.state().dead) == (True, 0, 0)


async def test_retry_after_is_waited_for(fake: FakeInflux, tmp_path: Path) -> None:
    fake.behave = lambda lines: refuse(503, "busy", "Retry-After: 250")
    async with at_work(historian(tmp_path, Server(fake.url))) as subject:
        subject.record(ramp(COUNT))
        await until(lambda: fake.requests)
        with suppress(TimeoutError):
            await until(lambda: len(fake.requests) > 1, seconds=0.5)
        assert len(fake.requests) == 1


async def test_a_server_that_hangs_holds_up_neither_the_pipeline_nor_the_spool(
    fake: FakeInflux, tmp_path: Path
) -> None:
    fake.behave = lambda lines: HANG
    told = Told()
    async with at_work(historian(tmp_path, Server(fake.url), told, replace(FAST, request_deadline=1.0))) as subject:
        subject.record(ramp(COUNT))
        await until(lambda: fake.requests)
        loop = asyncio.get_running_loop()
        longest_stall = 0.0
        for second in range(COUNT, 2 * COUNT, 20):
            begun = loop.time()
            subject.record(ramp(20, first=second))
            await asyncio.sleep(0.005)
            longest_stall = max(longest_stall, loop.time() - begun)
        assert longest_stall < 0.6
        await until(lambda: subject.state().spooled == 2 * COUNT)
        await until(lambda: told.words == ["outage"])
        assert "no answer in time" in told.samples[0].reason
        fake.behave = lambda lines: ACCEPT
        await until(lambda: len(fake.stored) == 2 * COUNT)


async def test_an_answer_lost_after_the_server_stored_it_makes_no_second_sample(
    fake: FakeInflux, tmp_path: Path
) -> None:
    fake.behave = lambda lines: ANSWER_LOST if len(fake.requests) < 3 else ACCEPT
    async with at_work(historian(tmp_path, Server(fake.url))) as subject:
        subject.record(ramp(COUNT))
        await until(lambda: len(fake.stored) == COUNT and subject.state().spooled == 0)
    assert len(fake.requests) >= 3
    assert len(fake.stored) == COUNT


@pytest.mark.parametrize("poisoned", [{0}, {COUNT - 1}, {7, 8, 9, 300}, set(range(100, 160))])
async def test_only_the_poison_goes_to_the_dead_letters(fake: FakeInflux, tmp_path: Path, poisoned: set[int]) -> None:
    fake.behave = lambda lines: refuse(400, "type conflict") if any("poison" in x for x in lines) else ACCEPT
    samples = [sample("poison" if i in poisoned else "fine", i, f"d{i}.text") for i in range(COUNT)]
    async with at_work(historian(tmp_path, Server(fake.url))) as subject:
        subject.record(samples)
        await until(lambda: len(fake.stored) == COUNT - len(poisoned))
        await until(lambda: subject.state().spooled == 0)
        assert subject.state().dead == len(poisoned)
        assert subject.state().ok
    spool = Spool(tmp_path / "spool.db", max_rows=10, max_bytes=1000)
    letters = spool.dead_letters()
    spool.close()
    assert {letter.reason for letter in letters} == {"HTTP 400: type conflict"}
    assert all("poison" in letter.line for letter in letters)


async def test_one_bad_line_alone_waits_only_for_the_next_good_one(fake: FakeInflux, tmp_path: Path) -> None:
    fake.behave = lambda lines: refuse(400, "no") if any("poison" in x for x in lines) else ACCEPT
    async with at_work(historian(tmp_path, Server(fake.url))) as subject:
        subject.record([sample("poison", 0)])
        await until(lambda: len(fake.requests) > 2)
        assert subject.state().dead == 0
        subject.record([sample(1.0, 1)])
        await until(lambda: subject.state().dead == 1 and subject.state().spooled == 0)
        assert len(fake.stored) == 1


async def test_a_batch_that_is_too_large_is_sent_in_smaller_parts(fake: FakeInflux, tmp_path: Path) -> None:
    fake.behave = lambda lines: refuse(413, "too large") if len(lines) > 100 else ACCEPT
    async with at_work(historian(tmp_path, Server(fake.url))) as subject:
        subject.record(ramp(COUNT))
        await until(lambda: len(fake.stored) == COUNT and subject.state().spooled == 0)
        assert subject.state().dead == 0


async def test_an_unreliable_server_still_gets_everything_in_the_end(fake: FakeInflux, tmp_path: Path) -> None:
    chance = random.Random(7)
    moods = [refuse(503), refuse(429, "later", "Retry-After: 0"), ANSWER_LOST, ACCEPT, ACCEPT]
    fake.behave = lambda lines: chance.choice(moods)
    async with at_work(historian(tmp_path, Server(fake.url))) as subject:
        subject.record(ramp(20_000))
        await until(lambda: len(fake.requests) > 20)
        fake.behave = lambda lines: ACCEPT
        await until(lambda: len(fake.stored) == 20_000 and subject.state().spooled == 0)
        assert (subject.state().dropped, subject.state().dead) == (0, 0)


async def test_what_happens_now_does_not_wait_for_the_whole_backlog(fake: FakeInflux, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", max_rows=10**6, max_bytes=1 << 30)
    spool.append([f"old,n={i} value=1 1" for i in range(30_000)])
    spool.close()
    fake.behave = lambda lines: replace(ACCEPT, delay=0.05)
    async with at_work(historian(tmp_path, Server(fake.url))) as subject:
        await until(lambda: fake.requests)
        before = len(fake.requests)
        subject.record(ramp(COUNT))
        await until(lambda: len(fake.stored) == 30_000 + COUNT)
    first_new = next(n for n, lines in enumerate(fake.requests) if not lines[0].startswith("old"))
    assert first_new <= before + 4
    old = [line for lines in fake.requests for line in lines if line.startswith("old")]
    assert old == [f"old,n={i} value=1 1" for i in range(30_000)]


async def test_a_new_historian_on_the_same_directory_sends_what_the_last_one_held(
    fake: FakeInflux, tmp_path: Path
) -> None:
    fake.behave = lambda lines: refuse(503)
    async with at_work(historian(tmp_path, Server(fake.url))) as subject:
        subject.record(ramp(COUNT))
        await until(lambda: fake.requests)
        subject.record(ramp(10, first=COUNT))  # still in memory when the end comes
    fake.behave = lambda lines: ACCEPT
    async with at_work(historian(tmp_path, Server(fake.url))):
        await until(lambda: len(fake.stored) == COUNT + 10)


async def test_a_full_spool_keeps_the_newest_says_so_and_counts_the_rest(fake: FakeInflux, tmp_path: Path) -> None:
    fake.behave = lambda lines: refuse(503)
    told = Told()
    async with at_work(historian(tmp_path, Server(fake.url), told, replace(FAST, spool_rows=1000))) as subject:
        subject.record(ramp(5000))
        await until(lambda: subject.state().dropped and subject.state().spooled + subject.state().dropped == 5000)
        await until(lambda: told.words[-1:] == ["full"])
        kept = subject.state().spooled
        assert 900 <= kept <= 1000
        fake.behave = lambda lines: ACCEPT
        await until(lambda: told.words[-1] == "ok")
        await until(lambda: subject.state().spooled == 0)
    assert all(f"value={(5000 - 1 - i) / 10!r}," in " ".join(fake.stored.values()) for i in (0, kept - 1))


async def test_the_token_is_sent_read_anew_after_a_refusal_and_told_to_nobody(
    fake: FakeInflux, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "token").write_text("wrong-secret\n")
    fake.behave = lambda lines: (
        ACCEPT if fake.authorisations[-1] == "token right-secret" else refuse(401, f"bad {fake.authorisations[-1]}")
    )
    told = Told()
    caplog.set_level(0)
    async with at_work(historian(tmp_path, Server(fake.url, token_file="token"), told)) as subject:
        subject.record(ramp(COUNT))
        await until(lambda: told.words == ["refused"])
        (tmp_path / "token").write_text("right-secret\n")
        await until(lambda: len(fake.stored) == COUNT)
        await until(lambda: told.words == ["refused", "ok"])
    assert "HTTP 401: bad token ***" in told.samples[0].reason
    assert "secret" not in caplog.text + repr(told.samples)


async def test_a_missing_token_file_is_a_fault_of_configuration(fake: FakeInflux, tmp_path: Path) -> None:
    told = Told()
    async with at_work(historian(tmp_path, Server(fake.url, token_file="nowhere"), told)) as subject:
        subject.record(ramp(COUNT))
        await until(lambda: told.words == ["config"])
        assert "nowhere" in told.samples[0].reason
        assert fake.requests == []
        (tmp_path / "nowhere").write_text("now it is here")
        await until(lambda: len(fake.stored) == COUNT)


async def test_a_trend_that_cannot_be_read_says_why(fake: FakeInflux, tmp_path: Path) -> None:
    query = TrendQuery(LEVEL, START, START + timedelta(hours=1))
    subject = historian(tmp_path, Server(fake.url), limits=replace(FAST, request_deadline=0.3))
    fake.behave = lambda lines: refuse(400, "no InfluxQL here")
    with pytest.raises(TransportError, match="no InfluxQL here"):
        await subject.trend(query)
    fake.behave = lambda lines: Reply(200, b'{"results":[{"error":"database not found: estate"}]}')
    with pytest.raises(TransportError, match="database not found"):
        await subject.trend(query)
    fake.behave = lambda lines: Reply(200, b"<html>")
    with pytest.raises(TransportError, match="not JSON"):
        await subject.trend(query)
    fake.behave = lambda lines: HANG
    with pytest.raises(TransportError, match="no answer in time"):
        await subject.trend(query)
