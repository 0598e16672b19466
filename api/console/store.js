/** What the page knows: who looks, which calls there are, and one call closely. Events change it, views are told. */

import * as api from "./api.js";
import { listen } from "./feed.js";
import { heardTwice, phrase, pointOfReading, pointOfTrace, storedPhrases, wordless } from "./model.js";

const KEPT = 4 * 60 * 60 * 2;

export const state = {
  me: null,
  calls: new Map(),
  link: { up: false, since: null, ever: false },
  lost: 0,
};

const listeners = new Set();

/** `listener(what, id)`: what is `calls`, `call`, `reading`, `alert`, `link`, `today`. Gives a function that ends it. */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(what, id = null) {
  for (const listener of [...listeners]) listener(what, id);
}

let stop = null;

/** Open the line to the service for the person who looks. `refused` is called when the session may be over. */
export function connect(me, refused) {
  stop?.();
  state.me = me;
  state.calls.clear();
  const address = "/v1/events" + api.query({ agent: me.role === "agent" ? me.agent : null });
  stop = listen(address, { heard, linked, refused });
}

function linked(up) {
  if (up === state.link.up && state.link.since) return;
  state.link = { up, since: Date.now(), ever: state.link.ever || up };
  tell("link");
}

function heard(type, event) {
  if (type === "hello") return hello(event);
  if (type === "lost") state.lost += event.events;
  if (!event.call) return undefined;
  const call = callOf(event.call, event);
  reducers[type]?.(call, event);
  return tell(type === "alert" ? "alert" : "call", event.call);
}

function hello({ live }) {
  const alive = new Set(live.map((card) => card.call));
  for (const [id, call] of state.calls) if (!alive.has(id) && call.card.state !== "ended") state.calls.delete(id);
  for (const card of live) callOf(card.call, { card }).card = card;
  tell("calls");
}

function callOf(id, { agent = null, team = null, time = null, card = null }) {
  let call = state.calls.get(id);
  if (!call) {
    call = blank(
      card ?? { call: id, agent, team, state: "live", started: time, ended: null, rung: 0, before: 0, degraded: [] },
    );
    state.calls.set(id, call);
    tell("calls");
  }
  return call;
}

const blank = (card) => ({
  card,
  at: card.seconds ?? 0,
  readings: [],
  phrases: [],
  changes: [],
  alerts: [],
  loaded: false,
});

const reducers = {
  call(call, { card }) {
    Object.assign(call.card, card);
  },
  standing(call, { at, rung, before, confidence, forecast, degraded }) {
    call.at = Math.max(call.at, at);
    Object.assign(call.card, { rung, before, confidence, forecast, degraded });
  },
  reading(call, event) {
    if (event.at <= (call.readings.at(-1)?.t ?? -1)) return;
    call.at = event.at;
    call.readings.push(pointOfReading(event));
    for (const said of event.reading.words.phrases.map(phrase))
      if (!heardTwice(call.phrases, said)) call.phrases.push(said);
    call.card.words = event.reading.words.by;
    if (call.readings.length > KEPT) call.readings.shift();
  },
  change(call, { change }) {
    if (call.changes.some((known) => known.at === change.at && known.after === change.after)) return;
    call.changes.push(change);
    call.at = Math.max(call.at, change.at);
    const reason = change.reasons[0];
    Object.assign(call.card, { rung: change.after, before: change.before, confidence: change.confidence });
    if (reason) call.card.last_reason = reason.text;
  },
  alert(call, { alert }) {
    if (call.alerts.some((known) => known.id === alert.id)) return;
    call.alerts.push({ acknowledged: null, feedback: null, rung_after_60s: null, ...alert });
    call.alerts.sort((a, b) => a.at - b.at);
  },
  acknowledged(call, { alert, by, at_time: time }) {
    const known = call.alerts.find(({ id }) => id === alert);
    if (known) known.acknowledged = { by, time };
  },
  feedback(call, { alert, verdict, by, time }) {
    const known = call.alerts.find(({ id }) => id === alert);
    if (known) known.feedback = { verdict, by, time };
  },
  ended(call, { card, summary }) {
    Object.assign(call.card, card, { state: "ended" });
    call.summary = summary;
  },
};

/** Every reading of a live call from now on. Gives a function that ends it. */
export function watch(id) {
  return listen("/v1/events" + api.query({ call: id, types: "reading", readings: "true" }), {
    heard: (type, event) => type === "reading" && heard(type, event),
  });
}

/** What was of a call, from the store; a call that the service does not know stays unknown. */
export async function recall(id) {
  try {
    const found = await api.timeline(id);
    merge(callOf(id, found), found);
    tell("call", id);
  } catch (problem) {
    if (problem.status !== 0 && problem.status !== 404) throw problem;
  }
}

/** A stored timeline beneath what came live since. */
export function merge(call, { card, readings, changes, alerts }) {
  const since = call.readings[0]?.t ?? Infinity;
  call.card = { ...card, ...call.card };
  call.at = Math.max(call.at, readings.at(-1)?.at ?? 0);
  call.readings = [...readings.filter((trace) => trace.at < since).map(pointOfTrace), ...call.readings];
  const stored = storedPhrases(readings);
  for (const said of stored) if (!heardTwice(call.phrases, said)) call.phrases.push(said);
  call.phrases.sort((a, b) => a.from - b.from);
  for (const change of changes) {
    if (!call.changes.some(({ at, after }) => at === change.at && after === change.after)) call.changes.push(change);
  }
  call.changes.sort((a, b) => a.at - b.at);
  const later = call.alerts.filter(({ id }) => !alerts.some((alert) => alert.id === id));
  call.alerts = [...alerts, ...later].sort((a, b) => a.at - b.at);
  call.loaded = true;
  return call;
}

/** A call as stored, for the replay. */
export async function load(id) {
  const found = await api.timeline(id);
  const call = merge(blank(found.card), found);
  return Object.assign(call, { audio: found.audio === true, wordless: wordless(found.readings) });
}

/** Answer a card: acknowledge it and say whether it was right. */
export async function answer(alert, verdict) {
  alert.acknowledged = { by: state.me.agent ?? state.me.role, time: new Date().toISOString() };
  alert.feedback = { verdict, by: alert.acknowledged.by, time: alert.acknowledged.time };
  tell("alert", alert.call);
  await api.acknowledge(alert.id);
  await api.feedback(alert.id, verdict);
  tell("today");
}
