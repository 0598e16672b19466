/**
 * Three quiet traces (pitch, rate, loudness) against this caller's own normal, drawn as a band, two thin bars of
 * speech beneath, phrases as ticks. Time runs left to right. Heights are robust standard deviations from the normal.
 */

import { h, put, s, say } from "./dom.js";
import { clock, signed, t } from "./i18n.js";

const FEATURES = [
  { key: "pitch", unit: "unit.semitones", digits: 1 },
  { key: "rate", unit: "unit.percent", digits: 0 },
  { key: "loudness", unit: "unit.decibels", digits: 0 },
];
const WIDTH = 1000;
const ROW = 100;
const LOW = -2.2;
const HIGH = 4.2;
const STEP = 0.5;
const GAP = 4.5;
const SPEAKS = 0.15;
const SETTLED = 0.5;

const y = (z) => ROW * (1 - (Math.min(HIGH, Math.max(LOW, z)) - LOW) / (HIGH - LOW));

/** `window` is the number of seconds on view, or null for the whole call. */
export function traces({ window = 75 } = {}) {
  const rows = FEATURES.map((feature) => row(feature, window === null));
  const bars = { caller: bar("caller"), agent: bar("agent") };
  const ticks = h("div", { class: "ticks" });
  const axis = h("div", { class: "axis", "aria-hidden": "true" });
  const spot = h("div", { class: "spot", hidden: true });
  const learning = h("p", { class: "learning", hidden: true }, t("traces.learning"));
  const live = h(
    "button",
    { type: "button", class: "quiet", hidden: true, on: { click: () => seek(null) } },
    t("traces.now"),
  );
  const plot = h(
    "div",
    { class: "plot" },
    rows.map(({ root }) => root),
    bars.caller.root,
    bars.agent.root,
    h(
      "div",
      { class: "lane" },
      h("span", { class: "what" }, t("traces.phrases")),
      h("div", { class: "canvas" }, spot, ticks, axis),
    ),
  );
  const root = h(
    "section",
    { class: "traces", "aria-labelledby": "traces-title" },
    h("header", {}, h("h2", { id: "traces-title" }, t("traces.title")), learning, live),
    plot,
  );
  let readings = [];
  let phrases = [];
  let end = 0;
  let focus = null;

  function show(call) {
    readings = call?.readings ?? [];
    phrases = call?.phrases ?? [];
    end = call ? Math.max(call.at ?? 0, readings.at(-1)?.t ?? 0) : 0;
    draw();
  }

  /** Look at a moment of the call, `{from, to}` in seconds; null follows the call again. */
  function seek(moment) {
    focus = moment;
    draw();
  }

  function span() {
    if (window === null) return [0, Math.max(end, 10)];
    const right = focus === null ? end : Math.min(end, focus.to + window / 2);
    return [Math.max(0, right - window), Math.max(right, window)];
  }

  function draw() {
    const [from, to] = span();
    const x = (seconds) => (WIDTH * (seconds - from)) / (to - from);
    const seen = readings.filter((reading) => reading.t >= from && reading.t <= to + STEP);
    for (const each of rows) each.draw(seen, x);
    for (const side of ["caller", "agent"]) bars[side].draw(seen, x);
    const last = seen.at(-1);
    learning.hidden = !(last && last.personal !== null && last.personal < SETTLED);
    root.classList.toggle("unsettled", !learning.hidden);
    root.classList.toggle("empty", readings.length === 0);
    live.hidden = focus === null || window === null;
    drawTicks(from, to);
    drawAxis(from, to);
    spot.hidden = focus === null;
    if (focus) {
      spot.style.left = `${(100 * (focus.from - from)) / (to - from)}%`;
      spot.style.width = `${Math.max(0.6, (100 * (focus.to - focus.from)) / (to - from))}%`;
    }
  }

  function drawTicks(from, to) {
    const room = ticks.clientWidth / (to - from);
    const free = [0, 0];
    put(
      ticks,
      phrases
        .filter((phrase) => phrase.to >= from && phrase.from <= to)
        .map((phrase) => {
          const left = (phrase.from - from) * room;
          const lane = free.findIndex((edge) => edge <= left);
          if (lane >= 0) free[lane] = left + breadth(phrase.text);
          const tick = h(
            "button",
            {
              type: "button",
              class: `tick ${["", "second"][lane] ?? "bare"}`,
              tabindex: window === null ? null : "-1",
              data: { rung: phrase.rung },
              title: `${phrase.text} ${clock(phrase.from)}`,
              on: { click: () => seek({ from: phrase.from, to: phrase.to }) },
            },
            phrase.text,
          );
          tick.style.left = `${(100 * (phrase.from - from)) / (to - from)}%`;
          return tick;
        }),
    );
  }

  function drawAxis(from, to) {
    const every = [5, 15, 30, 60, 120, 300, 600, 1800].find((step) => (to - from) / step <= 8) ?? 3600;
    const marks = [];
    for (let mark = Math.ceil(from / every) * every; mark <= to; mark += every) {
      const label = h("span", {}, clock(mark));
      label.style.left = `${(100 * (mark - from)) / (to - from)}%`;
      marks.push(label);
    }
    put(axis, marks);
  }

  show(null);
  return { root, show, seek, looking: () => focus };
}

