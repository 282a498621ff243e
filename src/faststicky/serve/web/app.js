// The page: what /api/live tells, shown. State (services, tasks) is built anew when the table changes; numbers are written
// into what is there.

import { chart, draw } from "/chart.js";
import { loadEvents, showEvent } from "/events.js";
import { count, counted, make, millis, percent, rate, span, text } from "/view.js";

const MOST_TASKS = 200; // rows of all services together before "show all", those that are not up aside
const LEAST_TASKS = 6; // of each service
const POINTS = 90;

const $ = (id) => document.getElementById(id);
const views = new Map(); // service name -> view
const opened = new Set(); // services whose tasks are all shown
let state = null;
let points = {};
let token = "";
let lastNumbers = null;
const totals = {};

// ---- all traffic

function figure(id, label, charted = false) {
  const value = make("b", { id: `total-${id}` }, "–");
  const box = make("div", { class: "figure" }, value, make("span", {}, label));
  totals[id] = { value, box };
  if (charted) {
    totals[id].chart = chart(label);
    box.append(totals[id].chart);
  }
  return box;
}

$("totals").append(
  figure("rate", "requests a second", true),
  figure("errors", "5xx a second", true),
  figure("p99", "p50 and p99 to first byte", true),
  figure("sessions", "users, last 5–10 min"),
  figure("connections", "client connections"),
  figure("in_flight", "requests in flight"),
);

function showTotals(numbers) {
  const line = points[""] ?? [];
  const [, , p50, p99] = line.at(-1) ?? [0, 0, null, null];
  const { rate: perSecond, errors } = numbers;
  text(totals.rate.value, rate(perSecond));
  text(totals.errors.value, rate(errors));
  totals.errors.box.classList.toggle("alarm", errors > 0);
  text(totals.p99.value, p99 === null ? "–" : `${millis(p50)} · ${millis(p99)}`);
  text(totals.sessions.value, count(numbers.sessions));
  text(totals.connections.value, count(numbers.connections));
  text(totals.in_flight.value, count(numbers.in_flight));
  draw(totals.rate.chart, line.map((point) => point[0]));
  draw(totals.errors.chart, line.map((point) => point[1]));
  draw(totals.p99.chart, line.map((point) => point[2]), line.map((point) => point[3]));
  const { ready, age, error, generation } = numbers.readiness;
  const confirmed = age === null ? "never confirmed" : `confirmed ${age < 1 ? "now" : `${span(age)} ago`}`;
  text($("summary"), `${state.source || "no source yet"} · table ${generation}, ${confirmed} · ${state.listen.join(", ")} · up ${span(numbers.uptime)} · ${state.node}`);
  const problem = error ? `The last good table stays in force: ${error}` : ready ? "" : "Not ready: no table is in force in every worker yet.";
  text($("problem"), problem);
  $("problem").hidden = !problem;
}

// ---- services and their tasks

// A task is called web.3@node2; `node` is the node's ID.
function hostOf(backend) {
  return backend.name.split("@")[1] ?? backend.node;
}

function byNode(backends) {
  const nodes = new Map();
  for (const backend of backends) {
    if (!nodes.has(backend.node)) nodes.set(backend.node, []);
    nodes.get(backend.node).push(backend);
  }
  const named = [...nodes.values()].map((tasks) => [hostOf(tasks[0]), tasks]);
  return named.sort(([one], [other]) => one.localeCompare(other, undefined, { numeric: true }));
}

// What the state column says: of a task that is up, whether its requests fail.
function condition(backend, ejected, connectErrors = 0, resets = 0) {
  if (backend.state !== "up" || !ejected) return { state: backend.state, why: backend.why };
  const parts = [[connectErrors, "connections failed"], [resets, "answers lost"]].filter(([number]) => number);
  const counted = parts.map(([number, what]) => `${count(number)} ${what}`).join(", ");
  return { state: "ejected", why: `its requests failed${counted ? ` (${counted})` : ""}; back when a connection to it succeeds` };
}

function slotOf(backend) {
  const last = backend.slot.split("/").at(-1);
  return /^\d+$/.test(last) ? last : "";
}

