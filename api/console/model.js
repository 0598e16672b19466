/** From the service's JSON to what the page draws. Pure: no network, no page, no clock. */

const HOP = 0.5;

/** A live reading (`reading`, `shift` of docs/api.md) as one point of the traces. */
export function pointOfReading({ at, reading, shift, standing }) {
  const talk = reading.talk;
  const of = (feature) => (shift?.[feature] ? { z: shift[feature].z, change: shift[feature].change } : null);
  return {
    t: at,
    pitch: of("pitch"),
    rate: of("rate"),
    loudness: of("loudness"),
    personal: shift?.personal ?? null,
    caller: talk.caller / HOP,
    agent: talk.agent === null ? null : talk.agent / HOP,
    rung: standing.rung,
  };
}

/** A row of a stored timeline (`Trace`) as the same point; the change in units is not kept there. */
export function pointOfTrace(trace) {
  const of = (feature) => (trace[`${feature}_z`] === null ? null : { z: trace[`${feature}_z`], change: null });
  return {
    t: trace.at,
    pitch: of("pitch"),
    rate: of("rate"),
    loudness: of("loudness"),
    personal: null,
    caller: trace.speech,
    agent: trace.agent_speech,
    rung: trace.rung,
  };
}

export const phrase = ({ text, key, span, rung }) => ({ text: text || key, from: span[0], to: span[1], rung });

const LEXICON_KEY = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** Whether what was said was not stored: all phrases of a timeline then carry their lexicon's key in place of the words. */
export function wordless(traces) {
  const texts = traces.flatMap((trace) => trace.phrases.map(({ text }) => text));
  return texts.length > 0 && texts.every((text) => LEXICON_KEY.test(text));
}

/** Phrases of a stored timeline; without the words, the rung they speak for. */
export function storedPhrases(traces) {
  const hidden = wordless(traces);
  return traces
    .flatMap((trace) => trace.phrases)
    .map((said) => phrase(hidden ? { ...said, text: String(said.rung) } : said));
}

const SAME = 2;

/** Two ears may hear the same words (a transcript and the audio): one tick is enough. */
export const heardTwice = (phrases, said) =>
  phrases.some(({ text, from }) => text === said.text && Math.abs(from - said.from) < SAME);

/** Where a caller stands, for the thermometer, from a call card brought up to date by `standing` events. */
export function standingOf(call) {
  const { rung, before, confidence, degraded } = call.card;
  if (rung === null || rung === undefined) return null;
  const trend = before === null || before === undefined || before === rung ? "steady" : rung > before ? "up" : "down";
  return { rung, confidence: confidence ?? null, trend, degraded: degraded ?? [] };
}

const MATTERS = { hint: 0, agent: 1, supervisor: 1 };
const HINT_WAITS = 20;

/**
 * The one card on show: the newest that is for an agent. A hint waits for 20 s of the call while an alert
 * is unanswered, so that it can't push away the more important card in mid-sentence.
 */
export function currentAlert(alerts) {
  const mine = alerts.filter((alert) => alert.audience !== "supervisor" && alert.kind !== "care");
  const newest = mine.at(-1);
  if (!newest) return null;
  const open = mine.findLast((alert) => !alert.acknowledged && MATTERS[alert.audience] > MATTERS[newest.audience]);
  return open && newest.kind !== "ease" && newest.at - open.at < HINT_WAITS ? open : newest;
}

/** Most urgent first: rung 6 that nobody took, then rung, then what climbs, then what is likely to, then the longest. */
export function byUrgency(a, b) {
  return (
    pinned(b) - pinned(a) ||
    b.rung - a.rung ||
    climb(b) - climb(a) ||
    (b.forecast ?? 0) - (a.forecast ?? 0) ||
    Date.parse(a.started) - Date.parse(b.started)
  );
}

export const pinned = (card) => card.rung === 6 && !card.taken_by && card.state !== "ended";
const climb = (card) => card.rung - (card.before ?? card.rung);

/** Whether a card helped: the rung at the alert and a minute later. */
export function effect(alert) {
  const after = alert.rung_after_60s;
  if (after === null || after === undefined) return null;
  return after < alert.rung ? "eased" : after > alert.rung ? "climbed" : "held";
}
