/**
 * Browser softphone SDK: taps the sides of a call, streams them to `/v1/stream`, gives alerts as events.
 * No build step, no dependency; docs/softphone.md. Events are `CustomEvent`s whose `detail` is the service's message.
 *
 *   const phone = new Softphone({ agentId: "a-3", language: "zh", consent: true });
 *   phone.addEventListener("alert", ({ detail }) => show(detail.alert.guidance.zh));
 *   await phone.start({ caller: remoteStream, agent: microphoneStream });
 */

import { Outbox } from "./softphone-outbox.js";

const RATE = 8000;
const FRAME = 800;
const KEEP = 30;
const FULL = 256 * 1024;
const DELAYS = [250, 500, 1000, 2000, 4000];
const FINISHED = [1000, 4400, 4401, 4403, 4409, 4413];
const LAST_WORD = 10_000;
const TAIL = 500;

export class Softphone extends EventTarget {
  #settings;
  #url;
  #ticket;
  #context = null;
  #tap = null;
  #sources = [];
  #players = [];
  #socket = null;
  #outbox = new Outbox(KEEP);
  #heard = 0;
  #greeted = false;
  #open = false;
  #failures = 0;
  #timer = null;
  #ended = null;
  #id;
  #named = null;

  state = "idle";

  /**
   * `url`: of the service's stream, by default this page's own. `ticket`: async function that gives a ticket for one
   * connection, where no session cookie is there. `callId`, `agentId`, `team`, `caller`, `language`, `consent`,
   * `readings`, `metadata`: fields of `start`. Without `consent: true` only talk and silence are measured.
   */
  constructor({
    url = streamAddress(),
    ticket = null,
    callId,
    agentId,
    team,
    caller,
    language = "auto",
    consent = false,
    readings = null,
    metadata = {},
  } = {}) {
    super();
    this.#url = url;
    this.#ticket = ticket;
    this.#id = callId ?? `web-${crypto.randomUUID()}`;
    this.#settings = { agent_id: agentId, team, caller, language, consent, readings, metadata };
  }

  /** The call's name at the service, which numbers a name that was used before. */
  get callId() {
    return this.#named ?? this.#id;
  }

  /** Tap the call. `caller`, `agent`: a MediaStream each, one may be missing. Call it from a click: browsers ask for one. */
  async start({ caller = null, agent = null }) {
    if (this.state !== "idle") throw new Error("a Softphone serves one call: make another for the next");
    const sides = [
      ["caller", caller],
      ["agent", agent],
    ].filter(([, stream]) => stream);
    if (!sides.length) throw new TypeError("start needs a MediaStream: caller, agent or both");
    this.#settings.channels = sides.map(([name]) => name);
    this.#become("connecting");
    try {
      await this.#listen(sides.map(([, stream]) => stream));
    } catch (fault) {
      await this.#release();
      this.#become("failed");
      throw fault;
    }
    const first = caller ?? agent;
    first.getAudioTracks()[0]?.addEventListener("ended", () => this.stop(), { once: true });
    this.#connect();
  }

  /** While card numbers are said: silence goes out in place of the voices, and the service keeps and counts nothing. */
  pause() {
    this.#tap?.port.postMessage({ paused: true });
    this.#say({ type: "pause" });
  }

  resume() {
    this.#tap?.port.postMessage({ paused: false });
    this.#say({ type: "resume" });
  }

  hold(on) {
    this.#say({ type: "hold", on });
  }

  transfer() {
    this.#say({ type: "transfer" });
  }

  /** What your own recogniser heard: {channel, start, end, text, final}, seconds of the call. */
  transcript(utterance) {
    this.#say({ type: "transcript", ...utterance });
  }

  /** Comes back as the event `mark` when the audio before it was analysed. */
  mark(name) {
    this.#say({ type: "mark", name });
  }

