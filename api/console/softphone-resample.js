/**
 * Downsampling of a running signal by any ratio of whole rates, exact over block borders: a windowed sinc
 * (Kaiser), one row of taps a phase. Pass band to 3400 Hz of 8 kHz, stop band from 4000 Hz, about 90 dB down,
 * so that nothing above the new Nyquist frequency folds back into the telephone band.
 */

const STOP_DB = 90;
const PASS = 0.425;
const STOP = 0.5;

export class Resampler {
  /** `from`, `to`: samples per second, whole numbers, `from >= to`. */
  constructor(from, to) {
    const common = gcd(from, to);
    this.up = to / common;
    this.down = from / common;
    const width = (2 * Math.PI * (STOP - PASS) * to) / from;
    this.half = from === to ? 0 : Math.ceil((STOP_DB - 7.95) / (2.285 * width) / 2);
    this.taps = from === to ? null : design(this.half, this.up, (PASS + STOP) * (to / from));
    this.held = new Float32Array(Math.max(0, this.half - 1));
    this.whole = 0;
    this.phase = 0;
  }

  /** Samples in, the samples that can be known by now out. Delay: `half` input samples, about 5 ms at 48 kHz. */
  push(block) {
    if (!this.taps) return Float32Array.from(block);
    const signal = new Float32Array(this.held.length + block.length);
    signal.set(this.held);
    signal.set(block, this.held.length);
    const made = [];
    const length = 2 * this.half;
    while (this.whole + length <= signal.length) {
      const row = this.taps[this.phase];
      let sum = 0;
      for (let tap = 0; tap < length; tap += 1) sum += row[tap] * signal[this.whole + tap];
      made.push(sum);
      this.phase += this.down;
      this.whole += Math.floor(this.phase / this.up);
      this.phase %= this.up;
    }
    const used = Math.min(this.whole, signal.length);
    this.held = signal.slice(used);
    this.whole -= used;
    return Float32Array.from(made);
  }
}

/** Rows of taps: row `p` gives the sample that lies p/up after input sample `half - 1`. `cut`: of the input rate's half. */
function design(half, up, cut) {
  const beta = 0.1102 * (STOP_DB - 8.7);
  const rows = [];
  for (let phase = 0; phase < up; phase += 1) {
    const row = new Float64Array(2 * half);
    let sum = 0;
    for (let tap = 0; tap < row.length; tap += 1) {
      const x = tap - (half - 1) - phase / up;
      const angle = Math.PI * cut * x;
      const inside = 1 - (x / half) ** 2;
      row[tap] = (angle === 0 ? 1 : Math.sin(angle) / angle) * (inside > 0 ? bessel(beta * Math.sqrt(inside)) : 0);
      sum += row[tap];
    }
    rows.push(Float32Array.from(row, (value) => value / sum));
  }
  return rows;
}

/** Modified Bessel function of the first kind, order 0, by its series. */
function bessel(x) {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > 1e-12 * sum; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function gcd(a, b) {
  return b === 0 ? a : gcd(b, a % b);
}
