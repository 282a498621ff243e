from __future__ import annotations

import io
import json
import logging
import threading

from faststicky.serve import logs
from faststicky.serve.logs import LogWriter
from faststicky.serve.recent import Recent

log = logging.getLogger("faststicky.test")


def written(level="info", form="json", act=lambda: None) -> str:
    stream = io.StringIO()
    with LogWriter(level, form, stream):
        act()
    return stream.getvalue()


def test_json_has_time_level_event_and_the_details_in_their_order():
    text = written(act=lambda: log.error("worker died", extra={"worker": 0, "cause": "signal SIGKILL", "path": object}))
    line = json.loads(text)
    assert list(line) == ["time", "level", "event", "worker", "cause", "path"]
    assert line["time"].endswith("Z")
    assert (line["level"], line["event"], line["worker"]) == ("error", "worker died", 0)


def test_one_line_each_whatever_a_client_sends():
    def act():
        log.warning("refused", extra={"target": "/a\r\nlevel=error event=forged\x1b[2J", "bytes": b"\xff"})

    for form in ("json", "text"):
        text = written(form=form, act=act)
        assert text.count("\n") == 1
        assert "\x1b" not in text
        assert "\r" not in text
    assert 'target="/a\\r\\nlevel=error event=forged' in text


def test_text_for_people():
    text = written(
        form="text", act=lambda: log.info("ready", extra={"listen": "127.0.0.1:1", "why": "two words", "no": ""})
    )
    assert text.endswith('INFO    ready  listen=127.0.0.1:1 why="two words" no=""\n')


def test_auto_is_json_unless_a_terminal_reads():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    with LogWriter("info", "auto", terminal):
        log.warning("look")
    assert "\x1b[33mWARNING\x1b[0m look" in terminal.getvalue()
    assert json.loads(written(form="auto", act=lambda: log.info("look")))["event"] == "look"


def test_a_traceback_stays_in_its_line():
    def act():
        try:
            raise RuntimeError("cause")
        except RuntimeError:
            log.exception("failed")

    assert "RuntimeError: cause" in json.loads(written(act=act))["traceback"]
    assert "RuntimeError: cause" in written(form="text", act=act)


def test_levels():
    def act():
        log.debug("detail")
        log.info("news")
        logging.getLogger("somebody.else").info("chatter")
        logging.getLogger("somebody.else").warning("trouble")

    events = [json.loads(line)["event"] for line in written(act=act).splitlines()]
    assert events == ["news", "trouble"]
    assert "detail" in written("debug", act=act)
    assert [json.loads(line)["event"] for line in written("error", act=act).splitlines()] == []


def test_what_the_page_remembers_does_not_hang_on_the_level_of_the_log():
    recent = Recent()

    def act():
        logging.getLogger().addHandler(recent)
        try:
            log.warning("sync failed")
            log.info("sync works again")
        finally:
            logging.getLogger().removeHandler(recent)

    assert written("error", act=act) == ""
    assert [event["text"] for event in recent.events()] == ["sync failed", "sync works again"]


def test_a_reader_that_stands_still_stops_nobody_and_the_loss_is_told(monkeypatch):
    monkeypatch.setattr(logs, "QUEUE_SIZE", 4)
    gate = threading.Event()

    class Stuck(io.StringIO):
        def write(self, text: str) -> int:
            gate.wait(30)
            return super().write(text)

    stream = Stuck()
    with LogWriter("info", "json", stream):
        for number in range(100):  # returns although nothing is read
            log.info("line", extra={"service": str(number)})  # of one service they would be cut
        gate.set()
        while stream.getvalue().count("\n") < 4:
            pass
        log.info("after")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    lost = [line["lines"] for line in lines if line["event"] == "log lines lost"]
    assert sum(lost) + sum(line["event"] == "line" for line in lines) == 100
    assert lines[-1]["event"] == "after"


def test_it_leaves_logging_as_it_was():
    before = list(logging.getLogger().handlers), logging.getLogger("faststicky").level
    written(act=lambda: log.info("x"))
    assert (list(logging.getLogger().handlers), logging.getLogger("faststicky").level) == before
