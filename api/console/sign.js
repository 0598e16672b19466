/** Who looks: the session that is there, or a form that asks for a key. */

import * as api from "./api.js";
import { inWords } from "./controls.js";
import { h, put, say } from "./dom.js";
import { onLanguage, t } from "./i18n.js";

const AGAIN = 2000;

/** `/v1/me`, after signing in where that is needed. The form is drawn into `place`. */
export async function signIn(place) {
  for (;;) {
    try {
      return await api.me();
    } catch (problem) {
      if (problem.status === 401) return ask(place);
      if (problem.status !== 0 && problem.status < 500) throw problem;
      put(place, h("p", { class: "hush", role: "status" }, t("fault.unreachable"), " · ", t("link.wait")));
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }
}

function ask(place) {
  return new Promise((resolve) => {
    const draw = () => put(place, form(resolve));
    onLanguage(draw);
    draw();
    place.querySelector("input").focus();
  });
}

function form(signedIn) {
  const field = h("input", {
    id: "key",
    type: "password",
    autocomplete: "current-password",
    required: true,
    spellcheck: "false",
    "aria-describedby": "key-why key-fault",
  });
  const fault = h("p", { id: "key-fault", class: "fault", role: "alert" });

  async function submit(event) {
    event.preventDefault();
    try {
      signedIn(await api.signIn(field.value.trim()));
    } catch (problem) {
      say(fault, problem.status === 401 ? t("sign.wrong") : inWords(problem));
    }
  }

  return h(
    "form",
    { class: "sign sheet", on: { submit } },
    h("h1", {}, t("sign.title")),
    h("p", { id: "key-why" }, t("sign.why")),
    h("label", { for: "key" }, t("sign.key")),
    field,
    fault,
    h("button", { class: "main" }, t("sign.go")),
  );
}
