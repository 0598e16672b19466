/**
 * A line to the service: server-sent events that repeat what was missed. The browser reconnects by itself after a
 * broken line; after a refusal it does not, so the line is then made anew with the id of the last event.
 */

const TYPES = [
  "hello",
  "call",
  "standing",
  "reading",
  "change",
  "alert",
  "acknowledged",
  "feedback",
  "ended",
  "lost",
  "bye",
];
const AGAIN = 2000;

/** `heard(type, envelope)`, `linked(up)`, `refused()` when the session may be over. Gives a function that ends it. */
export function listen(address, { heard, linked = () => {}, refused = () => {} }) {
  let source = null;
  let last = null;
  let timer = null;

  function open() {
    const join = address.includes("?") ? "&" : "?";
    source = new EventSource(last ? `${address}${join}last_event_id=${encodeURIComponent(last)}` : address);
    source.onopen = () => linked(true);
    source.onerror = () => {
      linked(false);
      if (source.readyState !== EventSource.CLOSED) return;
      refused();
      timer = setTimeout(open, AGAIN);
    };
    for (const type of TYPES) {
      source.addEventListener(type, (event) => {
        if (event.lastEventId) last = event.lastEventId;
        heard(type, JSON.parse(event.data));
      });
    }
  }

  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
