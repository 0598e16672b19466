/** The few controls that every page makes: buttons, choices, labelled fields, and a fault in words. */

import { h } from "./dom.js";
import { t } from "./i18n.js";

/** `look`: "main", "quiet", "icon" or nothing. */
export const button = (label, click, look = "", props = {}) =>
  h("button", { type: "button", class: look, ...props, on: { click } }, label);

/** A choice of `[value, text]` pairs. */
export const choice = (options, now, props = {}) =>
  h(
    "select",
    props,
    options.map(([value, text]) => h("option", { value, selected: value === now }, text)),
  );

/** A control with its label; the label is bound by id. */
export const field = (id, label, control) => {
  control.id = id;
  return h("p", { class: "field" }, h("label", { for: id }, label), control);
};

/** A tick box with its label, and a remark under it. */
export const tick = (input, label, remark = null) =>
  h(
    "p",
    { class: "check" },
    input,
    h("label", { for: input.id }, label),
    remark && h("small", { id: `${input.id}-why`, class: "hush" }, remark),
  );

/** Column heads. */
export const heads = (names) =>
  h(
    "thead",
    {},
    h(
      "tr",
      {},
      names.map((name) => h("th", { scope: "col" }, name)),
    ),
  );

/** An empty place that says what will be there. */
export const nothing = (title, text) => h("section", { class: "nothing" }, h("h2", {}, title), h("p", {}, text));

/** What went wrong and what to do. Anything but a fault of the service is thrown on. */
export function inWords(problem) {
  if (problem.status === undefined) throw problem;
  return problem.status ? [problem.message, problem.remedy].filter(Boolean).join(" ") : t("fault.unreachable");
}
