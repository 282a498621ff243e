"""The page in a real browser, before a real proxy; and the proxy's cookie in that browser.

Needs Debian's chromium (or another at FASTSTICKY_CHROMIUM).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from proxy.running import Proxy, proxy, until, whoami

EXECUTABLE = os.environ.get("FASTSTICKY_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
TOKEN = "a-secret-of-many-characters"
PATIENCE = 60_000  # milliseconds


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        arguments.append("--host-resolver-rules=MAP proxy.example 127.0.0.1")
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=arguments, timeout=2 * PATIENCE)
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser: Browser, url: str, **options: object) -> Iterator[Page]:
    """A page that complains of nothing: no error, no broken rule of the content security policy, nothing from elsewhere."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page = context.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type != "log" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    yield page
    context.close()
    assert complaints == []
    assert [one for one in asked if not one.startswith(url)] == []


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Proxy]:
    with whoami("one") as one, whoami("two") as two, proxy(tmp_path, "--backend", one, "--backend", two) as running:
        yield running


def rows(page: Page) -> list[list[str]]:
    """Cells of the tasks that are shown."""
    return page.eval_on_selector_all(
        "tr[data-id]", "rows => rows.filter(r => !r.hidden).map(r => [...r.cells].map(c => c.innerText.trim()))"
    )


def test_what_is_shown_is_what_the_api_says_and_it_goes_on(browser: Browser, front: Proxy):
    with opened(browser, f"http://{front.admin}/") as page:
        expect(page.locator("#link-text")).to_have_text("live")
        services = front.api("/api/services")["services"]
        expect(page.locator(".service h2")).to_have_text([service["name"] for service in services])
        expect(page.locator("#routes")).to_contain_text(front.api("/api/routes")["routes"][0]["rule"])
        shown = [(row[0], row[3]) for row in rows(page)]
        assert shown == [(backend["name"], backend["state"]) for backend in services[0]["backends"]]
        for _ in range(7):
            front.get("/", **{"User-Agent": "a"})

        def numbers() -> bool:
            told = [b["counts"] for b in front.api("/api/backends")["backends"]]
            return [(row[4], row[8]) for row in rows(page)] == [(str(c["sessions"]), str(c["requests"])) for c in told]

        until(numbers, "the page's numbers")
        assert sum(int(row[8]) for row in rows(page)) == 7
        expect(page.locator(".facts")).to_contain_text("7 requests")
        expect(page.locator("#total-sessions")).to_have_text("1")
        expect(page.locator("#events li").last).to_contain_text("table 1 is in force")
        assert page.locator("svg.chart .curve").first.get_attribute("d")


def test_who_was_moved_and_why(browser: Browser, front: Proxy):
    cookie = front.api("/api/services")["services"][0]["cookie"]["name"]
    with opened(browser, f"http://{front.admin}/") as page:
        for _ in range(3):
            front.get("/", Cookie=f"{cookie}=of.another-day")
        expect(page.locator(".facts")).to_contain_text("3 moved (gone: 3)")


def test_from_another_machine_nothing_is_complained_of_either(browser: Browser, tmp_path: Path):
    """Browsers trust 127.0.0.1 more than a plain name, and judge headers by that."""
    with proxy(tmp_path, "--backend", "http://127.0.0.1:9", "--admin-host", "proxy.example") as running:
        url = f"http://proxy.example:{running.admin.rpartition(':')[2]}/"
        with opened(browser, url) as page:
            expect(page.locator("#link-text")).to_have_text("live")
            page.locator("tr[data-id] button").click()
            expect(page.locator("tr[data-id]")).to_contain_text("drained by an operator")


