// What happened lately, the newest first.

import { make } from "/view.js";

const MOST_EVENTS = 200;
const list = document.getElementById("events");

export function showEvent(event, flash) {
  const time = new Date(event.time).toLocaleTimeString("en-GB");
  const where = [event.service, event.task].filter(Boolean).join(" · ");
  const item = make("li", { class: `${event.level}${flash ? " flash" : ""}` }, make("time", { datetime: event.time, title: event.time }, time), where ? make("b", {}, where) : "", `${where ? " " : ""}${event.text}`);
  list.prepend(item);
  while (list.children.length > MOST_EVENTS) list.lastChild.remove();
}

export async function loadEvents() {
  const answer = await fetch("/api/events");
  if (!answer.ok) return;
  list.replaceChildren();
  for (const event of (await answer.json()).events.slice(-MOST_EVENTS)) showEvent(event, false);
}