function taskRow(service, backend) {
  const cells = {};
  const badge = make("span");
  const why = make("span", { class: "why" });
  const cell = (name, wide = false) => (cells[name] = make("td", { class: wide ? "number wide-only" : "number" }, "0"));
  const button = make("button", { type: "button", onclick: () => toggle(backend, button) }, backend.drained ? "undo" : "drain");
  button.setAttribute("aria-label", `${backend.drained ? "Undo the draining of" : "Drain"} ${backend.name}`);
  const row = make(
    "tr",
    { "data-id": backend.id },
    make("td", { class: "name" }, backend.name),
    make("td", { class: "address wide-only" }, `${backend.host}:${backend.port}`),
    make("td", { class: "number wide-only" }, slotOf(backend)),
    make("td", {}, badge, why),
    cell("sessions"),
    cell("rate"),
    cell("in_flight", true),
    cell("errors", true),
    cell("requests", true),
    make("td", { class: "number" }, button),
  );
  const made = { row, cells, badge, why, backend, state: "", shown: "" };
  showCondition(made, 0);
  return made;
}

// True if it is another one than before.
function showCondition(one, ejected, connectErrors, resets) {
  const { state, why } = condition(one.backend, ejected, connectErrors, resets);
  text(one.why, why);
  if (one.state === state) return false;
  one.state = state;
  one.badge.className = `state ${state}`;
  text(one.badge, state);
  one.why.hidden = !why;
  one.shown = [one.backend.name, one.backend.node, one.backend.host, state, why].join(" ").toLowerCase();
  return true;
}

const FACTS = [["tasks", "tasks up"], ["users", "users"], ["requests", "requests"], ["errors", "5xx"], ["hit", "kept on their task"], ["p90", "p90"], ["p999", "p99.9"], ["max", "max"],
  ["slot", "followed their slot"], ["moved", "moved"], ["retries", "retries"], ["failures", "own errors"], ["queued", "waiting"]];
const QUIET = ["errors", "hit", "p90", "p999", "max", "slot", "moved", "retries", "failures", "queued"]; // not shown while there are none
const HEADS = [["task"], ["address", "wide-only"], ["slot", "number wide-only"], ["state"], ["users", "number"], ["req/s", "number"],
  ["in flight", "number wide-only"], ["5xx", "number wide-only"], ["requests", "number wide-only"], ["draining", "number", "unseen"]];

function serviceView(service) {
  const about = [service.sticky ? `cookie ${service.cookie.name}` : "not sticky", ...state.routes.filter((route) => route.service === service.name).map((route) => route.rule)];
  const view = { service, rows: new Map(), groups: [], facts: {}, labels: {}, charts: [chart("requests a second"), chart("p50 and p99 to first byte")], captions: [make("span"), make("span")] };
  const head = make("div", { class: "head" }, make("h2", { tabindex: "-1" }, service.name, service.removed ? make("span", { class: "dim" }, " removed") : null),
    make("div", { class: "about dim" }, about.join(" · ")));
  const charted = view.charts.map((one, index) => make("div", { class: `charted ${["rate", "times"][index]}` }, view.captions[index], one));
  head.append(...charted);
  const facts = make("div", { class: "facts" });
  for (const [key, label] of FACTS) {
    view.facts[key] = make("b", {}, "–");
    facts.append(make("span", { hidden: QUIET.includes(key) }, view.facts[key], " ", (view.labels[key] = make("span", {}, label))));
  }
  const body = make("tbody");
  const grouped = byNode(service.backends);
  const together = grouped.some(([, backends]) => backends.length > 1) && grouped.length > 1; // else the tasks' names say it
  for (const [name, backends] of grouped) {
    const heading = together ? make("tr", { class: "node" }, make("th", { colspan: String(HEADS.length), scope: "rowgroup" }, name || "no node")) : null;
    if (heading) body.append(heading);
    const rows = backends.map((backend) => taskRow(service, backend));
    rows.forEach((row) => {
      body.append(row.row);
      view.rows.set(row.backend.id, row);
    });
    view.groups.push({ heading, rows });
  }
  view.more = make("button", { type: "button", class: "more", onclick: () => { opened.add(service.name); filter(); } });
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...HEADS.map(([label, kind, seen]) => make("th", { class: kind ?? null, scope: "col" }, seen ? make("span", { class: seen }, label) : label)))), body);
  view.element = make("section", { class: "service", "aria-label": `Service ${service.name}` }, head, facts,
    service.backends.length ? table : make("p", { class: "dim" }, "No task: requests are answered with 503."), view.more);
  view.shown = [service.name, ...about].join(" ").toLowerCase();
  return view;
}

// Where the keyboard is among what is built anew: a service's title, its button, or a task's.
function place() {
  const at = document.activeElement;
  const service = [...views].find(([, view]) => view.element.contains(at))?.[0];
  const task = at?.closest?.("tr")?.dataset.id;
  return service === undefined ? () => {} : () => {
    const view = views.get(service);
    const row = view?.rows.get(task)?.row;
    const where = row?.querySelector("button") ?? (at.matches(".more") && !view?.more.hidden ? view?.more : view?.element.querySelector("h2"));
    where?.focus({ preventScroll: true });
  };
}

