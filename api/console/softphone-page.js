/** The example page of the softphone SDK: a microphone or a recording becomes a call, alerts come back as events. */

import { badge } from "./card.js";
import { button, choice, field, tick } from "./controls.js";
import { h, put, say } from "./dom.js";
import { clock, either, language, onLanguage, rungName, setLanguage, t } from "./i18n.js";
import { languageSwitch } from "./languages.js";
import { Softphone } from "./softphone.js";
import { signIn } from "./sign.js";
import { startTheme } from "./theme.js";

const NAME = "[A-Za-z0-9._:@+\\-]{1,128}";
const MIC = { audio: { channelCount: 1, echoCancellation: true, noiseSuppression: false, autoGainControl: false } };

let phone = null;
let paused = false;
let player = null;
let standing = null;
let alert = null;
let note = "";
const chosen = { source: "mic", agent: "web", consent: false, file: null };
const main = h("main", { id: "main" });
const heard = h("section", { class: "sheet part cards" });

/** The streams of the two sides, from what was chosen. */
async function sides() {
  if (chosen.source === "mic") return { caller: await microphone() };
  const [caller, agent] = await recording(chosen.file);
  return { caller, agent: chosen.source === "both" ? await microphone() : agent };
}

const microphone = () => navigator.mediaDevices.getUserMedia(MIC);

/** A recording, played aloud, as one stream a channel. */
async function recording(file) {
  const context = new AudioContext();
  const source = context.createBufferSource();
  source.buffer = await context.decodeAudioData(await file.arrayBuffer());
  const channels = source.buffer.numberOfChannels;
  const splitter = context.createChannelSplitter(channels);
  source.connect(context.destination);
  source.connect(splitter);
  const streams = Array.from({ length: Math.min(2, channels) }, (_, channel) => {
    const out = context.createMediaStreamDestination();
    splitter.connect(out, channel);
    return out.stream;
  });
  source.onended = hangUp;
  player = { source, context };
  return streams;
}

async function connect(event) {
  event.preventDefault();
  note = "";
  standing = alert = null;
  try {
    const streams = await sides();
    phone = new Softphone({ agentId: chosen.agent, language: language(), consent: chosen.consent, readings: 1 });
    phone.addEventListener("state", draw);
    phone.addEventListener("reading", ({ detail }) => {
      ({ standing } = detail);
      drawHeard();
    });
    phone.addEventListener("alert", ({ detail }) => {
      if (detail.alert.audience !== "supervisor") ({ alert } = detail);
      drawHeard();
    });
    phone.addEventListener("error", ({ detail }) => {
      note = `${detail.message} ${detail.remedy ?? ""}`;
      draw();
    });
    phone.addEventListener("ended", ({ detail: { summary } }) => {
      note = t("phone.summary", { time: clock(summary.seconds), peak: rungName(summary.peak ?? 0) });
      draw();
    });
    await phone.start(streams);
    player?.source.start();
  } catch (fault) {
    if (!(fault instanceof DOMException)) throw fault;
    note = t("phone.denied", { why: fault.message });
    phone = null;
    draw();
  }
}

async function hangUp() {
  player?.source.disconnect();
  player?.context.close();
  player = null;
  await phone.stop();
}

function pause() {
  paused = !paused;
  if (paused) phone.pause();
  else phone.resume();
  draw();
}

/** The whole page; what the call says is drawn by itself, so that a button stays where it is while somebody presses it. */
function draw() {
  const busy = phone !== null && !["ended", "failed"].includes(phone.state);
  const state = phone === null ? "idle" : busy && paused ? "paused" : phone.state;
  const focused = document.activeElement?.id;
  const heading = h(
    "header",
    { class: "pagehead" },
    h("h1", {}, t("phone.title")),
    h("p", { class: "hush" }, t("phone.lead")),
  );
  put(
    main,
    h(
      "section",
      { class: "page phone" },
      heading,
      h("div", { class: "pair" }, busy ? call(state) : form(state), heard),
    ),
  );
  drawHeard();
  document.getElementById(focused)?.focus();
}

function form(state) {
  const kept = (take) => ({ change: ({ target }) => take(target) });
  const source = choice(
    ["mic", "file", "both"].map((name) => [name, t(`phone.source.${name}`)]),
    chosen.source,
    {
      on: kept(({ value }) => {
        chosen.source = value;
        draw();
      }),
    },
  );
  const file = h("input", {
    type: "file",
    accept: "audio/*",
    required: true,
    on: kept(({ files }) => {
      [chosen.file] = files;
    }),
  });
  const agent = h("input", {
    value: chosen.agent,
    pattern: NAME,
    on: kept(({ value }) => {
      chosen.agent = value;
    }),
  });
  const consent = h("input", {
    id: "consent",
    type: "checkbox",
    checked: chosen.consent,
    on: kept(({ checked }) => {
      chosen.consent = checked;
    }),
  });
  const go = h("button", { id: "go", class: "main" }, t("phone.start"));
  return h(
    "form",
    { class: "sheet part cards", on: { submit: connect } },
    field("source", t("phone.source"), source),
    chosen.source !== "mic" && field("file", t("phone.file"), file),
    field("agent", t("phone.agent"), agent),
    tick(consent, t("phone.consent"), t("rec.consent.why")),
    h("p", { class: "foot" }, go, h("span", { role: "status" }, t(`phone.state.${state}`))),
    h("p", { role: "status" }, note),
  );
}

const call = (state) =>
  h(
    "section",
    { class: "sheet part cards" },
    h("p", { role: "status", class: "callstate" }, t(`phone.state.${state}`)),
    h(
      "p",
      { class: "foot" },
      button(t("phone.stop"), hangUp, "main", { id: "stop" }),
      button(t(paused ? "phone.resume" : "phone.pause"), pause, "", { id: "pause" }),
    ),
    h("p", { role: "status" }, note),
  );

function drawHeard() {
  if (!standing && !alert) return put(heard, h("p", { class: "hush" }, t("phone.empty")));
  const guide = alert && either(alert.guidance);
  const desk = `/#/desk/${encodeURIComponent(phone.callId)}`;
  return put(
    heard,
    h("p", { class: "stands" }, t("thermo.stands"), " ", badge({ rung: standing?.rung ?? 0, kind: "raise" })),
    guide && [h("p", { class: "mood" }, guide.mood[0]), h("p", {}, guide.matter)],
    h("p", {}, h("a", { href: desk, target: "_blank", rel: "noopener" }, t("phone.console"))),
  );
}

function frame() {
  const home = h("a", { class: "brand", href: "/" }, t("app.title"));
  put(
    document.body,
    h(
      "header",
      { class: "top" },
      home,
      h("span", { class: "link" }),
      h("div", { class: "switches" }, languageSwitch()),
    ),
    main,
    h("footer", { class: "bottom" }, h("p", {}, t("app.estimate"))),
  );
  say(document.querySelector("title"), t("phone.title"));
  if (signed) draw();
}

let signed = false;
startTheme();
setLanguage(language());
onLanguage(frame);
frame();
await signIn(main);
signed = true;
draw();
