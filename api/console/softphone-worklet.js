/** Runs on the audio thread: each input (a side of the call) becomes mono 8 kHz, the sides are interleaved as 16-bit PCM. */

import { Resampler } from "./softphone-resample.js";

const RATE = 8000;

class Tap extends AudioWorkletProcessor {
  /** `processorOptions`: {sides: number of inputs, frame: samples a message}. */
  constructor({ processorOptions: { sides, frame } }) {
    super();
    this.resamplers = Array.from({ length: sides }, () => new Resampler(sampleRate, RATE));
    this.frame = frame;
    this.pcm = new Int16Array(frame * sides);
    this.filled = 0;
    this.paused = false;
    this.over = false;
    this.port.onmessage = ({ data }) => {
      if ("paused" in data) this.paused = data.paused;
      if (data.stop) this.finish();
    };
  }

  process(inputs) {
    if (this.over) return false;
    const length = inputs.find((input) => input.length)?.[0].length ?? 128;
    const sides = this.resamplers.map((resampler, side) =>
      resampler.push(inputs[side]?.[0] ?? new Float32Array(length)),
    );
    for (let place = 0; place < sides[0].length; place += 1) {
      for (const side of sides) this.pcm[this.filled++] = this.paused ? 0 : quantise(side[place]);
      if (this.filled === this.pcm.length) this.send(this.pcm.length);
    }
    return true;
  }

  send(length) {
    const { buffer } = this.pcm.slice(0, length);
    this.port.postMessage({ audio: buffer }, [buffer]);
    this.filled = 0;
  }

  /** What is left goes out, then word that this was the last. */
  finish() {
    this.send(this.filled);
    this.over = true;
    this.port.postMessage({ last: true });
  }
}

const quantise = (value) => Math.max(-32768, Math.min(32767, Math.round(value * 32767)));

registerProcessor("emotion-tap", Tap);
