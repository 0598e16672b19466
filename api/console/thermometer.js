/**
 * 情绪温度计: seven steps, the lowest at the bottom. A change slides once and settles; nothing blinks.
 * Number, word, place and colour say the same thing, so none of them is needed alone.
 */

import { h, s, say } from "./dom.js";
import { rungName, t } from "./i18n.js";

const STEPS = [6, 5, 4, 3, 2, 1, 0];
export const ARROWS = { up: "M12 20V5M5 11l7-7 7 7", down: "M12 4v15M5 13l7 7 7-7", steady: "M4 12h15M13 5l7 7-7 7" };

export function thermometer() {
  const fill = h("div", { class: "fill" });
  const steps = STEPS.map((rung) =>
    h(
      "li",
      { data: { step: rung } },
      h("span", { class: "number" }, rung),
      h("span", { class: "name" }, rungName(rung)),
    ),
  );
  const scale = h("ol", { class: "scale", "aria-hidden": "true" }, steps);
  const tube = h("div", { class: "tube", "aria-hidden": "true" }, fill);
  const arrow = s("path", {
    fill: "none",
    stroke: "currentColor",
    "stroke-width": 2.5,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  });
  const trendWord = h("span");
  const trend = h("p", { class: "trend" }, s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, arrow), trendWord);
  const number = h("span", { class: "figure" });
  const name = h("strong", { class: "where" });
  const sure = h("p", { class: "sure" });
  const doubt = h("p", { class: "doubt", hidden: true });
  const root = h(
    "section",
    { class: "thermometer", "aria-labelledby": "thermometer-title" },
    h("h2", { id: "thermometer-title" }, t("thermo.title")),
    h("div", { class: "instrument" }, h("div", { class: "glass" }, tube, scale)),
    h(
      "div",
      { class: "verdict" },
      h("p", { class: "stands" }, t("thermo.stands")),
      h("p", { class: "now", role: "status" }, number, " ", name),
      trend,
      sure,
      doubt,
    ),
  );

  /** `standing`: {rung, confidence, trend: up|down|steady, degraded: [why…]}, or null with no call. */
  function show(standing) {
    const rung = standing?.rung ?? null;
    root.classList.toggle("empty", rung === null);
    root.classList.toggle("degraded", Boolean(standing?.degraded.length));
    if (rung === null) {
      delete root.dataset.rung;
      say(number, "–");
      say(name, t("thermo.none"));
      say(trendWord, "");
      say(sure, "");
      arrow.removeAttribute("d");
    } else {
      root.dataset.rung = rung;
      say(number, String(rung));
      say(name, rungName(rung));
      arrow.setAttribute("d", ARROWS[standing.trend]);
      say(trendWord, t(`trend.${standing.trend}`));
      say(
        sure,
        standing.confidence === null
          ? ""
          : t("thermo.sure", { p: Math.min(99, Math.round(standing.confidence * 100)) }),
      );
    }
    trend.hidden = rung === null;
    for (const step of steps) {
      const at = Number(step.dataset.step);
      step.classList.toggle("current", at === rung);
      step.classList.toggle("under", rung !== null && at <= rung);
    }
    const why = standing?.degraded ?? [];
    doubt.hidden = why.length === 0;
    say(
      doubt,
      why.length ? t("thermo.degraded", { why: why.map((key) => t(`degraded.${key}`)).join(t("list.comma")) }) : "",
    );
  }

  show(null);
  return { root, show };
}
