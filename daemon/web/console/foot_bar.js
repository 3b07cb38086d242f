/** Whether this console can be trusted right now: link, age of data, sound. */
import { soundState } from "./annunciator.js";
import { t } from "./catalogue.js";
import { timeOfDay } from "./clock.js";
import { consoleName, lastAct } from "./command.js";
import { link, newRelease, release } from "./connection.js";
import { toggleKeyHelp } from "./key_help.js";
import { figures } from "./latency.js";
import { level, resume, sounding } from "./tone.js";
import { html } from "./view.js";

function Sound() {
  const state = soundState();
  const tone = sounding.value ?? "none";
  const words = state === "suspended" ? t("sound.resume") : sounding.value ? t("sound.sounding") : t(`sound.${state}`);
  return html`<button
    class="light sound ${state}"
    data-testid="sound-state"
    data-state=${state}
    data-tone=${tone}
    data-level=${level.value.toFixed(3)}
    onClick=${() => void resume()}
  >
    <i></i>${words}
  </button>`;
}

export function FootBar() {
  const did = lastAct.value;
  const taken = figures.value;
  return html`<footer class="foot-bar">
    <span class="light link ${link.value}" data-testid="link-state" data-state=${link.value}><i></i>${t(`link.${link.value}`)}</span>
    <${Sound} />
    ${taken?.count
      ? html`<span class="figures ${taken.p99 !== null && taken.p99 > taken.limit ? "late" : ""}" data-testid="latency">
          ${t("latency.figures", { p50: Math.round((taken.p50 ?? 0) * 1000), p99: Math.round((taken.p99 ?? 0) * 1000), n: taken.count })}
        </span>`
      : null}
    ${did && html`<span class="did">${timeOfDay(did.at)} ${t(did.key, did.facts)}</span>`}
    <span class="gap"></span>
    ${newRelease.value && html`<button class="quiet" onClick=${() => location.reload()}>${t("release.new")}</button>`}
    <span class="hints">${t("keys.hint")}</span>
    <button class="quiet" data-testid="key-help-button" onClick=${toggleKeyHelp}>${t("keys.title")} <kbd>?</kbd></button>
    <span class="console-name">${consoleName}</span>
    <span class="release">estated ${release.value}</span>
  </footer>`;
}