def test_draining_from_the_page(browser: Browser, front: Proxy):
    with opened(browser, f"http://{front.admin}/") as page:
        row = page.locator("tr[data-id]").first
        row.get_by_role("button").focus()
        page.keyboard.press("Enter")  # without a mouse
        expect(row).to_contain_text("draining")
        expect(row).to_contain_text("drained by an operator")
        name = row.locator("td").first.inner_text()
        drained = [b["name"] for b in front.api("/api/backends")["backends"] if b["state"] == "draining"]
        assert drained == [name]
        expect(page.locator("#events")).to_contain_text("draining, was up")
        assert {front.get("/")[1] for _ in range(10)} == {front.get("/")[1]}  # all new users at the other
        expect(row.get_by_role("button")).to_be_focused()
        row.get_by_role("button").click()
        expect(row.locator(".state")).to_have_text("up")
        until(lambda: len({front.get("/")[1] for _ in range(10)}) == 2, "new users at both")


def test_the_keyboard_stays_where_it_is_when_the_table_changes(browser: Browser, front: Proxy):
    def drain(method: str) -> None:
        name = front.api("/api/backends")["backends"][0]["name"]
        url = f"http://{front.admin}/api/backends/{name}/drain"
        urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=60).close()

    with opened(browser, f"http://{front.admin}/") as page:
        expect(page.locator("#link-text")).to_have_text("live")
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.textContent") == "default"
        drain("POST")
        expect(page.locator("tr[data-id] .state").first).to_have_text("draining")
        assert page.evaluate("document.activeElement.textContent") == "default"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "undo"
        drain("DELETE")
        expect(page.locator("tr[data-id] .state").first).to_have_text("up")
        assert page.evaluate("document.activeElement.textContent") == "drain"


def test_a_proxy_with_a_token_asks_for_it(browser: Browser, tmp_path: Path):
    secret = tmp_path / "token"
    secret.write_text(TOKEN)
    options = ("--backend", "http://127.0.0.1:9", "--admin-token-file", str(secret))
    with proxy(tmp_path, *options) as running:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://{running.admin}/")
        button = page.locator("tr[data-id] button")
        button.click()
        page.locator("#token").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.locator("#events li.error")).to_contain_text("--admin-token-file")
        assert running.api("/api/backends")["backends"][0]["drained"] is False
        button.click()
        page.locator("#token").fill(TOKEN)
        page.get_by_role("button", name="Use it").click()
        expect(page.locator("tr[data-id]")).to_contain_text("drained by an operator")
        context.close()


def test_what_needs_attention_is_pointed_at(browser: Browser, tmp_path: Path):
    config = tmp_path / "proxy.toml"
    with whoami("one") as one:
        config.write_text(
            f'[services.web]\nbackends = ["{one}", "http://127.0.0.1:9"]\n[services.unrouted]\nbackends = ["{one}"]\n'
            '[services.empty]\ndns = "nowhere.invalid:80"\n'
            '[[routes]]\nrule = "PathPrefix(`/`)"\nservice = "web"\n'
            '[[routes]]\nrule = "PathPrefix(`/empty`)"\nservice = "empty"\n'
        )
        options = ("--config", str(config), "--eject-after", "1", "--eject-time", "1h")
        with proxy(tmp_path, *options) as running, opened(browser, f"http://{running.admin}/") as page:
            expect(page.locator("#to-warnings")).to_have_text("2 label warnings")
            expect(page.locator("#warnings")).to_contain_text("add a [[routes]] table")
            expect(page.locator("#to-trouble")).to_have_text("1 service without a task")
            for _ in range(4):
                assert running.get("/")[0] == 200
            for _ in range(3):
                assert running.get("/empty")[0] == 503
            empty = page.locator(".service", has=page.get_by_role("heading", name="empty"))
            expect(empty).to_contain_text("3 requests")
            expect(empty).to_contain_text("3 answered by the proxy itself (503: 3)")
            bad = page.locator("tr[data-id]", has_text="127.0.0.1:9")
            expect(bad.locator(".state").first).to_have_text("ejected")
            expect(bad).to_contain_text("connections failed")
            expect(page.locator("#events")).to_contain_text("nothing listens at the task's port")
            expect(page.locator("#to-trouble")).to_have_text("1 task not up, 1 service without a task")
            page.locator("#to-trouble").focus()
            page.keyboard.press("Enter")
            expect(page.locator("#found")).to_have_text("2 services, 1 task")
            assert [row[0] for row in rows(page)] == ["127.0.0.1:9"]
            expect(page.locator("#trouble")).to_be_focused()


