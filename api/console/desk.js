/** The agent view: where the caller stands, what to say, why. One call at a time, the newest unless one is chosen. */

import { cards } from "./card.js";
import { care } from "./care.js";
import { h, put, say, soon } from "./dom.js";
import { clock, rungName, t } from "./i18n.js";
import { standingOf } from "./model.js";
import { recall, state, subscribe, watch } from "./store.js";
import { thermometer } from "./thermometer.js";
import { traces } from "./traces.js";

/** Milliseconds within which many events are drawn at once; an alert does not wait. */
const GLANCE = 50;

export function deskView(chosen) {
  const meter = thermometer();
  const plot = traces();
  const card = cards({ jump: plot.seek });
  const bar = callBar();
  const pause = care();
  const work = h(
    "div",
    { class: "desk" },
    meter.root,
    h("div", { class: "work" }, bar.root, pause.root, card.box, card.why, plot.root, card.earlier),
  );
  const root = h("div", { class: "view" }, h("h1", { class: "unseen" }, t("nav.desk")));
  let current = null;
  let watched = null;
  let close = null;

  function pick() {
    if (chosen) return state.calls.get(chosen) ?? null;
    const calls = [...state.calls.values()].sort((a, b) => Date.parse(b.card.started) - Date.parse(a.card.started));
    return calls.find((call) => call.card.state !== "ended") ?? calls[0] ?? null;
  }

  function follow() {
    const call = pick();
    const wanted = call?.card.call ?? chosen ?? null;
    if (wanted !== current || root.childElementCount === 1) {
      unwatch();
      current = wanted;
      plot.seek(null);
      put(root, root.firstChild, wanted ? work : welcome());
      if (wanted) recall(wanted);
    }
    const live = call && call.card.state !== "ended";
    if (live && watched !== wanted) {
      watched = wanted;
      close = watch(wanted);
    } else if (!live) {
      unwatch();
    }
    return draw();
  }

  function unwatch() {
    close?.();
    close = watched = null;
  }

  function draw() {
    const call = state.calls.get(current) ?? null;
    meter.show(call ? standingOf(call) : null);
    card.show(call);
    plot.show(call);
    bar.show(call);
    pause.show(call);
  }

  const refresh = soon(follow, GLANCE);
  const unsubscribe = subscribe((what, id) => {
    if (what === "alert" && id === current) follow();
    else if (what === "calls" || (id && id === current)) refresh();
  });
  const tick = setInterval(() => bar.show(state.calls.get(current) ?? null), 1000);
  follow();
  return {
    root,
    press: (name) => (name === "e" ? plot.seek(null) : card.press(name)),
    close() {
      unsubscribe();
      refresh.cancel();
      unwatch();
      clearInterval(tick);
      pause.close();
    },
  };
}

/** Which call this is, how long it lasts, its state, and where the words come from. */
function callBar() {
  const agent = h("span");
  const id = h("span", { class: "id" });
  const who = h("span", { class: "who" }, agent, id);
  const time = h("time");
  const phase = h("span", { class: "phase" });
  const words = h("span", { class: "words" });
  const choice = h("select", {
    "aria-label": t("call.choose"),
    on: {
      change: (event) => {
        location.hash = event.target.value;
      },
    },
  });
  const root = h("div", { class: "callbar" }, choice, who, time, phase, words);
  let options = "";

  function show(call) {
    const live = [...state.calls.values()].filter((each) => each.card.state !== "ended" || each === call);
    const look = live.map(({ card }) => card.call).join() + location.hash;
    choice.hidden = live.length < 2;
    if (look !== options) {
      options = look;
      put(
        choice,
        h("option", { value: "#/desk" }, t("call.newest")),
        live.map(({ card }) =>
          h(
            "option",
            { value: `#/desk/${encodeURIComponent(card.call)}` },
            card.agent && card.agent !== card.call ? `${card.agent} · ${card.call}` : card.call,
          ),
        ),
      );
      choice.value = [...choice.options].some(({ value }) => value === location.hash) ? location.hash : "#/desk";
    }
    root.classList.toggle("none", !call);
    if (!call) return;
    say(agent, call.card.agent ? t("call.of", { agent: call.card.agent }) : "");
    say(id, call.card.call === call.card.agent ? "" : call.card.call);
    say(time, clock(call.at));
    phase.dataset.state = call.card.state;
    say(phase, t(`call.${call.card.state}`));
    const source = call.card.words;
    say(
      words,
      source === undefined
        ? ""
        : t(source === null ? "words.none" : source === "transcript" ? "words.transcript" : "words.audio"),
    );
    words.dataset.source = source ?? "none";
  }

  return { root, show };
}

/** With no call: what will be here and how to connect a softphone. */
function welcome() {
  const command = "python -m api stream call.wav --url ws://localhost:8000/v1/stream";
  return h(
    "section",
    { class: "welcome sheet" },
    h(
      "div",
      { class: "preview", "aria-hidden": "true" },
      [6, 5, 4, 3, 2, 1, 0].map((rung) => h("span", { data: { rung } }, rung, h("i", {}, rungName(rung)))),
    ),
    h(
      "div",
      {},
      h("h2", {}, t("desk.none.title")),
      h("p", { class: "lead" }, t("desk.none.text")),
      h("h3", {}, t("desk.none.how")),
      h(
        "p",
        { class: "ways" },
        h("a", { class: "button main", href: "/console/softphone.html" }, t("desk.none.mic")),
        ["admin", "supervisor"].includes(state.me.role) &&
          h("a", { class: "button", href: "#/recordings" }, t("desk.none.upload")),
      ),
      h("p", {}, t("desk.none.cli")),
      h("pre", {}, h("code", {}, command.replace("localhost:8000", location.host))),
    ),
  );
}
