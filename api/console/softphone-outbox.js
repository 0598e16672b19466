/**
 * Messages of a call on their way out, so that a broken line loses nothing that the grace time covers. Pure: it knows
 * neither sockets nor clocks. Numbers are those of the service: `start` is 1, every later message the next.
 */

export class Outbox {
  /** `keep`: seconds of audio that are held; what is older is let go, counted when it was never sent. */
  constructor(keep) {
    this.keep = keep;
    this.items = [];
    this.next = 0;
    this.count = 1;
    this.lost = 0;
    this.held = 0;
  }

  /** `seconds`: of audio, 0 for a text. */
  push(data, seconds = 0) {
    this.items.push({ data, seconds, number: null });
    this.held += seconds;
    while (this.held > this.keep) {
      const { seconds: gone, number } = this.items.shift();
      this.held -= gone;
      if (number === null) this.lost += gone;
      else this.next -= 1;
    }
  }

  /** The next message to send, or null. Audio that was lost is told first. */
  take() {
    if (this.lost > 0) {
      const seconds = Math.min(60, this.lost);
      this.lost -= seconds;
      this.items.splice(this.next, 0, { data: JSON.stringify({ type: "gap", seconds }), seconds: 0, number: null });
    }
    if (this.next >= this.items.length) return null;
    const item = this.items[this.next++];
    item.number = ++this.count;
    return item.data;
  }

  /** A new line: the service has the first `received` messages of the call, what came after goes out again. */
  resume(received) {
    this.items = this.items.filter(({ number }) => number === null || number > received);
    for (const item of this.items) item.number = null;
    this.held = this.items.reduce((sum, { seconds }) => sum + seconds, 0);
    this.next = 0;
    this.count = received;
  }
}
