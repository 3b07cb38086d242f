/** The page: sign in, then the shell with its bars around one of the screens. */
import { notice } from "./acting.js";
import { AlarmBar } from "./alarm_bar.js";
import { AlarmDetail } from "./alarm_detail.js";
import { AlarmList } from "./alarm_list.js";
import { AlarmTabs } from "./alarm_tabs.js";
import { annunciate, report } from "./annunciator.js";
import { loadCatalogues, t } from "./catalogue.js";
import { timeOfDay, zone } from "./clock.js";
import { get, may, resumeSession, session } from "./command.js";
import { link, lostAt, start, stop } from "./connection.js";
import { FootBar } from "./foot_bar.js";
import { KeyHelp } from "./key_help.js";
import { listen } from "./keys.js";
import { Login } from "./login.js";
import { forgetPast } from "./past.js";
import { MapScreen } from "./plan.js";
import { PointsScreen } from "./points_screen.js";
import { ProcedureDialog } from "./procedure.js";
import { forget, open, screen, site } from "./store.js";
import { TopBar } from "./top_bar.js";
import { effect, html, render, signal } from "./view.js";

const trouble = signal("");

function LinkLost() {
  if (link.value !== "lost") return null;
  return html`<div class="link-lost" role="alert" data-testid="link-lost">
    <b>${t("link.lost.bar", { at: timeOfDay(lostAt.value) })}</b> ${t("link.lost.advice")}
  </div>`;
}

function Notice() {
  const said = notice.value;
  return said && html`<div class="notice ${said.bad ? "bad" : ""}" role="status" data-testid="notice">${said.text}</div>`;
}

function Body() {
  if (screen.value === "points") return html`<${PointsScreen} />`;
  if (screen.value === "map") return html`<${MapScreen} />`;
  return html`<main class="alarms-screen"><${AlarmTabs} /><${AlarmList} /><${AlarmDetail} /></main>`;
}

function Console() {
  if (!session.value) return html`<${Login} />`;
  if (!may("see")) return html`<${TopBar} /><p class="empty">${t("session.blind")}</p>`;
  if (!site.value) return html`<p class="empty">${trouble.value || t("loading")}</p>`;
  return html`<div class="shell ${link.value === "live" ? "" : "unsure"} ${open.value.length ? "flashing" : ""}">
    <${TopBar} />
    <${AlarmBar} />
    <${LinkLost} />
    <${Body} />
    <${FootBar} />
    <${Notice} />
    <${ProcedureDialog} />
    <${KeyHelp} />
  </div>`;
}

/** Load what does not change, then go live; again after every sign-in. */
async function begin() {
  try {
    const found = /** @type {import("./types").SiteDocument} */ (await (await get("/api/site")).json());
    zone.value = found.timezone;
    site.value = found;
    document.title = found.name.zh;
    start(() => {
      annunciate();
      report();
    });
  } catch {
    trouble.value = t("error.unreachable");
    setTimeout(begin, 2000);
  }
}

await loadCatalogues();
listen();
try {
  await resumeSession();
} catch {
  trouble.value = t("error.unreachable");
}
let live = false;
effect(() => {
  const wanted = session.value !== null && may("see");
  if (wanted && !live) void begin();
  if (!wanted && live) {
    stop();
    forget();
    forgetPast();
    annunciate();
    site.value = null;
  }
  live = wanted;
});
render(html`<${Console} />`, /** @type {Element} */ (document.getElementById("console")));
