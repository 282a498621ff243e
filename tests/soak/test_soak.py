"""Some seconds of `make soak`; that its verdict can be bad; and that its users notice what they must notice."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import signal
import subprocess
import sys
from collections import Counter

import pytest

from soak.__main__ import main, report
from soak.attacks import ATTACKS, REFUSED, SEEDS, Attacker, refused
from soak.floods import FLOODS
from soak.ledger import Ledger
from soak.processes import TESTS, backend
from soak.run import Plan, run, write_samples
from soak.table import CORE, GUEST, Configuration
from soak.users import User
from soak.verdict import MIB, Check, growth, judge, passed, slope, table
from soak.watch import Sample

IDLE = Sample(
    at=0.0, memory={1: 50 * MIB, 2: 30 * MIB}, files={1: 20, 2: 18}, cpu={1: 0.0, 2: 0.0}, live={"tables": 1, "clients": 0},
    counters={}, restarts=0, generation=1, workers=[2],
)  # fmt: skip


def test_some_seconds_of_it(tmp_path):
    """Attacks that last are cut short by the end; the real run lets each have its time."""
    lines: list[str] = []
    outcome = run(
        Plan(seconds=6.0, users=10, pause=0.05, rate=60.0, slow=10, step=1.0, change=1.0), tmp_path, lines.append
    )
    assert passed(outcome.checks), report(outcome)
    assert len(lines) >= 3
    assert "users' requests" in lines[-1]
    ledger = outcome.ledger
    assert ledger.users > 3
    assert sum(ledger.requests.values()) > 100
    assert {"GET, length answer", "POST, chunked upload"} <= set(ledger.requests)
    assert sum(ledger.attacks.values()) > 100
    assert {"400", "502"} <= set(ledger.statuses)
    assert ledger.changes >= 4
    write_samples(outcome, tmp_path / "samples")
    assert len((tmp_path / "samples").read_text().splitlines()) == len(outcome.samples)


def test_it_can_be_ended_early_and_still_judges():
    command = [sys.executable, "-m", "soak", "--users", "5", "--rate", "20", "--slow", "2"]
    process = subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        try:
            assert "users' requests" in process.stdout.readline()  # the load has begun
        finally:
            process.send_signal(signal.SIGINT)
            said = process.stdout.read()
            code = process.wait()
    assert "soak: passed" in said, said
    assert code == 0


def test_every_attack_by_itself(tmp_path):
    """Against a backend without a proxy, which is ended by none: each is what it says, not an error in itself."""

    async def all_of_them(port: int) -> Ledger:
        ledger = Ledger()
        attacker = Attacker(("127.0.0.1", port), ledger, random.Random(3))
        for attack in (*ATTACKS, *FLOODS):
            try:
                async with asyncio.timeout(1.0):
                    await attack(attacker)
            except TimeoutError:  # it lasts
                ledger.answered(attack.__name__, b"")
            except OSError:
                ledger.answered(attack.__name__, b"")
        return ledger

    with backend("soak.good_backend", "x") as (port,):
        ledger = asyncio.run(all_of_them(port))
    assert len(ledger.attacks) == len(ATTACKS) + len(FLOODS), ledger.attacks
    assert len(REFUSED) > 200
    assert len(SEEDS) > 500


def test_what_follows_a_refused_message_is_seen_if_it_is_taken():
    """By a server that answers everything 200."""

    async def meet() -> Ledger:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1000)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nuser-1 hello")
            writer.close()

        ledger = Ledger()
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            address = server.sockets[0].getsockname()
            for seed in range(20):
                await refused(Attacker(address, ledger, random.Random(seed)))
        return ledger

    ledger = asyncio.run(meet())
    assert any("which wants 400" in text for text in ledger.texts)
    assert any("a user's answer" in text for text in ledger.texts)


LIES = {
    "status": (b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", "status 503"),
    "token": (b"HTTP/1.1 200 x\r\nContent-Length: 0\r\nX-Token: user-0\r\n\r\n", "somebody else's answer"),
    "cut": (b"HTTP/1.1 200 x\r\nContent-Length: 10\r\n\r\nx", "RemoteProtocolError"),
    "garbage": (b"SSH-2.0-x\r\n\r\n", "RemoteProtocolError"),
    "nothing": (b"", "RemoteProtocolError"),
    "no cookie": (b"HTTP/1.1 200 x\r\nContent-Length: 0\r\nX-Token: TOKEN\r\n\r\n", "0 cookies"),
    "digest": (b"HTTP/1.1 200 x\r\nX-Token: TOKEN\r\nSet-Cookie: stick=1\r\nContent-Length: 0\r\n\r\n", "another body"),
}


async def _lied_to(answers: list[bytes]) -> Ledger:
    """A user whose server gives these answers, one a connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        token = head.partition(b"X-Token: ")[2].partition(b"\r\n")[0]
        writer.write(answers[0].replace(b"TOKEN", token))
        writer.close()

    ledger = Ledger()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        address = server.sockets[0].getsockname()
        for seed in range(3):  # one of them begins with a request, not with a WebSocket
            await User(address, ledger, random.Random(seed), frozenset(CORE)).visit(0.001, asyncio.Event())
    return ledger


