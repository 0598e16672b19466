/** The supervisor's wall: one row a live call, the most urgent on top, stable while somebody is about to click. */

import * as api from "./api.js";
import { plainText } from "./card.js";
import { button, heads, inWords, nothing } from "./controls.js";
import { h, keep, put, s, say, soon } from "./dom.js";
import { clock, either, rungName, t } from "./i18n.js";
import { byUrgency, pinned, standingOf } from "./model.js";
import { state, subscribe } from "./store.js";
import { ARROWS } from "./thermometer.js";

const TODAY_EVERY = 15_000;
const GLANCE = 100;
const COUNT = 1500;
const PROMINENT = 4;
const COLUMNS = ["rung", "trend", "agent", "minutes", "reason", "action"];

export function wallView() {
  const numbers = h("p", { class: "numbers" });
  const held = h("p", { class: "hush held", role: "status" });
  const team = h("select", {
    id: "team",
    on: {
      change: () => {
        sort();
        numbersOfToday();
      },
    },
  });
  const rows = h("tbody");
  const table = h("table", { class: "wall" }, heads(COLUMNS.map((name) => t(`wall.${name}`))), rows);
  const none = nothing(t("wall.empty.title"), t("wall.empty.text"));
  const root = h(
    "div",
    { class: "page" },
    h(
      "header",
      { class: "pagehead" },
      h("h1", {}, t("wall.title")),
      held,
      h("label", { class: "filter" }, t("wall.team"), team),
    ),
    numbers,
    h("div", { class: "sheet scroll" }, table, none),
  );
  let order = [];
  let pointer = false;

  const busy = () => pointer || rows.contains(document.activeElement);
  const shown = ({ card }) => card.state !== "ended" && (!team.value || card.team === team.value);

  function sort() {
    const cards = [...state.calls.values()].filter(shown).map((call) => call.card);
    if (!busy()) order = cards.sort(byUrgency).map((card) => card.call);
    else
      order = kept(
        order,
        cards.map(({ call }) => call),
      );
    draw();
  }

  function draw() {
    teams();
    keep(
      rows,
      order.map((id) => state.calls.get(id)),
      (call) => call.card.call,
      makeRow,
      changeRow,
    );
    const now = order.map((id) => state.calls.get(id).card);
    const waits = busy() && [...now].sort(byUrgency).some((card, place) => card !== now[place]);
    say(held, waits ? t("wall.held") : "");
    table.hidden = order.length === 0;
    none.hidden = order.length > 0;
  }

  function teams() {
    const names = [...new Set([...state.calls.values()].map(({ card }) => card.team).filter(Boolean))].sort();
    if (team.dataset.names === names.join()) return;
    const kept = team.value;
    team.dataset.names = names.join();
    put(
      team,
      h("option", { value: "" }, t("wall.all")),
      names.map((name) => h("option", { value: name }, name)),
    );
    team.value = names.includes(kept) ? kept : "";
  }

  async function numbersOfToday() {
    try {
      const found = await api.today(team.value || null);
      say(numbers, t("wall.day", { ...found, peaks: (found.peaks[5] ?? 0) + (found.peaks[6] ?? 0) }));
    } catch (problem) {
      if (problem.status === 403) numbers.hidden = true;
      else if (problem.status) throw problem;
    }
  }

  const release = () => {
    pointer = false;
    sort();
  };
  rows.addEventListener("pointerenter", () => {
    pointer = true;
  });
  rows.addEventListener("pointerleave", release);
  rows.addEventListener("focusout", () => setTimeout(sort));
  const refresh = soon(sort, GLANCE);
  const count = soon(numbersOfToday, COUNT);
  const unsubscribe = subscribe((what) => {
    if (what !== "link") refresh();
    if (what === "today" || what === "alert") count();
  });
  const counting = setInterval(numbersOfToday, TODAY_EVERY);
  numbersOfToday();
  sort();
  return {
    root,
    close() {
      unsubscribe();
      refresh.cancel();
      count.cancel();
      clearInterval(counting);
    },
  };
}

/** The order as it was, less the calls that ended; new ones at the end. */
const kept = (order, now) => [...order.filter((id) => now.includes(id)), ...now.filter((id) => !order.includes(id))];

function makeRow() {
  const arrow = s("path", {
    fill: "none",
    stroke: "currentColor",
    "stroke-width": 2.5,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  });
  return h(
    "tr",
    {},
    h(
      "td",
      { class: "rung" },
      h(
        "div",
        {},
        h(
          "span",
          { class: "steps", "aria-hidden": "true" },
          [0, 1, 2, 3, 4, 5, 6].map((step) => h("i", { data: { step } })),
        ),
        h("b"),
        h("span", { class: "name" }),
      ),
    ),
    h("td", { class: "trend" }, s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, arrow), h("span")),
    h("td", { class: "agent" }, h("a"), h("small")),
    h("td", { class: "minutes n" }),
    h("td", { class: "reason" }, h("div")),
    h("td", { class: "action" }),
  );
}

function changeRow(row, call) {
  const { card } = call;
  const standing = standingOf(call);
  const find = (selector) => row.querySelector(selector);
  row.dataset.rung = card.rung ?? 0;
  row.classList.toggle("pinned", pinned(card));
  row.classList.toggle("degraded", Boolean(card.degraded?.length));
  for (const step of row.querySelectorAll(".steps i"))
    step.classList.toggle("on", Number(step.dataset.step) <= (card.rung ?? -1));
  say(find(".rung b"), String(card.rung ?? "–"));
  say(find(".rung .name"), card.rung === null ? "" : rungName(card.rung));
  find(".trend path").setAttribute("d", standing ? ARROWS[standing.trend] : "");
  find(".trend").dataset.trend = standing?.trend ?? "";
  say(find(".trend span"), standing ? t(`trend.${standing.trend}`) : "");
  const link = find(".agent a");
  link.href = `#/desk/${encodeURIComponent(card.call)}`;
  link.setAttribute("aria-label", t("wall.open", { agent: card.agent ?? card.call }));
  say(link, card.agent ?? card.call);
  say(
    find(".agent small"),
    [card.team, card.state === "live" ? "" : t(`call.${card.state}`)].filter(Boolean).join(" · "),
  );
  say(find(".minutes"), clock(call.at));
  say(find(".reason div"), card.last_reason ? plainText({ text: card.last_reason }) : "");
  find(".reason div").title = either(card.last_reason);
  action(find(".action"), card);
}

function action(cell, card) {
  const look = `${card.taken_by} ${pinned(card)} ${card.rung < PROMINENT}`;
  if (cell.dataset.look === look) return;
  cell.dataset.look = look;
  if (card.taken_by) put(cell, h("span", { class: "taken" }, t("wall.taken", { who: card.taken_by })));
  else
    put(
      cell,
      pinned(card) && h("span", { class: "waits" }, t("wall.pinned")),
      button(t("wall.take"), () => take(cell, card), weight(card)),
    );
}

/** The button is as loud as the matter. */
function weight(card) {
  if (pinned(card)) return "main";
  return card.rung < PROMINENT ? "quiet" : "";
}

async function take(cell, card) {
  try {
    Object.assign(card, await api.take(card.call));
    action(cell, card);
  } catch (problem) {
    put(cell, h("span", { class: "fault", role: "alert" }, inWords(problem)));
  }
}
