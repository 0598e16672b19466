/** The service over HTTP (docs/api.md): the session's cookie goes along, a fault is a `Problem` with its remedy. */

export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail ?? body?.title ?? `HTTP ${status}`);
    this.status = status;
    this.code = body?.code ?? String(status);
    this.remedy = body?.remedy ?? "";
  }
}

async function request(method, path, { json, body, headers = {} } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: json === undefined ? headers : { "Content-Type": "application/json", ...headers },
      body: json === undefined ? body : JSON.stringify(json),
    });
  } catch {
    throw new Problem(0, { code: "unreachable", detail: "unreachable" });
  }
  const text = await response.text();
  const type = response.headers.get("Content-Type") ?? "";
  const value = type.includes("json") && text ? JSON.parse(text) : text;
  if (!response.ok) throw new Problem(response.status, typeof value === "object" ? value : null);
  return { value, response };
}

const call = async (...args) => (await request(...args)).value;
const path = (...parts) => "/v1/" + parts.map(encodeURIComponent).join("/");

/** A query of those values that are given. */
export function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? "?" + new URLSearchParams(given) : "";
}

export const me = () => call("GET", "/v1/me");
export const signIn = (key) => call("POST", "/v1/session", { json: { key } });
export const signOut = () => call("DELETE", "/v1/session");
export const ticket = (purpose) => call("POST", "/v1/tickets", { json: purpose });

export const today = (team) => call("GET", "/v1/today" + query({ team }));
export const calls = (filter) => call("GET", "/v1/calls" + query(filter));
export const timeline = (id) => call("GET", path("calls", id, "timeline"));
export const card = (id) => call("GET", path("calls", id));
export const record = (id, language) => call("GET", path("calls", id, "record") + query({ language }));
export const take = (id) => call("POST", path("calls", id, "take"));
export const giveBack = (id) => call("DELETE", path("calls", id, "take"));

export const alerts = (filter) => call("GET", "/v1/alerts" + query(filter));
export const acknowledge = (id) => call("POST", path("alerts", id, "acknowledge"));
export const feedback = (id, verdict) => call("POST", path("alerts", id, "feedback"), { json: { verdict } });

export const recordings = () => call("GET", "/v1/recordings");
export const recording = (id) => call("GET", path("recordings", id));
export const removeRecording = (id) => call("DELETE", path("recordings", id));
export const audioAddress = (id) => path("calls", id, "audio");
export const reportAddress = (id, form) => path("recordings", id, `report.${form}`);

/** Send a file in pieces; a piece that fails is asked for again from where the service stands. */
export async function upload(file, fields, progress) {
  const opened = await call("POST", "/v1/uploads", { json: { name: file.name, size: file.size, ...fields } });
  const address = path("uploads", opened.upload);
  let offset = opened.offset;
  let failures = 0;
  for (;;) {
    const piece = file.slice(offset, offset + opened.chunk);
    try {
      const { value, response } = await request("PATCH", address, {
        body: piece,
        headers: { "Upload-Offset": String(offset) },
      });
      if (response.status === 202) return value;
      offset = Number(response.headers.get("Upload-Offset"));
      failures = 0;
    } catch (problem) {
      if (![0, 409, 502, 503].includes(problem.status) || ++failures > 5) throw problem;
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** failures));
      offset = await where(address, offset);
    }
    progress(offset / file.size);
  }
}

async function where(address, offset) {
  try {
    const { response } = await request("HEAD", address);
    return Number(response.headers.get("Upload-Offset"));
  } catch (problem) {
    if (problem.status === 0) return offset;
    throw problem;
  }
}

const setting = (name) => "/v1/settings/" + name;
export const readSetting = (name) => call("GET", setting(name));
export const writeSetting = (name, value) => call("PUT", setting(name), { json: value });
export const keys = () => call("GET", "/v1/keys");
export const makeKey = (fields) => call("POST", "/v1/keys", { json: fields });
export const removeKey = (id) => call("DELETE", path("keys", id));
