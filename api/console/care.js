/** After a call on rung 5 or 6: the offer of a minute's pause, because of the call, never because of the agent. */

import { h, put, say } from "./dom.js";
import { t } from "./i18n.js";

const MINUTE = 60;
const HARD = 5;

export function care() {
  const root = h("section", { class: "care", hidden: true, "aria-live": "polite" });
  const declined = new Set();
  let call = null;
  let timer = null;

  function show(next) {
    if (next?.card.call !== call?.card.call) close();
    call = next;
    const due = Boolean(call) && call.card.state === "ended" && hard(call) && !declined.has(call.card.call);
    if (!due) root.hidden = true;
    else if (root.hidden) offer();
  }

  function offer() {
    root.hidden = false;
    put(
      root,
      h("div", {}, h("h2", {}, t("care.title")), h("p", {}, t("care.text"))),
      h(
        "p",
        { class: "buttons" },
        h("button", { type: "button", class: "main", on: { click: pause } }, t("care.start")),
        h("button", { type: "button", on: { click: decline } }, t("care.no")),
      ),
    );
  }

  function pause() {
    let left = MINUTE;
    const word = h("strong", { class: "breath" }, t("care.in"));
    const rest = h("span", { role: "timer" }, t("care.left", { n: left }));
    put(
      root,
      h("span", { class: "lung", "aria-hidden": "true" }),
      h("div", {}, word, rest),
      h("button", { type: "button", on: { click: decline } }, t("care.end")),
    );
    timer = setInterval(() => {
      left -= 1;
      say(word, t((MINUTE - left) % 10 < 4 ? "care.in" : "care.out"));
      say(rest, t("care.left", { n: left }));
      if (left <= 0) decline();
    }, 1000);
  }

  function decline() {
    close();
    if (call) declined.add(call.card.call);
    root.hidden = true;
  }

  function close() {
    clearInterval(timer);
    root.hidden = true;
  }

  return { root, show, close };
}

const hard = (call) =>
  call.alerts.some(({ kind }) => kind === "care") || (call.summary?.peak ?? call.card.peak ?? 0) >= HARD;
