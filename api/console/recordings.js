/** Recordings: drop one or many, see them go up and through the engine, open the timeline or take the result away. */

import * as api from "./api.js";
import { button, choice, field, inWords, tick } from "./controls.js";
import { h, keep, put, say } from "./dom.js";
import { clock, language, t } from "./i18n.js";

const LOOK_AGAIN = 1500;

export function recordingsView() {
  const sending = new Map();
  let stored = [];
  let timer = null;
  let closed = false;

  const file = h("input", {
    type: "file",
    id: "files",
    multiple: true,
    class: "unseen",
    accept: "audio/*,.wav,.flac,.ogg,.mp3",
    on: { change: chosen },
  });
  const drop = h(
    "div",
    { class: "drop", on: { dragover: hover, dragleave: hover, drop: hover } },
    h("p", {}, t("rec.drop"), " ", file, h("label", { class: "button main", for: "files" }, t("rec.choose"))),
    h("p", { class: "hush" }, t("rec.formats")),
  );
  const speech = choice(
    ["zh", "en", "auto"].map((code) => [code, t(`lang.${code}`)]),
    language(),
  );
  const channel = choice(
    [
      [0, "1"],
      [1, "2"],
    ],
    0,
  );
  const consent = h("input", { type: "checkbox", id: "rec-consent", "aria-describedby": "rec-consent-why" });
  const list = h("ol", { class: "recordings" });
  const none = h("p", { class: "hush nothing" }, t("rec.empty"));
  const fault = h("p", { class: "fault", role: "alert" });
  const root = h(
    "div",
    { class: "page" },
    h("header", { class: "pagehead" }, h("h1", {}, t("rec.title"))),
    h(
      "section",
      { class: "sheet part" },
      drop,
      h(
        "div",
        { class: "fields" },
        field("rec-language", t("rec.language"), speech),
        field("rec-channel", t("rec.channel"), channel),
        tick(consent, t("rec.consent"), t("rec.consent.why")),
      ),
    ),
    h("section", { class: "sheet part" }, h("h2", {}, t("rec.list")), fault, list, none),
  );

  function chosen() {
    send([...file.files]);
    file.value = "";
  }

  function hover(event) {
    event.preventDefault();
    drop.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") send(event.dataTransfer.files);
  }

  async function send(files) {
    const fields = { language: speech.value, caller_channel: Number(channel.value), consent: consent.checked };
    for (const each of files) {
      const key = `${each.name} ${each.size} ${Date.now()}`;
      const row = {
        recording: key,
        name: each.name,
        state: "sending",
        progress: 0,
        seconds: null,
        call: null,
        problem: null,
      };
      sending.set(key, row);
      draw();
      try {
        await api.upload(each, fields, (progress) => {
          row.progress = progress;
          draw();
        });
        sending.delete(key);
      } catch (problem) {
        Object.assign(row, { state: "failed", problem: inWords(problem) });
      }
      await look();
    }
  }

  async function look() {
    clearTimeout(timer);
    try {
      stored = (await api.recordings()).items;
      say(fault, "");
    } catch (problem) {
      say(fault, inWords(problem));
    }
    if (closed) return;
    draw();
    const going = stored.some(({ state }) => state === "waiting" || state === "running");
    timer = setTimeout(look, going ? LOOK_AGAIN : LOOK_AGAIN * 6);
  }

  function draw() {
    const rows = [...sending.values(), ...stored];
    keep(
      list,
      rows,
      ({ recording }) => recording,
      makeRow,
      (node, row) => changeRow(node, row, remove),
    );
    none.hidden = rows.length > 0;
  }

  async function remove(row) {
    if (sending.delete(row.recording)) return draw();
    await api.removeRecording(row.recording);
    return look();
  }

  look();
  return {
    root,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

const makeRow = () =>
  h(
    "li",
    {},
    h("div", { class: "name" }, h("strong"), h("small")),
    h("progress", { max: 1 }),
    h("span", { class: "state", role: "status" }),
    h("div", { class: "links" }),
  );

function changeRow(node, row, remove) {
  const { state, progress } = row;
  node.dataset.state = state;
  say(node.querySelector("strong"), row.name);
  say(node.querySelector("small"), row.seconds ? clock(row.seconds) : "");
  const meter = node.querySelector("progress");
  meter.hidden = !["sending", "running"].includes(state);
  meter.value = progress;
  meter.setAttribute("aria-label", row.name);
  const part = meter.hidden ? "" : ` ${Math.round(progress * 100)}%`;
  say(node.querySelector(".state"), state === "failed" ? failure(row.problem) : t(`rec.${state}`) + part);
  const links = node.querySelector(".links");
  if (links.dataset.state === state) return;
  links.dataset.state = state;
  put(
    links,
    state === "done" && [
      row.call && h("a", { href: `#/calls/${encodeURIComponent(row.call)}` }, t("rec.open")),
      h(
        "a",
        {
          href: `${api.reportAddress(row.recording, "html")}?language=${language()}`,
          target: "_blank",
          rel: "noopener",
        },
        t("rec.page"),
      ),
      ["json", "csv"].map((form) =>
        h("a", { href: api.reportAddress(row.recording, form), download: true }, form.toUpperCase()),
      ),
    ],
    ["done", "failed"].includes(state) && button(t("rec.remove"), () => remove(row), "quiet"),
  );
}

function failure(problem) {
  const text =
    typeof problem === "string"
      ? problem
      : [problem?.detail ?? problem?.title, problem?.remedy].filter(Boolean).join(" ");
  return text ? `${t("rec.failed")}: ${text}` : t("rec.failed");
}