@pytest.mark.parametrize(("width", "height"), [(1360, 850), (390, 844)])
def test_a_thousand_tasks_can_be_searched_without_a_mouse(browser: Browser, tmp_path: Path, width: int, height: int):
    lines = ["[[routes]]", 'rule = "PathPrefix(`/`)"', 'service = "s00"']
    for service in range(20):
        urls = ", ".join(f'"http://127.1.{service}.{task}:81"' for task in range(1, 51))
        lines += [f"[services.s{service:02}]", f"backends = [{urls}]"]
    config = tmp_path / "proxy.toml"
    config.write_text("\n".join(lines))
    with (
        proxy(tmp_path, "--config", str(config)) as running,
        opened(browser, f"http://{running.admin}/", viewport={"width": width, "height": height}) as page,
    ):
        expect(page.locator("tr[data-id]")).to_have_count(1000)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.documentElement.scrollHeight") < 1000 * 40  # not all of them at once
        shown = len(rows(page))
        page.locator("button.more:visible").first.click()
        assert len(rows(page)) == shown + 40
        page.keyboard.press("/")
        page.keyboard.type("s07 127.1.7.33")
        expect(page.locator("#found")).to_have_text("1 service, 1 task")
        assert [row[0] for row in rows(page)] == ["127.1.7.33:81"]
        page.keyboard.press("Escape")
        expect(page.locator(".service:visible")).to_have_count(20)
        page.keyboard.press("j")
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.textContent") == "s01"
        page.locator("#trouble").check()
        expect(page.locator("#found")).to_have_text("0 services, 0 tasks")


@pytest.mark.parametrize("width", [1360, 390])
def test_long_times_stay_in_their_box(browser: Browser, front: Proxy, width: int):
    with opened(browser, f"http://{front.admin}/", viewport={"width": width, "height": 850}) as page:
        expect(page.locator("#link-text")).to_have_text("live")
        fits = """() => { const it = document.getElementById("total-p99"); it.textContent = "888 ms · 8.88 s";
                         return it.scrollWidth <= it.clientWidth }"""
        assert page.evaluate(fits)
        millis = "async () => { const { millis } = await import('/view.js'); return [0.94, 94.2, 999.4, 1016, 12345].map(millis) }"
        assert page.evaluate(millis) == ["0.9 ms", "94 ms", "999 ms", "1.02 s", "12.3 s"]


def test_dark_and_light(browser: Browser, front: Proxy):
    backs = []
    for scheme in ("light", "dark"):
        with opened(browser, f"http://{front.admin}/", color_scheme=scheme) as page:
            backs.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert backs == ["rgb(246, 247, 249)", "rgb(17, 21, 28)"]


def test_it_comes_back_after_the_proxy_was_away(browser: Browser, tmp_path: Path):
    with whoami("one") as one:
        with proxy(tmp_path, "--backend", one) as running:
            address = running.admin
            context = browser.new_context()
            page = context.new_page()
            page.goto(f"http://{address}/")
            expect(page.locator("#link-text")).to_have_text("live")
        expect(page.locator("#link-text")).to_contain_text("lost")
        with proxy(tmp_path, "--backend", one, "--admin", address):
            expect(page.locator("#link-text")).to_have_text("live", timeout=PATIENCE)
        context.close()


def test_the_cookie_in_a_browser(browser: Browser, front: Proxy):
    context = browser.new_context()
    page = context.new_page()
    url = f"http://{front.listen}/"
    page.goto(url)
    first = page.inner_text("body")
    (cookie,) = context.cookies()
    assert (cookie["path"], cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == ("/", True, False, "Lax")
    assert cookie["expires"] == -1  # of this session
    assert page.evaluate("document.cookie") == ""
    for _ in range(8):
        page.reload()
        assert page.inner_text("body") == first
    assert context.cookies() == [cookie]
    others = set()
    for _ in range(6):  # other users
        other = browser.new_context()
        page = other.new_page()
        page.goto(url)
        others.add(page.inner_text("body"))
        other.close()
    assert len(others) == 2
    context.close()
