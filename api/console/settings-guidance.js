/** The tenant's own cards: one form a card and language; what is empty falls back to the built-in card. */

import * as api from "./api.js";
import { h } from "./dom.js";
import { rungName, t } from "./i18n.js";
import { field, motiveChoice, rungChoice, saver } from "./settings.js";

const LINES = ["title", "matter", "avoid", "technique", "step"];

export async function guidanceForm() {
  const now = await api.readSetting("guidance");
  const list = h("div", { class: "cards" });
  const none = h("p", { class: "hush" }, t("gd.empty"));
  const forms = new Set();

  function add(language, key, card) {
    const form = cardForm(forms.size, language, key, card, () => { forms.delete(form); form.root.remove(); none.hidden = forms.size > 0; });
    forms.add(form);
    list.append(form.root);
    none.hidden = true;
    return form;
  }

  for (const language of ["zh", "en"]) for (const [key, card] of Object.entries(now[language] ?? {})) add(language, key, card);
  const tongue = h("select", { "aria-label": t("rec.language") }, ["zh", "en"].map((code) => h("option", { value: code }, t(`lang.${code}`))));
  const motive = motiveChoice("waiting", t("lex.motive"));
  const rung = rungChoice(3, t("lex.rung"));
  const make = h("button", { type: "button", on: { click: () => add(tongue.value, `${motive.value}/${rung.value}`, {}).root.querySelector("input").focus() } }, t("gd.new"));
  const { submit, foot } = saver(() => api.writeSetting("guidance", read(forms)));
  return h("form", { on: { submit } }, h("p", { class: "hush" }, t("gd.why"), " ", t("set.new")), none, list,
    h("p", { class: "row" }, tongue, motive, rung, make), foot);
}

function read(forms) {
  const all = { zh: {}, en: {} };
  for (const { language, key, read: card } of forms) all[language][key] = card();
  return all;
}

function cardForm(place, language, key, card, remove) {
  const [motive, rung] = key.split("/");
  const name = `${t(`lang.${language}`)} · ${t(`motive.${motive}`)} · ${rung} ${rungName(Number(rung))}`;
  const mood = h("textarea", { rows: 2, required: true, value: (card.mood ?? []).join("\n") });
  const inputs = Object.fromEntries(LINES.map((line) => [line, h("input", { value: card[line] ?? "", required: line !== "technique" && line !== "step" })]));
  const at = (line) => field(`card-${place}-${line}`, t(`gd.${line}`), inputs[line]);
  const root = h("fieldset", { lang: language === "zh" ? "zh-CN" : "en" }, h("legend", {}, name),
    at("title"), field(`card-${place}-mood`, t("gd.mood"), mood), LINES.slice(1).map(at),
    h("button", { type: "button", class: "quiet", on: { click: remove } }, t("set.remove", { what: name })));
  return {
    root,
    language,
    key,
    read: () => ({
      ...Object.fromEntries(LINES.map((line) => [line, inputs[line].value.trim()])),
      mood: mood.value.split("\n").map((line) => line.trim()).filter(Boolean),
    }),
  };
}