  /** End the call. Resolves with its summary, or null when the service could not say it. */
  async stop() {
    if (!this.#ended) this.#ended = this.#finish();
    return this.#ended;
  }

  async #finish() {
    await this.#lastAudio();
    await this.#release();
    if (["failed", "ended"].includes(this.state)) return null;
    this.#say({ type: "stop" });
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        this.#close("ended");
        resolve(null);
      }, LAST_WORD);
      this.addEventListener(
        "ended",
        ({ detail }) => {
          clearTimeout(late);
          resolve(detail.summary);
        },
        { once: true },
      );
    });
  }

  async #listen(streams) {
    this.#context = new AudioContext();
    await this.#context.audioWorklet.addModule(new URL("./softphone-worklet.js", import.meta.url));
    this.#tap = new AudioWorkletNode(this.#context, "emotion-tap", {
      numberOfInputs: streams.length,
      numberOfOutputs: 1,
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { sides: streams.length, frame: FRAME },
    });
    this.#tap.connect(this.#context.destination);
    this.#tap.port.onmessage = ({ data }) => {
      if (data.audio?.byteLength) this.#audio(data.audio);
    };
    this.#sources = streams.map((stream, input) => {
      this.#players.push(awake(stream));
      const source = this.#context.createMediaStreamSource(stream);
      source.connect(this.#tap, 0, input);
      return source;
    });
    await this.#context.resume();
  }

  /** The worklet hands out the part of a frame that it still holds. */
  #lastAudio() {
    if (!this.#tap || this.#context.state !== "running") return Promise.resolve();
    const { port } = this.#tap;
    return new Promise((resolve) => {
      const late = setTimeout(resolve, TAIL);
      port.addEventListener("message", ({ data }) => {
        if (!data.last) return;
        clearTimeout(late);
        resolve();
      });
      port.postMessage({ stop: true });
    });
  }

  async #release() {
    for (const source of this.#sources) source.disconnect();
    for (const player of this.#players) player.srcObject = null;
    this.#tap?.disconnect();
    if (this.#context && this.#context.state !== "closed") await this.#context.close();
    this.#tap = null;
  }

  #audio(buffer) {
    this.#outbox.push(buffer, buffer.byteLength / 2 / this.#settings.channels.length / RATE);
    this.#flush();
  }

  #say(message) {
    this.#outbox.push(JSON.stringify(message));
    this.#flush();
  }

  /** Send what waits, as long as the line takes it. */
  #flush() {
    while (this.#open && this.#socket.bufferedAmount < FULL) {
      const data = this.#outbox.take();
      if (data === null) return;
      this.#socket.send(data);
    }
  }

  async #connect() {
    clearTimeout(this.#timer);
    const url = new URL(this.#url, location.href);
    try {
      const ticket = await this.#ticket?.();
      if (ticket) url.searchParams.set("ticket", ticket);
    } catch (fault) {
      this.dispatchEvent(
        new CustomEvent("error", { detail: { code: "ticket", message: String(fault), fatal: false } }),
      );
      return this.#again();
    }
    if (["ended", "failed"].includes(this.state)) return undefined;
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onopen = () => {
      socket.send(JSON.stringify(this.#greeting()));
      this.#greeted = true;
    };
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = ({ code }) => this.#closed(code);
    return undefined;
  }

  #greeting() {
    const resume = this.#greeted ? { resume: { seq: this.#heard } } : {};
    return {
      type: "start",
      call_id: this.callId,
      encoding: "pcm_s16le",
      sample_rate: RATE,
      ...this.#settings,
      ...resume,
    };
  }

  #receive(message) {
    if (message.seq) this.#heard = Math.max(this.#heard, message.seq);
    if (message.type === "started") this.#started(message);
    if (message.type === "error" && message.code === "cannot-resume") return this.#anew();
    this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
    if (message.type === "ended") this.#close("ended");
    return undefined;
  }

  #started({ call, received }) {
    this.#named = call;
    this.#failures = 0;
    this.#outbox.resume(received.messages);
    this.#open = true;
    this.#become("live");
    this.#flush();
  }

  /** The grace time is over: what is still held goes on as a call of its own, which the service numbers. */
  #anew() {
    this.#named = null;
    this.#heard = 0;
    this.#greeted = false;
    this.#outbox.resume(0);
  }

  #closed(code) {
    this.#open = false;
    if (["ended", "failed"].includes(this.state)) return;
    if (FINISHED.includes(code)) {
      this.#close(code === 1000 ? "ended" : "failed");
      this.#release();
      return;
    }
    this.#again();
  }

  #again() {
    this.#become("reconnecting");
    this.#timer = setTimeout(() => this.#connect(), DELAYS[Math.min(this.#failures++, DELAYS.length - 1)]);
  }

  #close(state) {
    clearTimeout(this.#timer);
    this.#become(state);
    this.#open = false;
    this.#socket?.close();
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}

function streamAddress() {
  const url = new URL("/v1/stream", import.meta.url);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

/** Chromium lets a remote WebRTC stream flow into Web Audio only while some element plays it: this one is silent. */
function awake(stream) {
  const player = new Audio();
  player.muted = true;
  player.srcObject = stream;
  player.play().catch(() => undefined);
  return player;
}