@pytest.mark.parametrize("lie", LIES)
def test_a_user_that_is_lied_to_is_harmed(lie):
    answer, complaint = LIES[lie]
    ledger = asyncio.run(_lied_to([answer]))
    assert sum(ledger.harm.values()) == 3
    assert any(complaint in text for text in ledger.texts), ledger.texts


def test_a_user_without_a_sticky_proxy_is_harmed():
    """There is no cookie."""

    async def visit(port: int) -> Ledger:
        ledger = Ledger()
        await User(("127.0.0.1", port), ledger, random.Random(1), frozenset(CORE)).visit(0.001, asyncio.Event())
        return ledger

    with backend("soak.good_backend", "x") as (port,):
        assert "0 cookies with the first answer" in asyncio.run(visit(port)).texts[0]


def test_a_user_that_is_moved_is_harmed_unless_its_backend_may_leave():
    def user(backend: str) -> User:
        user = User(("", 0), Ledger(), random.Random(1), frozenset(CORE))
        user.backend, user._token = backend, "t"
        return user

    fields = {"x-token": "t", "x-backend": "b"}
    for backend_of_theirs, cookies, complaint in (("a", ["stick=2"], "moved from a to b"), ("d", [], "has been on d")):
        with pytest.raises(Exception, match=complaint):
            user(backend_of_theirs)._check(200, fields, cookies)
    user("d")._check(200, fields, ["stick=2"])
    user("b")._check(200, fields, [])


def _load(leak: float = 0.0) -> list[Sample]:
    """An hour of samples with some noise."""
    noise = random.Random(1)
    return [
        dataclasses.replace(IDLE, at=at, memory={1: 50 * MIB + noise.randrange(MIB), 2: 30 * MIB + int(leak * at)})
        for at in range(0, 3600, 10)
    ]


def _judged(**changes: object) -> list[Check]:
    """The lines that are bad."""
    ledger = Ledger(requests=Counter(GET=10), changes=10)
    ledger.harm.update(changes.pop("harm", {}))  # type: ignore[call-overload]
    ledger.wrong.update(changes.pop("wrong", {}))  # type: ignore[call-overload]
    leak, smuggled = changes.pop("leak", 0.0), changes.pop("smuggled", 0)
    complaints = changes.pop("complaints", [])
    after = dataclasses.replace(IDLE, **{"generation": 9, **changes})  # type: ignore[arg-type]
    checks = judge(ledger, IDLE, _load(leak), after, smuggled, complaints)  # type: ignore[arg-type]
    assert passed(checks) == all(check.good for check in checks)
    return [check for check in checks if not check.good]


def test_a_good_verdict():
    assert _judged() == []
    assert table([Check("a", "1", "2", True), Check("bcd", "4", "5", False)]) == (
        "          found  wanted\nok   a    1      2\nBAD  bcd  4      5"
    )


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"harm": {"GET": 1}}, "requests of users harmed"),
        ({"wrong": {"refused": 1}}, "attackers that saw what they must not"),
        ({"smuggled": 1}, "requests smuggled to backends"),
        ({"leak": 1000.0}, "memory of the worker 1 grew by"),
        ({"files": {1: 20, 2: 19}}, "descriptors of the worker 1"),
        ({"files": {1: 19, 2: 18}}, "descriptors of the supervisor"),
        ({"live": {"tables": 1, "clients": 1}}, "live objects that differ from the start"),
        ({"live": {"tables": 2, "clients": 0}}, "live objects that differ from the start"),
        ({"restarts": 1}, "workers replaced"),
        ({"workers": [3]}, "workers replaced"),
        ({"generation": 2}, "tables put in force"),
        ({"complaints": ["worker died"]}, "faults in the proxy's log"),
    ],
)
def test_a_bad_verdict(changes, what):
    assert [check.what for check in _judged(**changes)] == [what]


def test_the_slope_is_that_of_a_leak_and_not_of_a_peak():
    assert slope([(at, 2.0 * at) for at in range(10)]) == 2.0
    assert abs(slope([(at, 1000.0 if 80 <= at < 90 else 0.0) for at in range(100)])) < 0.1
    assert slope([(1.0, 1.0)]) == 0.0
    assert growth(_load(leak=1000.0), 2) == pytest.approx(1000 * 2700, rel=0.01)
    early = [dataclasses.replace(IDLE, at=at, memory={2: min(at, 900) * 10_000}) for at in range(0, 3600, 10)]
    assert growth(early, 2) == 0.0  # warming up is over in the first quarter


def test_the_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "--seconds" in capsys.readouterr().out


def test_the_first_table_comes_back_at_the_end(tmp_path):
    path = tmp_path / "proxy.toml"
    configuration = Configuration(path, dict.fromkeys((*CORE, GUEST), 80), {"bad": [81]}, random.Random(1))
    first = path.read_text()
    for _ in range(5):
        configuration.change()
    assert path.read_text() != first
    configuration.restore()
    assert path.read_text() == first
