/** The estate, the screens, who is on duty, the time. */
import { language, say, speak, t } from "./catalogue.js";
import { dateTime, now } from "./clock.js";
import { consoleName, session, signOut } from "./command.js";
import { link } from "./connection.js";
import { openScreen, tellOperator } from "./acting.js";
import { screen, site } from "./store.js";
import { theme, toggleTheme } from "./theme.js";
import { html } from "./view.js";

const SCREENS = /** @type {const} */ ([
  ["alarms", "F1"],
  ["points", "F6"],
  ["map", "F7"],
]);

const leave = () => signOut().catch(() => tellOperator(t("error.unreachable"), true));

export function TopBar() {
  const who = session.value;
  return html`<header class="top-bar">
    <h1>${say(site.value?.name)}</h1>
    <nav>
      ${SCREENS.map(
        ([name, key]) => html`<button
          class=${screen.value === name ? "on" : ""}
          aria-current=${screen.value === name ? "page" : undefined}
          data-testid="nav-${name}"
          onClick=${() => openScreen(name)}
        >
          ${t(`screen.${name}`)} <kbd>${key}</kbd>
        </button>`,
      )}
    </nav>
    <span class="gap"></span>
    <time class="clock ${link.value === "live" ? "" : "unsure"}">${dateTime(now.value)}</time>
    <span class="who" title=${consoleName}>${who?.name} <em>${t(`role.${who?.role}`)}</em></span>
    <button class="quiet" onClick=${toggleTheme} title=${t("theme.title")}>${t(`theme.${theme.value}`)}</button>
    <button class="quiet" data-testid="language" onClick=${() => speak(language.value === "zh" ? "en" : "zh")}>${t("language.other")}</button>
    <button class="quiet" data-testid="sign-out" onClick=${leave}>${t("session.out")}</button>
  </header>`;
}
