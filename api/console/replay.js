/** Calls that are over: the list, and one call again as a step line with reasons, cards and the record. */

import * as api from "./api.js";
import { badge, chip, plainText, verdicts } from "./card.js";
import { button, heads, inWords, nothing } from "./controls.js";
import { h, put, s, say } from "./dom.js";
import { clock, day, either, language, rungName, t } from "./i18n.js";
import { effect } from "./model.js";
import { load, state } from "./store.js";
import { traces } from "./traces.js";

const COMPLAINT = 5;
const COLUMNS = ["calls.when", "wall.agent", "wall.minutes", "calls.peak", "calls.alerts", "wall.reason"];

export function callsView() {
  const rows = h("tbody");
  const table = h("table", { class: "calls", hidden: true }, heads(COLUMNS.map((name) => t(name))), rows);
  const none = nothing(t("calls.empty.title"), t("calls.empty.text"));
  const more = button(t("calls.more"), () => page(), "", { hidden: true });
  const fault = h("p", { class: "fault", role: "alert" });
  const root = h(
    "div",
    { class: "page" },
    h("header", { class: "pagehead" }, h("h1", {}, t("calls.title"))),
    fault,
    h("div", { class: "sheet scroll" }, table, none),
    more,
  );
  let cursor = null;
  none.hidden = true;

  async function page() {
    try {
      const { items, next } = await api.calls({ state: "ended", cursor });
      cursor = next;
      rows.append(...items.map(callRow));
    } catch (problem) {
      say(fault, inWords(problem));
    }
    more.hidden = !cursor;
    table.hidden = rows.childElementCount === 0;
    none.hidden = !table.hidden || Boolean(fault.textContent);
  }

  page();
  return { root };
}

const callRow = (card) =>
  h(
    "tr",
    { data: { rung: card.peak ?? card.rung ?? 0 } },
    h(
      "td",
      {},
      h("a", { href: `#/calls/${encodeURIComponent(card.call)}` }, card.started ? day(card.started) : card.call),
    ),
    h("td", {}, card.agent ?? "–", card.team && h("small", {}, " ", card.team)),
    h("td", { class: "n" }, clock(card.seconds ?? 0)),
    h("td", {}, badge({ rung: card.peak ?? card.rung ?? 0, kind: "raise" })),
    h("td", { class: "n" }, card.alerts ?? 0),
    h("td", { class: "reason" }, h("div", {}, card.last_reason ? plainText({ text: card.last_reason }) : "")),
  );

export function replayView(id) {
  const body = h("div", { class: "replay" });
  const root = h("div", { class: "page" }, h("p", {}, h("a", { href: "#/calls" }, "← ", t("calls.back"))), body);
  fill(body, id);
  return { root };
}

async function fill(body, id) {
  try {
    const call = await load(id);
    put(body, ...parts(call, id));
  } catch (problem) {
    put(body, h("p", { class: "fault", role: "alert" }, inWords(problem)));
  }
}

/** Stored audio is for supervisors. */
const mayHear = (call) => call.audio && state.me.role !== "agent";

function parts(call, id) {
  const plot = traces({ window: null });
  const sound = mayHear(call)
    ? h("audio", { controls: true, preload: "metadata", src: api.audioAddress(id), "aria-label": t("replay.listen") })
    : null;
  const seek = (moment) => {
    plot.seek(moment);
    if (sound) sound.currentTime = moment.from;
  };
  const line = ladderLine(call, seek);
  const jump = (moment) => {
    seek(moment);
    plot.root.scrollIntoView({ block: "nearest" });
  };
  requestAnimationFrame(() => plot.show(call));
  return [
    h(
      "header",
      { class: "pagehead" },
      h(
        "h1",
        {},
        [call.card.agent && t("call.of", { agent: call.card.agent }), call.card.call].filter(Boolean).join(" · "),
      ),
      h(
        "p",
        { class: "hush" },
        [call.card.started && day(call.card.started), clock(call.at), t(`call.${call.card.state}`)]
          .filter(Boolean)
          .join(" · "),
      ),
    ),
    line,
    plot.root,
    h("div", { class: "pair" }, changes(call, jump), told(call)),
    (call.card.peak ?? 0) >= COMPLAINT ? recordOf(id) : h("p", { class: "hush" }, t("replay.norecord")),
    sound ?? h("p", { class: "hush" }, t("replay.audio")),
    call.wordless && h("p", { class: "hush" }, t("replay.wordless")),
  ];
}