function showState() {
  const refocus = place();
  text($("version"), state.version);
  views.clear();
  for (const service of state.services) views.set(service.name, serviceView(service));
  $("services").replaceChildren(...[...views.values()].map((view) => view.element));
  if (!views.size) $("services").append(make("p", { class: "dim" }, "No service is routed yet."));
  $("routes").replaceChildren(...state.routes.map((route) => make("p", {}, make("code", {}, route.rule), ` → ${route.service} `, make("span", { class: "dim" }, String(route.priority)))));
  const notices = state.warnings.map((warning) => make("p", { class: "notice" }, `${warning.service}: `, make("code", {}, `${warning.label}${warning.value ? `=${warning.value}` : ""}`), make("br"), warning.text));
  $("warnings").hidden = !notices.length;
  $("warnings").querySelector("div").replaceChildren(...notices);
  $("to-warnings").hidden = !notices.length;
  text($("to-warnings"), counted(notices.length, "label warning"));
  filter();
  refocus();
}

function showNumbers(numbers) {
  let changed = false;
  for (const [name, service] of Object.entries(numbers.services)) {
    const view = views.get(name);
    if (!view) continue;
    const line = points[name] ?? [];
    const { counts, first_byte_ms: times, outcomes } = service;
    text(view.facts.users, count(counts.sessions));
    text(view.labels.users, counts.sessions === 1 ? "user" : "users");
    text(view.facts.requests, count(counts.requests));
    text(view.facts.errors, count(counts.errors));
    text(view.facts.hit, percent(service.hit_rate));
    text(view.facts.slot, count(outcomes.slot ?? 0));
    const reasons = Object.entries(outcomes).filter(([name, one]) => name.startsWith("moved_") && one);
    text(view.facts.moved, count(reasons.reduce((sum, [, one]) => sum + one, 0)));
    text(view.labels.moved, `moved (${reasons.map(([name, one]) => `${name.slice(6)}: ${count(one)}`).join(", ")})`);
    text(view.facts.p90, millis(times.p90));
    text(view.facts.p999, millis(times["p99.9"]));
    text(view.facts.max, millis(times.max));
    text(view.facts.retries, count(counts.retries));
    text(view.labels.retries, counts.retries === 1 ? "retry" : "retries");
    const own = Object.entries(service.failures).filter(([, one]) => one);
    text(view.facts.failures, count(own.reduce((sum, [, one]) => sum + one, 0)));
    text(view.labels.failures, `answered by the proxy itself (${own.map(([status, one]) => `${status}: ${count(one)}`).join(", ")})`);
    text(view.facts.queued, count(counts.queued));
    for (const key of QUIET) view.facts[key].parentElement.hidden = ["0", "–"].includes(view.facts[key].textContent);
    text(view.captions[0], `${rate(counts.rate)} requests/s`);
    text(view.captions[1], `p50 ${millis(times.p50)}, p99 ${millis(times.p99)}`);
    draw(view.charts[0], line.map((point) => point[0]));
    draw(view.charts[1], line.map((point) => point[2]), line.map((point) => point[3]));
    for (const [id, [requests, perSecond, errors, sessions, inFlight, , , ...failing]] of Object.entries(service.backends)) {
      const one = view.rows.get(id);
      if (!one) continue;
      changed = showCondition(one, ...failing) || changed;
      const { cells } = one;
      text(cells.requests, count(requests));
      text(cells.rate, rate(perSecond));
      text(cells.errors, count(errors));
      text(cells.sessions, count(sessions));
      text(cells.in_flight, count(inFlight));
    }
    const up = [...view.rows.values()].filter((one) => one.state === "up").length;
    text(view.facts.tasks, `${up} of ${view.rows.size}`);
    view.facts.tasks.classList.toggle("bad", up === 0);
  }
  if (changed) filter();
  showTotals(numbers);
}

// ---- search

