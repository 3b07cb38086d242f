/** Signing in. */
import { language, speak, t } from "./catalogue.js";
import { Refused, signIn } from "./command.js";
import { resume } from "./tone.js";
import { html, useState } from "./view.js";

export function Login() {
  const [trouble, setTrouble] = useState("");
  const [busy, setBusy] = useState(false);

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    setBusy(true);
    setTrouble("");
    void resume();
    try {
      await signIn(String(form.get("name")).trim(), String(form.get("password")));
    } catch (error) {
      setTrouble(explain(error));
    } finally {
      setBusy(false);
    }
  }

  return html`<main class="login">
    <form onSubmit=${submit}>
      <h1>${t("login.title")}</h1>
      <label>${t("login.name")}<input name="name" autocomplete="username" required autofocus /></label>
      <label>${t("login.password")}<input name="password" type="password" autocomplete="current-password" required /></label>
      <p class="trouble" role="alert" data-testid="login-trouble">${trouble}</p>
      <button class="primary" disabled=${busy} data-testid="login-button">${busy ? t("login.busy") : t("login.in")}</button>
      <button type="button" class="quiet" onClick=${() => speak(language.value === "zh" ? "en" : "zh")}>${t("language.other")}</button>
    </form>
  </main>`;
}

/** @param {unknown} error */
function explain(error) {
  if (!(error instanceof Refused)) return t("error.unreachable");
  if (error.status === 401) return t("login.wrong");
  if (error.status === 429 && error.answer.error === "full") return t("login.full");
  if (error.status === 429) return t("login.wait", { s: error.answer.wait ?? 1 });
  return t("error.failed", { status: error.status });
}
