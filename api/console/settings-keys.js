/** Keys: who has one, a new one (shown once), and taking one back. */

import * as api from "./api.js";
import { h, put, say } from "./dom.js";
import { t } from "./i18n.js";
import { field } from "./settings.js";

const ROLES = ["ingest", "agent", "supervisor", "admin"];

export async function keysForm() {
  const rows = h("tbody");
  const none = h("p", { class: "hush" }, t("key.empty"));
  const made = h("div", { class: "made", role: "status" });
  const fault = h("p", { class: "fault", role: "alert" });
  const name = h("input", { required: true });
  const role = h("select", {}, ROLES.map((each) => h("option", { value: each }, t(`role.${each}`))));
  const agent = h("input", {});
  const team = h("input", {});

  async function look() {
    const { items } = await api.keys();
    put(rows, items.map((key) => h("tr", {}, h("td", {}, key.name), h("td", {}, t(`role.${key.role}`)), h("td", {}, key.agent ?? key.team ?? ""),
      h("td", {}, h("button", { type: "button", class: "quiet", "aria-label": t("set.remove", { what: key.name }), on: { click: () => attempt(() => api.removeKey(key.id)) } }, t("key.revoke"))))));
    none.hidden = items.length > 0;
  }

  async function attempt(work) {
    say(fault, "");
    try {
      const result = await work();
      await look();
      return result;
    } catch (problem) {
      if (problem.status === undefined) throw problem;
      say(fault, problem.status ? `${problem.message} ${problem.remedy}` : t("fault.unreachable"));
      return null;
    }
  }

  async function submit(event) {
    event.preventDefault();
    const key = await attempt(() => api.makeKey({ name: name.value, role: role.value, agent: agent.value || undefined, team: team.value || undefined }));
    if (!key) return;
    put(made, h("p", {}, t("key.made")), h("code", {}, key.key));
    event.target.reset();
  }

  await look();
  return h("div", {}, h("p", { class: "hush" }, t("key.why")), none,
    h("table", { class: "edit" }, rows), fault, made,
    h("form", { class: "fields", on: { submit } }, field("key-name", t("key.name"), name), field("key-role", t("key.role"), role),
      field("key-agent", t("key.agent"), agent), field("key-team", t("key.team"), team),
      h("p", {}, h("button", { class: "main" }, t("key.make")))));
}
