/** The bar that is always there: the most urgent unacknowledged alarm, how many wait, acknowledge and silence. */
import { act, canOperate, hush, pending, target } from "./acting.js";
import { soundState } from "./annunciator.js";
import { say, sayOther, t, visible } from "./catalogue.js";
import { now } from "./clock.js";
import { link } from "./connection.js";
import { painting } from "./perceived.js";
import { counts, open, show } from "./store.js";
import { spanWords } from "./span.js";
import { AlarmSymbol, Shape } from "./symbol.js";
import { sounding } from "./tone.js";
import { html, useEffect } from "./view.js";

const PRIORITIES = /** @type {const} */ ([1, 2, 3, 4]);

function Counts() {
  return html`<div class="counts" aria-label=${t("bar.counts")}>
    ${PRIORITIES.map(
      (priority) => html`<span class="count ${counts.value[priority] ? "" : "none"}" data-testid="count-${priority}">
        <${Shape} priority=${priority} hollow=${!counts.value[priority]} />
        <b>${counts.value[priority]}</b>
      </span>`,
    )}
  </div>`;
}

function Top() {
  const top = open.value[0];
  useEffect(() => {
    if (top) painting([top]);
  });
  if (!top) return html`<div class="top calm">${link.value === "live" ? t("bar.calm") : t("bar.unknown")}</div>`;
  const { row } = top;
  const waited = row.raised ? spanWords((now.value - Date.parse(row.raised)) / 1000) : "";
  return html`<div class="top">
    <${AlarmSymbol} row=${row} />
    <button class="top-text" title=${say(row.text)} onClick=${() => show(row)} data-testid="top-alarm">
      ${say(row.text).includes(row.number) ? null : html`<span class="number">${visible(row.number)}</span>`}
      <span class="words" data-testid="top-text">${say(row.text)}</span>
      <span class="other">${sayOther(row.text)}</span>
    </button>
    <span class="waited" title=${t("list.age")}>${waited}</span>
    <button
      class="primary"
      data-testid="ack-button"
      disabled=${!canOperate() || pending.value.has(row.id)}
      onClick=${() => void act("acknowledge", row)}
    >
      ${t("act.acknowledge.button")} ${target.value?.row.id === row.id && html`<kbd>F2</kbd>`}
    </button>
  </div>`;
}

export function AlarmBar() {
  const top = open.value[0]?.row.priority;
  const state = soundState();
  const quiet = state === "silent" || (sounding.value === null && link.value !== "lost");
  return html`<section class="alarm-bar ${top ? `has p${top}` : ""}" aria-live="assertive">
    <${Top} />
    <button
      class="silence"
      data-testid="silence-button"
      disabled=${quiet}
      aria-pressed=${state === "silent"}
      onClick=${() => void hush()}
    >
      ${state === "silent" ? t("act.silenced.button") : t("act.silence.button")} <kbd>F3</kbd>
    </button>
    <${Counts} />
  </section>`;
}