/** The whole ladder as a step line, one shaded step a stretch; also said in words for those who cannot see it. */
function ladderLine(call, seek) {
  const end = Math.max(call.at, 1);
  const steps = [];
  let rung = call.changes[0]?.before ?? call.readings[0]?.rung ?? 0;
  let from = 0;
  for (const change of call.changes) {
    steps.push({ rung, from, to: change.at });
    ({ at: from, after: rung } = change);
  }
  steps.push({ rung, from, to: end });
  const peak = Math.max(...steps.map((step) => step.rung));
  const x = (seconds) => (1000 * seconds) / end;
  const y = (value) => 10 + (6 - value) * 22;
  const path = steps
    .map((step, place) => `${place ? "L" : "M"}${x(step.from)} ${y(step.rung)}L${x(step.to)} ${y(step.rung)}`)
    .join("");
  const summary = t("replay.ladder.sum", {
    first: rungName(steps[0].rung),
    last: rungName(rung),
    peak: rungName(peak),
    n: call.changes.length,
  });
  const picture = s(
    "svg",
    { class: "ladder", viewBox: "0 0 1000 152", preserveAspectRatio: "none", role: "img", "aria-label": summary },
    [0, 1, 2, 3, 4, 5, 6].map((value) => s("line", { class: "rule", x1: 0, x2: 1000, y1: y(value), y2: y(value) })),
    steps.map((step) =>
      s("rect", {
        data: { rung: step.rung },
        x: x(step.from),
        width: Math.max(1, x(step.to) - x(step.from)),
        y: y(step.rung),
        height: 148 - y(step.rung),
      }),
    ),
    s("path", { d: path }),
  );
  picture.addEventListener("click", (event) => {
    const box = picture.getBoundingClientRect();
    const at = (end * (event.clientX - box.left)) / box.width;
    seek({ from: at, to: at });
  });
  return h(
    "section",
    { class: "sheet steps", "aria-labelledby": "ladder-title" },
    h("h2", { id: "ladder-title" }, t("replay.ladder")),
    h("p", {}, summary),
    h(
      "div",
      { class: "chart" },
      h(
        "ol",
        { "aria-hidden": "true" },
        [6, 5, 4, 3, 2, 1, 0].map((value) => h("li", {}, h("span", {}, rungName(value)), " ", value)),
      ),
      picture,
    ),
  );
}

function changes(call, jump) {
  const list = call.changes.map((change) =>
    h(
      "li",
      { data: { rung: change.after } },
      h("time", {}, clock(change.at)),
      h(
        "div",
        {},
        h("span", { class: "move" }, `${change.before} → `),
        badge({ rung: change.after, kind: "raise" }),
        h(
          "ul",
          { class: "chips" },
          change.reasons.map((reason) => h("li", {}, chip(reason, jump))),
        ),
      ),
    ),
  );
  return h(
    "section",
    { class: "sheet part" },
    h("h2", {}, t("replay.changes")),
    list.length
      ? h("ol", { class: "moments" }, list)
      : h("p", { class: "hush" }, t("replay.steady", { rung: rungName(call.card.rung ?? 0) })),
  );
}

function told(call) {
  const cards = call.alerts.filter((alert) => alert.audience !== "supervisor" && alert.kind !== "care");
  const list = cards.map((alert) => {
    const effected = effect(alert);
    return h(
      "li",
      { data: { rung: alert.rung } },
      h("time", {}, clock(alert.at)),
      h(
        "div",
        {},
        badge(alert),
        h("p", {}, either(alert.guidance).mood[0]),
        h(
          "p",
          { class: `effect ${effected ?? ""}` },
          effected
            ? t(`replay.effect.${effected}`, { after: rungName(alert.rung_after_60s) })
            : t("replay.effect.none"),
        ),
      ),
      verdicts(alert),
    );
  });
  return h(
    "section",
    { class: "sheet part" },
    h("h2", {}, t("replay.cards")),
    list.length ? h("ol", { class: "moments" }, list) : h("p", { class: "hush" }, t("replay.cards.none")),
  );
}

function recordOf(id) {
  const text = h("textarea", { readonly: true, rows: 9, "aria-label": t("replay.record") });
  const note = h("span", { role: "status", class: "hush" });
  const copy = button(t("replay.copy"), () => copyText(text, note), "", { disabled: true });
  const part = h(
    "section",
    { class: "sheet part" },
    h("header", {}, h("h2", {}, t("replay.record")), note, copy),
    text,
  );
  api.record(id, language()).then(
    (record) => {
      text.value = record.text;
      copy.disabled = false;
    },
    (problem) => put(part, h("h2", {}, t("replay.record")), h("p", { class: "hush" }, inWords(problem))),
  );
  return part;
}

async function copyText(text, note) {
  try {
    await navigator.clipboard.writeText(text.value);
  } catch (denied) {
    if (!(denied instanceof DOMException) && navigator.clipboard) throw denied;
    text.select();
    document.execCommand("copy");
  }
  say(note, t("replay.copied"));
}
