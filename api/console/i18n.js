/** Chinese and English, switched at once and remembered. Strings are in messages.js. */

import { MESSAGES, RUNGS } from "./messages.js";

const KEY = "console.language";
const LANGUAGES = ["zh", "en"];
const listeners = new Set();

let current = initial();

function initial() {
  const kept = localStorage.getItem(KEY);
  if (LANGUAGES.includes(kept)) return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const language = () => current;

export function setLanguage(code) {
  current = code;
  localStorage.setItem(KEY, code);
  document.documentElement.lang = code === "zh" ? "zh-CN" : "en";
  for (const listener of listeners) listener(code);
}

export function onLanguage(listener) {
  listeners.add(listener);
}

/** The message of a key with `{name}` places filled. An unknown key is shown as it is: a fault to be seen. */
export function t(key, values = {}) {
  const entry = MESSAGES[key];
  if (!entry) return key;
  return entry[LANGUAGES.indexOf(current)].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** A bilingual value of the API, `{zh, en}`, in the language of the page. */
export const either = (text) => (text ? (text[current] ?? text.en ?? text.zh ?? "") : "");

export const rungName = (rung) => RUNGS[rung][LANGUAGES.indexOf(current)];

/** Seconds as 1:05. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** Time of day, as the place writes it. */
export const hour = (epoch) =>
  new Date(epoch).toLocaleTimeString(current === "zh" ? "zh-CN" : "en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });

export const day = (epoch) =>
  new Date(epoch).toLocaleString(current === "zh" ? "zh-CN" : "en-GB", { dateStyle: "medium", timeStyle: "short" });

/** A number with its sign, a true minus, and at most `digits` decimals. */
export function signed(value, digits = 0) {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return "0";
  return (value < 0 ? "−" : "+") + text;
}
