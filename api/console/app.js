/** The page: who looks, which view, language, theme, keys, and the line to the service. */

import * as api from "./api.js";
import { callsView, replayView } from "./replay.js";
import { deskView } from "./desk.js";
import { button } from "./controls.js";
import { h, put, s, say } from "./dom.js";
import { languageSwitch } from "./languages.js";
import { hour, language, onLanguage, setLanguage, t } from "./i18n.js";
import { cycleTheme, startTheme, theme } from "./theme.js";
import { recordingsView } from "./recordings.js";
import { settingsView } from "./settings.js";
import { signIn } from "./sign.js";
import { connect, state, subscribe } from "./store.js";
import { wallView } from "./wall.js";

const PAGES = [
  { name: "desk", view: deskView, roles: ["agent", "supervisor", "admin"] },
  { name: "wall", view: wallView, roles: ["supervisor", "admin"] },
  { name: "calls", view: (id) => (id ? replayView(id) : callsView()), roles: ["agent", "supervisor", "admin"] },
  { name: "recordings", view: recordingsView, roles: ["ingest", "supervisor", "admin"] },
  { name: "settings", view: settingsView, roles: ["admin"] },
];
const SHORTCUTS = ["D", "N", "W", "E", "1-5", "L", "?"];

let view = null;
const linkText = h("span");
const link = h("p", { class: "link", role: "status" }, h("span", { class: "dot", "aria-hidden": "true" }), linkText);
const outage = h("p", { class: "outage", role: "alert", hidden: true });
const header = h("header", { class: "top" });
const main = h("main", { id: "main", tabindex: "-1" });
const footer = h("footer", { class: "bottom" });
const help = h("dialog", { class: "help", "aria-labelledby": "help-title" });

const pages = () => PAGES.filter(({ roles }) => roles.includes(state.me?.role));

function route() {
  const [name, id] = location.hash.replace(/^#\/?/, "").split("/");
  const allowed = pages();
  const first = state.me.role === "supervisor" ? "wall" : allowed[0].name;
  const page = allowed.find((each) => each.name === name) ?? allowed.find((each) => each.name === first);
  return { page, id: id ? decodeURIComponent(id) : null };
}

/** The bar on top; the focus stays on the switch that was pressed. */
function drawHeader() {
  const focused = document.activeElement?.id;
  const { page } = route();
  put(
    header,
    h("a", { class: "brand", href: "#/" }, glyph(), h("span", {}, t("app.title"))),
    h(
      "nav",
      { "aria-label": t("nav.label") },
      pages().map(({ name }) =>
        h("a", { href: `#/${name}`, "aria-current": name === page.name ? "page" : null }, t(`nav.${name}`)),
      ),
    ),
    state.me.demo && h("span", { class: "demo", title: t("app.demo.why") }, t("app.demo")),
    link,
    h(
      "div",
      { class: "switches" },
      languageSwitch(),
      iconButton("theme", t("app.theme", { name: t(`theme.${theme()}`) }), THEME_ICONS[theme()](), nextTheme),
      iconButton("keys", t("app.keys"), "?", showHelp),
      !state.me.demo && button(t("app.signout"), leave, "quiet"),
    ),
  );
  put(footer, h("p", {}, t("app.estimate")));
  drawLink();
  if (focused) document.getElementById(focused)?.focus();
}

const iconButton = (id, name, picture, click) =>
  button(picture, click, "icon", { id, title: name, "aria-label": name });

function nextTheme() {
  cycleTheme();
  drawHeader();
}

const icon = (...shapes) => s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, shapes);
const glyph = () =>
  icon(
    s("rect", { x: 8, y: 1, width: 8, height: 22, rx: 4, class: "glass" }),
    s("path", { d: "M8 12h8v7a4 4 0 0 1-8 0z", class: "mercury" }),
  );
const disc = { cx: 12, cy: 12, r: 8, fill: "none", stroke: "currentColor", "stroke-width": 2 };
const THEME_ICONS = {
  auto: () => icon(s("circle", disc), s("path", { d: "M12 4a8 8 0 0 1 0 16z", fill: "currentColor" })),
  light: () =>
    icon(
      s("circle", { ...disc, r: 5 }),
      s("path", {
        d: "M12 1v3M12 20v3M1 12h3M20 12h3M4.2 4.2l2.1 2.1M17.7 17.7l2.1 2.1M4.2 19.8l2.1-2.1M17.7 6.3l2.1-2.1",
        stroke: "currentColor",
        "stroke-width": 2,
      }),
    ),
  dark: () => icon(s("path", { d: "M20 14A8.5 8.5 0 0 1 10 4a8.5 8.5 0 1 0 10 10z", fill: "currentColor" })),
};

function drawLink() {
  const { up, since, ever } = state.link;
  link.dataset.up = up;
  say(linkText, up ? t("link.up") : ever ? t("link.down", { time: hour(since) }) : t("link.wait"));
  outage.hidden = up || !ever;
  say(outage, outage.hidden ? "" : t("link.down.long", { time: hour(since) }));
}

function drawView() {
  const { page, id } = route();
  view?.close?.();
  view = page.view(id);
  put(main, view.root);
  document.title = `${t(`nav.${page.name}`)} · ${t("app.title")}`;
}

function redraw() {
  if (!state.me) return;
  drawHeader();
  drawView();
}

function showHelp() {
  const shown = SHORTCUTS.map((name) => [h("dt", {}, h("kbd", {}, name)), h("dd", {}, t(`keys.${name}`))]);
  put(
    help,
    h("h2", { id: "help-title" }, t("keys.title")),
    h("dl", {}, shown),
    h("form", { method: "dialog" }, h("button", { class: "main" }, t("keys.close"))),
  );
  help.showModal();
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open || !state.me) return;
  if (event.target.closest("input, textarea, select")) return;
  const name = event.key.toLowerCase();
  const page = pages()[Number(name) - 1];
  if (page) location.hash = `#/${page.name}`;
  else if (name === "l") setLanguage(language() === "zh" ? "en" : "zh");
  else if (name === "?") showHelp();
  else view?.press?.(name);
}

async function leave() {
  await api.signOut();
  location.reload();
}

/** Ask who looks; with nobody signed in, ask for a key; then open the line and draw. */
async function start() {
  state.me = null;
  put(main, h("p", { class: "hush" }, t("link.wait")));
  const me = await signIn(main);
  connect(me, recheck);
  redraw();
}

let checking = false;

/** The line was refused: the session may be over. The service being away is no reason to ask for a key. */
async function recheck() {
  if (checking) return;
  checking = true;
  try {
    await api.me();
  } catch (problem) {
    if (problem.status === 401) location.reload();
  } finally {
    checking = false;
  }
}

function toContent(event) {
  event.preventDefault();
  main.focus();
}

startTheme();
setLanguage(language());
const skip = h("a", { class: "skip", href: "#main", on: { click: toContent } }, t("app.skip"));
document.body.append(skip, header, outage, main, footer, help);
onLanguage(() => {
  say(skip, t("app.skip"));
  redraw();
});
subscribe((what) => what === "link" && drawLink());
window.addEventListener("hashchange", () => {
  redraw();
  main.focus();
});
window.addEventListener("keydown", press);
start();
