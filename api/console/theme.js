/** Light, dark or as the system has it; remembered. Colours are in tokens.css. */

const KEY = "console.theme";
const THEMES = ["auto", "light", "dark"];

export const theme = () => document.documentElement.dataset.theme ?? "auto";

export function startTheme() {
  const kept = localStorage.getItem(KEY);
  set(THEMES.includes(kept) ? kept : "auto");
}

export function cycleTheme() {
  set(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
}

function set(name) {
  document.documentElement.dataset.theme = name;
  localStorage.setItem(KEY, name);
}