/** About how wide a phrase is drawn, in pixels: a Han character is twice a Latin one. */
const breadth = (text) => [...text].reduce((sum, sign) => sum + (sign > "\u2e80" ? 12.5 : 7), 14);

/** Stretches of speech of one side, `[from, to]` in seconds: neighbouring readings with speech joined. */
function stretches(seen, side) {
  const found = [];
  let before = null;
  for (const reading of seen) {
    const from = reading.t - Math.min(GAP, Math.max(STEP, reading.t - (before ?? reading.t - STEP)));
    before = reading.t;
    if (!(reading[side] > SPEAKS)) continue;
    const last = found.at(-1);
    if (last && from - last[1] < 0.01) last[1] = reading.t;
    else found.push([from, reading.t]);
  }
  return found;
}

/** One trace: its name, the line against the band, and in words its latest value or, of a whole call, the share above normal. */
function row({ key, unit, digits }, whole) {
  const line = s("path", { class: "line" });
  const value = h("span", { class: "value" });
  const picture = s(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${ROW}`, preserveAspectRatio: "none", role: "img" },
    s("rect", { class: "band", x: 0, width: WIDTH, y: y(1), height: y(-1) - y(1) }),
    s("line", { class: "middle", x1: 0, x2: WIDTH, y1: y(0), y2: y(0) }),
    line,
  );
  const root = h(
    "div",
    { class: "lane", data: { feature: key } },
    h("span", { class: "what" }, t(`trace.${key}`), value),
    h("div", { class: "canvas" }, picture),
  );

  function draw(seen, x) {
    line.setAttribute(
      "d",
      path(seen, (reading) => reading[key]?.z ?? null, x),
    );
    const latest = seen.findLast((reading) => reading[key]);
    say(value, !latest ? t("trace.unknown") : whole ? share(seen) : words(latest[key]));
    root.classList.toggle("high", !whole && Boolean(latest) && latest[key].z > 2);
    picture.setAttribute("aria-label", `${t(`trace.${key}`)}: ${value.textContent}`);
  }

  function share(seen) {
    const known = seen.filter((reading) => reading[key]);
    const high = known.filter((reading) => reading[key].z > 1);
    return t("trace.share", { n: Math.round((100 * high.length) / known.length) });
  }

  function words({ z, change }) {
    if (Math.abs(z) <= 1) return t("trace.normal");
    if (change === null) return t(z > 0 ? "trace.above" : "trace.below");
    return t(unit, { n: signed(change, digits) });
  }

  return { root, draw };
}

/** A line through the known values; it breaks where a value is unknown for longer than `GAP`. */
function path(seen, value, x) {
  let d = "";
  let before = null;
  for (const reading of seen) {
    const z = value(reading);
    if (z === null) continue;
    const joined = before !== null && reading.t - before <= GAP;
    d += `${joined ? "L" : "M"}${x(reading.t).toFixed(1)} ${y(z).toFixed(1)}`;
    if (!joined) d += "h0.1";
    before = reading.t;
  }
  return d;
}

/** Speech of one side as a thin bar. */
function bar(side) {
  const picture = s("svg", {
    viewBox: `0 0 ${WIDTH} 10`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": t(`side.${side}`),
  });
  const root = h(
    "div",
    { class: `lane speech ${side}` },
    h("span", { class: "what" }, t(`side.${side}`)),
    h("div", { class: "canvas" }, picture),
  );

  function draw(seen, x) {
    put(
      picture,
      stretches(seen, side).map(([from, to]) => s("rect", { x: x(from), y: 0, width: x(to) - x(from), height: 10 })),
    );
    root.classList.toggle("absent", seen.length > 0 && seen.every((reading) => reading[side] === null));
  }

  return { root, draw };
}
