/** One alert card: what to say first (the mood), then the matter, what to leave unsaid; done or not so. */

import { button, inWords } from "./controls.js";
import { h, put, say } from "./dom.js";
import { clock, either, rungName, t } from "./i18n.js";
import { currentAlert } from "./model.js";
import { answer } from "./store.js";

/** `jump(span)` shows a moment of the call. */
export function cards({ jump }) {
  const box = h("section", { class: "say", "aria-labelledby": "say-title" });
  const heading = h("h2", { id: "say-title", class: "unseen" }, t("card.title"));
  const place = h("div", { class: "place", "aria-live": "polite", "aria-atomic": "true" });
  put(box, heading, place);
  const why = h("section", { class: "why", "aria-labelledby": "why-title" });
  const earlier = h("details", { class: "earlier", hidden: true });
  let shown = null;
  let wording = 0;
  let drawn = "";

  function show(call) {
    const alert = call ? currentAlert(call.alerts) : null;
    if (alert?.id !== shown?.id) wording = 0;
    shown = alert;
    const look = alert ? `${alert.id} ${alert.feedback?.verdict} ${Boolean(alert.acknowledged)}` : "";
    if (look !== drawn || !place.firstChild) {
      drawn = look;
      put(place, alert ? face(alert) : nothing());
    }
    reasons(alert, call);
    list(call?.alerts ?? []);
  }

  function face(alert) {
    const guide = alert.guidance[document.documentElement.lang === "zh-CN" ? "zh" : "en"];
    const mood = h("p", { class: "mood" }, guide.mood[wording % guide.mood.length]);
    const another = () => say(mood, guide.mood[++wording % guide.mood.length]);
    const other =
      guide.mood.length > 1 && button([t("card.other"), key("W")], another, "quiet", { "aria-keyshortcuts": "W" });
    const handled = alert.feedback?.verdict ?? (alert.acknowledged ? "seen" : null);
    return h(
      "article",
      { class: `card ${alert.kind} ${alert.audience}`, data: { rung: alert.rung, alert: alert.id, handled } },
      h("header", {}, badge(alert), h("span", { class: "title" }, guide.title), h("time", {}, clock(alert.at))),
      h("p", { class: "label" }, t("card.mood")),
      mood,
      h(
        "div",
        { class: "rest" },
        h("div", { class: "matter" }, h("p", { class: "label" }, t("card.matter")), h("p", {}, guide.matter)),
        h("div", { class: "avoid" }, h("p", { class: "label" }, t("card.avoid")), h("p", {}, guide.avoid)),
      ),
      h(
        "footer",
        {},
        handled
          ? h("p", { class: "handled" }, t(`card.answered.${handled}`))
          : [reply(alert, "useful", "card.done", "D", "main"), reply(alert, "wrong", "card.wrong", "N", "")],
        other,
        h("span", { class: "how" }, [guide.technique, guide.step].filter(Boolean).join(" · ")),
      ),
    );
  }

  function reasons(alert, call) {
    const list = alert?.reasons ?? call?.changes.at(-1)?.reasons ?? [];
    const look = list.map((reason) => reason.key + reason.span).join() + Boolean(call);
    if (why.dataset.look === look && why.firstChild) return;
    why.dataset.look = look;
    put(
      why,
      h("h2", { id: "why-title" }, t("why.title")),
      list.length
        ? h(
            "ul",
            { class: "chips" },
            list.map((reason) => h("li", {}, chip(reason, jump))),
          )
        : h("p", { class: "hush" }, t("why.empty")),
    );
  }

  function list(alerts) {
    const older = alerts
      .filter((alert) => alert !== shown && alert.audience !== "supervisor" && alert.kind !== "care")
      .reverse();
    earlier.hidden = older.length === 0;
    const look = older.map((alert) => alert.id + alert.feedback?.verdict).join();
    if (earlier.dataset.look === look) return;
    earlier.dataset.look = look;
    put(
      earlier,
      h("summary", {}, t("card.earlier", { n: older.length })),
      h(
        "ol",
        {},
        older.map((alert) =>
          h(
            "li",
            { data: { rung: alert.rung } },
            h("time", {}, clock(alert.at)),
            badge(alert),
            h("span", {}, either(alert.guidance).mood[0]),
            verdicts(alert),
          ),
        ),
      ),
    );
  }

  function press(name) {
    const button = { d: ".reply.main", n: ".reply:not(.main)", w: "footer .quiet" }[name];
    box.querySelector(button)?.click();
  }

  show(null);
  return { box, why, earlier, show, press };
}

const nothing = () =>
  h("div", { class: "calm" }, h("p", { class: "title" }, t("card.empty.title")), h("p", {}, t("card.empty.text")));

const key = (name) => h("kbd", { "aria-hidden": "true" }, name);

/** Number and name of the rung that a card is about, and what kind of news it is. */
export function badge(alert) {
  const kind = alert.audience === "hint" && alert.kind === "raise" ? "hint" : alert.kind;
  return h(
    "span",
    { class: "badge", data: { rung: alert.rung } },
    h("b", {}, alert.rung),
    " ",
    rungName(alert.rung),
    kind !== "raise" && h("small", {}, t(`kind.${kind}`)),
  );
}

/** The reason's text without the seconds at its end: the chip says the time in its own way. */
export const plainText = (reason) => either(reason.text).replace(/ ?\([\d.]+(-\d+)? s\)$/, "");

/** A reason as a chip that jumps to its moment. */
export function chip(reason, jump) {
  const [from, to] = reason.span;
  const parts = [h("i", {}, t(`ear.${reason.ear}`)), h("span", {}, plainText(reason)), h("time", {}, clock(from))];
  return button(parts, () => jump({ from, to }), `chip ${reason.ear}`, { title: t("why.jump", { time: clock(from) }) });
}

function reply(alert, verdict, label, letter, look) {
  const click = (event) => send(event.currentTarget, alert, verdict);
  return button([t(label), key(letter)], click, `reply ${look}`, { "aria-keyshortcuts": letter });
}

async function send(button, alert, verdict) {
  const choice = button.closest(".verdicts");
  try {
    await answer(alert, verdict);
    choice?.replaceWith(h("em", { role: "status" }, t(`verdict.${verdict}`)));
  } catch (problem) {
    const why = inWords(problem);
    alert.acknowledged = null;
    alert.feedback = null;
    button.closest(".place, li")?.append(h("p", { class: "fault", role: "alert" }, t("card.failed", { why })));
  }
}

/** For a card in the list: what was answered, or the three answers. */
export function verdicts(alert) {
  if (alert.feedback) return h("em", {}, t(`verdict.${alert.feedback.verdict}`));
  return h(
    "span",
    { class: "verdicts" },
    ["useful", "wrong", "late"].map((verdict) =>
      button(t(`verdict.${verdict}`), (event) => send(event.currentTarget, alert, verdict), "quiet"),
    ),
  );
}