function filter() {
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const trouble = $("trouble").checked;
  const most = words.length || trouble ? MOST_TASKS : Math.max(LEAST_TASKS, Math.floor(MOST_TASKS / Math.max(1, views.size)));
  let shown = 0;
  let tasks = 0;
  let troubled = 0;
  let empty = 0;
  for (const [name, view] of views) {
    const inService = words.every((word) => view.shown.includes(word));
    let visible = 0;
    let calm = 0;
    let hidden = 0;
    for (const { heading, rows } of view.groups) {
      let inGroup = 0;
      for (const one of rows) {
        const up = one.state === "up";
        troubled += !up;
        const fits = (inService || words.every((word) => one.shown.includes(word) || view.shown.includes(word))) && (!trouble || !up);
        const over = fits && up && calm >= most && !opened.has(name); // what is not up is always shown
        one.row.hidden = !fits || over;
        visible += fits && !over;
        calm += fits && !over && up;
        hidden += over;
        inGroup += fits && !over;
      }
      if (heading) heading.hidden = !inGroup;
    }
    empty += !view.rows.size;
    view.more.hidden = !hidden;
    text(view.more, `show ${hidden} more tasks`);
    const failing = trouble && !view.rows.size; // it has no task at all
    view.element.hidden = trouble ? visible === 0 && !(failing && inService) : !inService && visible === 0;
    shown += !view.element.hidden;
    tasks += visible + hidden;
  }
  const wrong = [troubled ? `${counted(troubled, "task")} not up` : "", empty ? `${counted(empty, "service")} without a task` : ""];
  $("to-trouble").hidden = !(troubled || empty) || trouble;
  text($("to-trouble"), wrong.filter(Boolean).join(", "));
  text($("found"), words.length || trouble ? `${counted(shown, "service")}, ${counted(tasks, "task")}` : "");
}

$("search").addEventListener("input", filter);
$("trouble").addEventListener("change", filter);
$("to-trouble").addEventListener("click", () => {
  $("trouble").checked = true;
  filter();
  $("trouble").focus();
});
$("tools").addEventListener("submit", (event) => event.preventDefault());

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("ask").open) return;
  const typing = event.target instanceof HTMLInputElement && event.target.type !== "checkbox";
  if (event.key === "/" && !typing) {
    event.preventDefault();
    $("search").focus();
  } else if (event.key === "Escape" && event.target === $("search")) {
    $("search").value = "";
    filter();
    $("search").blur();
  } else if ((event.key === "j" || event.key === "k") && !typing) {
    const titles = [...document.querySelectorAll(".service:not([hidden]) h2")];
    const at = titles.indexOf(document.activeElement);
    titles[event.key === "j" ? Math.min(at + 1, titles.length - 1) : Math.max(at - 1, 0)]?.focus();
  }
});

// ---- draining

function askToken() {
  return new Promise((resolve) => {
    const dialog = $("ask");
    $("token").value = "";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok" ? $("token").value.trim() : ""), { once: true });
    dialog.returnValue = "";
    dialog.showModal();
  });
}

$("cancel").addEventListener("click", () => $("ask").close(""));

async function toggle(backend, button) {
  if (button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true"); // a disabled button would lose the focus
  try {
    const method = backend.drained ? "DELETE" : "POST";
    const send = () => fetch(`/api/backends/${encodeURIComponent(backend.id)}/drain`, { method, headers: token ? { Authorization: `Bearer ${token}` } : {} });
    let answer = await send();
    if (answer.status === 401) {
      token = await askToken();
      if (!token) return;
      answer = await send();
      if (answer.status === 401) token = "";
    }
    if (!answer.ok) {
      const { error } = await answer.json();
      showEvent({ time: new Date().toISOString(), level: "error", service: "", task: backend.name, text: error }, true);
    }
  } catch (error) {
    showEvent({ time: new Date().toISOString(), level: "error", service: "", task: backend.name, text: String(error) }, true);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

// ---- live

function link(kind, words) {
  $("link").className = kind;
  text($("link-text"), words);
}

const source = new EventSource("/api/live");
source.addEventListener("open", () => {
  link("live", "live");
  loadEvents();
});
source.addEventListener("error", () => link("lost", "connection lost, trying again"));
source.addEventListener("state", (event) => {
  state = JSON.parse(event.data);
  showState();
  if (lastNumbers) showNumbers(lastNumbers);
});
source.addEventListener("history", (event) => {
  points = JSON.parse(event.data).points;
  lastNumbers = null; // after a lost connection everything comes anew
});
source.addEventListener("numbers", (event) => {
  const numbers = JSON.parse(event.data);
  if (lastNumbers) {
    for (const [name, point] of Object.entries(numbers.points)) {
      points[name] = [...(points[name] ?? []), point].slice(-POINTS);
    }
  }
  merge(numbers);
  if (state) showNumbers(lastNumbers);
});
source.addEventListener("event", (event) => showEvent(JSON.parse(event.data), true));

// Of the tasks only those that changed are sent; a new table needs the numbers of all.
function merge(numbers) {
  for (const [name, service] of Object.entries(numbers.services)) {
    const old = lastNumbers?.services[name]?.backends ?? {};
    service.backends = { ...old, ...service.backends };
  }
  lastNumbers = numbers;
}
