/** The tenant's own cards, each in both languages, since every agent sees his own: in place of the built-in ones. */

import * as api from "./api.js";
import { button, choice, field } from "./controls.js";
import { h } from "./dom.js";
import { rungName, t } from "./i18n.js";
import { motiveChoice, rungChoice, saver } from "./settings.js";

const LANGUAGES = ["zh", "en"];
const LINES = ["title", "matter", "avoid", "technique", "step"];
const STEPS = {
  zh: ["倾听", "共情", "确认", "解决", "回访", "反馈"],
  en: ["listen", "empathise", "confirm", "solve", "call back", "report back"],
};

export async function guidanceForm() {
  const now = await api.readSetting("guidance");
  const list = h("div", { class: "cards" });
  const none = h("p", { class: "hush" }, t("gd.empty"));
  const cards = new Map();

  function add(place, texts) {
    if (cards.has(place)) return cards.get(place);
    const card = cardForm(place, texts, () => {
      cards.delete(place);
      card.root.remove();
      none.hidden = cards.size > 0;
    });
    cards.set(place, card);
    list.append(card.root);
    none.hidden = true;
    return card;
  }

  for (const place of new Set(LANGUAGES.flatMap((code) => Object.keys(now[code])))) add(place, now);
  const motive = motiveChoice("waiting", t("lex.motive"));
  const rung = rungChoice(3, t("lex.rung"), 1);
  const make = () => add(`${motive.value}/${rung.value}`, { zh: {}, en: {} }).root.querySelector("input").focus();
  const inOne = (code) => Object.fromEntries([...cards].map(([place, card]) => [place, card.read(code)]));
  const read = () => ({ zh: inOne("zh"), en: inOne("en") });
  const { submit, foot } = saver(() => api.writeSetting("guidance", read()));
  return h(
    "form",
    { on: { submit } },
    h("p", { class: "hush" }, t("gd.why"), " ", t("set.new")),
    none,
    list,
    h("p", { class: "row" }, motive, rung, button(t("gd.new"), make)),
    foot,
  );
}

function cardForm(place, texts, remove) {
  const [motive, rung] = place.split("/");
  const name = `${t(`motive.${motive}`)} · ${rung} ${rungName(Number(rung))}`;
  const halves = Object.fromEntries(
    LANGUAGES.map((code) => [code, half(`${motive}-${rung}-${code}`, code, texts[code][place] ?? {})]),
  );
  const root = h(
    "fieldset",
    {},
    h("legend", {}, name),
    h(
      "div",
      { class: "pair" },
      LANGUAGES.map((code) => halves[code].root),
    ),
    button(t("set.remove", { what: name }), remove, "quiet"),
  );
  return { root, read: (code) => halves[code].read() };
}

/** One of the six steps of complaint handling. */
const stepChoice = (code, now) =>
  choice(
    STEPS[code].map((step) => [step, step]),
    now,
  );

/** The card in one language. */
function half(id, code, card) {
  const mood = h("textarea", { rows: 3, required: true, value: (card.mood ?? []).join("\n") });
  const input = (line) => h("input", { value: card[line] ?? "", required: true });
  const inputs = Object.fromEntries(
    LINES.map((line) => [line, line === "step" ? stepChoice(code, card.step) : input(line)]),
  );
  const at = (line) => field(`${id}-${line}`, t(`gd.${line}`), inputs[line]);
  const root = h(
    "div",
    { role: "group", "aria-label": t(`lang.${code}`), class: "cards" },
    h("h3", {}, t(`lang.${code}`)),
    at("title"),
    field(`${id}-mood`, t("gd.mood"), mood),
    LINES.slice(1).map(at),
  );
  const read = () => ({
    ...Object.fromEntries(LINES.map((line) => [line, inputs[line].value.trim()])),
    mood: mood.value
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean),
  });
  return { root, read };
}
