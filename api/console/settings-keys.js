/** Keys: who has one, a new one (shown once), and taking one back. */

import * as api from "./api.js";
import { button, choice, field, inWords } from "./controls.js";
import { h, put, say } from "./dom.js";
import { t } from "./i18n.js";

const ROLES = ["ingest", "agent", "supervisor", "admin"];

export async function keysForm() {
  const rows = h("tbody");
  const none = h("p", { class: "hush" }, t("key.empty"));
  const made = h("div", { class: "made", role: "status" });
  const fault = h("p", { class: "fault", role: "alert" });
  const name = h("input", { required: true });
  const role = choice(
    ROLES.map((each) => [each, t(`role.${each}`)]),
    "ingest",
  );
  const agent = h("input", {});
  const team = h("input", {});

  async function look() {
    const { items } = await api.keys();
    put(
      rows,
      items.map((key) =>
        h(
          "tr",
          {},
          h("td", {}, key.name),
          h("td", {}, t(`role.${key.role}`)),
          h("td", {}, key.agent ?? key.team ?? ""),
          h("td", {}, revoke(key)),
        ),
      ),
    );
    none.hidden = items.length > 0;
  }

  const revoke = (key) =>
    button(t("key.revoke"), () => attempt(() => api.removeKey(key.id)), "quiet", {
      "aria-label": t("set.remove", { what: key.name }),
    });

  async function attempt(work) {
    say(fault, "");
    try {
      const result = await work();
      await look();
      return result;
    } catch (problem) {
      say(fault, inWords(problem));
      return null;
    }
  }

  async function submit(event) {
    event.preventDefault();
    const asked = {
      name: name.value,
      role: role.value,
      agent: agent.value || undefined,
      team: team.value || undefined,
    };
    const key = await attempt(() => api.makeKey(asked));
    if (!key) return;
    put(made, h("p", {}, t("key.made")), h("code", {}, key.key));
    event.target.reset();
  }

  await look();
  return h(
    "div",
    {},
    h("p", { class: "hush" }, t("key.why")),
    none,
    h("table", { class: "edit" }, rows),
    fault,
    made,
    h(
      "form",
      { class: "fields", on: { submit } },
      field("key-name", t("key.name"), name),
      field("key-role", t("key.role"), role),
      field("key-agent", t("key.agent"), agent),
      field("key-team", t("key.team"), team),
      h("p", {}, h("button", { class: "main" }, t("key.make"))),
    ),
  );
}
