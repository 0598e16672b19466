/** Settings for administrators: thresholds, the lexicon, guidance cards and keys, each its own form. */

import * as api from "./api.js";
import { guidanceForm } from "./settings-guidance.js";
import { keysForm } from "./settings-keys.js";
import { button, choice, field, heads, inWords, tick } from "./controls.js";
import { h, put, say } from "./dom.js";
import { rungName, t } from "./i18n.js";

const MOTIVES = [
  "waiting",
  "repetition",
  "urging",
  "judgement",
  "demand",
  "accusation",
  "complaint",
  "threat",
  "abuse",
  "calming",
  "displeasure",
];
const RUNGS = [0, 1, 2, 3, 4, 5, 6];
const RANGES = { dead_air_s: [0.5, 120], interruption_s: [0.1, 30], false_alerts_per_hour: [0.01, 60] };
const PARTS = { thresholds, lexicon, guidance: guidanceForm, keys: keysForm };

export function settingsView(chosen) {
  const name = chosen in PARTS ? chosen : "thresholds";
  const part = h("section", { class: "sheet part", "aria-labelledby": "settings-title" });
  const root = h(
    "div",
    { class: "page settings" },
    h("header", { class: "pagehead" }, h("h1", {}, t("set.title"))),
    h(
      "nav",
      { class: "tabs", "aria-label": t("set.title") },
      Object.keys(PARTS).map((each) =>
        h("a", { href: `#/settings/${each}`, "aria-current": each === name ? "page" : null }, t(`set.${each}`)),
      ),
    ),
    part,
  );
  fill(part, name);
  return { root };
}

async function fill(part, name) {
  const heading = h("h2", { id: "settings-title" }, t(`set.${name}`));
  try {
    put(part, heading, await PARTS[name]());
  } catch (problem) {
    put(part, heading, h("p", { class: "fault", role: "alert" }, inWords(problem)));
  }
}

/** A button that saves, and says so or says why not. `save()` is awaited. */
export function saver(save) {
  const note = h("span", { role: "status" });
  const button = h("button", { type: "submit", class: "main" }, t("set.save"));

  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    try {
      await save();
      note.className = "hush";
      say(note, t("set.saved"));
    } catch (problem) {
      say(note, t("set.failed", { why: inWords(problem) }));
      note.className = "fault";
    }
    button.disabled = false;
  }

  return { submit, foot: h("p", { class: "foot" }, button, note) };
}

export const rungChoice = (value, label = null, least = 0) =>
  choice(
    RUNGS.slice(least).map((rung) => [rung, `${rung} ${rungName(rung)}`]),
    value,
    { "aria-label": label },
  );
export const motiveChoice = (value, label = null) =>
  choice(
    MOTIVES.map((motive) => [motive, t(`motive.${motive}`)]),
    value,
    { "aria-label": label },
  );

async function thresholds() {
  const now = await api.readSetting("thresholds");
  const tongue = choice(
    ["zh", "en", "auto"].map((code) => [code, t(`lang.${code}`)]),
    now.language,
  );
  const numbers = Object.entries(RANGES).map(([name, [min, max]]) => [
    name,
    h("input", { type: "number", min, max, step: "any", required: true, value: now[name] }),
  ]);
  const quiet = RUNGS.slice(1).map((rung) => [
    rung,
    h("input", { type: "checkbox", id: `quiet-${rung}`, checked: now.quiet_rungs.includes(rung) }),
  ]);
  const { submit, foot } = saver(() =>
    api.writeSetting("thresholds", {
      language: tongue.value,
      ...Object.fromEntries(numbers.map(([name, input]) => [name, Number(input.value)])),
      quiet_rungs: quiet.filter(([, input]) => input.checked).map(([rung]) => rung),
    }),
  );
  return h(
    "form",
    { on: { submit } },
    h("p", { class: "hush" }, t("set.new")),
    field("th-language", t("th.language"), tongue),
    numbers.map(([name, input]) => field(`th-${name}`, t(`th.${name}`), input)),
    h(
      "fieldset",
      {},
      h("legend", {}, t("th.quiet_rungs")),
      quiet.map(([rung, input]) => tick(input, `${rung} ${rungName(rung)}`)),
    ),
    foot,
  );
}

async function lexicon() {
  const now = await api.readSetting("lexicon");
  const lists = { zh: h("tbody"), en: h("tbody") };
  const row = ({ text, rung, motive }) => {
    const line = h(
      "tr",
      {},
      h("td", {}, h("input", { value: text, required: true, "aria-label": t("lex.text") })),
      h("td", {}, rungChoice(rung, t("lex.rung"))),
      h("td", {}, motiveChoice(motive, t("lex.motive"))),
      h(
        "td",
        {},
        button("✕", () => line.remove(), "quiet", { "aria-label": t("set.remove", { what: text }) }),
      ),
    );
    return line;
  };
  const read = (body) =>
    [...body.rows].map((line) => {
      const [text, rung, motive] = [...line.querySelectorAll("input, select")].map(({ value }) => value);
      return { text: text.trim(), rung: Number(rung), motive };
    });
  const { submit, foot } = saver(() => api.writeSetting("lexicon", { zh: read(lists.zh), en: read(lists.en) }));
  const part = (code) => {
    lists[code].append(...now[code].map(row));
    const add = () => {
      lists[code].append(row({ text: "", rung: 3, motive: "displeasure" }));
      lists[code].lastElementChild.querySelector("input").focus();
    };
    return h(
      "div",
      {},
      h("h3", {}, t(`lang.${code}`)),
      h("table", { class: "edit" }, heads(["text", "rung", "motive"].map((name) => t(`lex.${name}`))), lists[code]),
      button(t("set.add"), add),
    );
  };
  return h(
    "form",
    { on: { submit } },
    h("p", { class: "hush" }, t("lex.why"), " ", t("set.new")),
    h("div", { class: "pair" }, part("zh"), part("en")),
    foot,
  );
}
