/** The switch between Chinese and English. */

import { button } from "./controls.js";
import { h } from "./dom.js";
import { language, setLanguage, t } from "./i18n.js";

export const languageSwitch = () =>
  h(
    "div",
    { class: "languages", role: "group", "aria-label": t("app.language") },
    half("zh", "zh-CN", "中"),
    half("en", "en", "EN"),
  );

const half = (code, lang, label) =>
  button(label, () => setLanguage(code), "", {
    id: `language-${code}`,
    lang,
    "aria-pressed": String(language() === code),
  });
