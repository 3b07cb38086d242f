/** One alarm in full: what, where, what follows from it, what to do, what has been done, and when. */
import { act, canOperate, canReset, pending, target } from "./acting.js";
import { say, sayOther, t, visible } from "./catalogue.js";
import { Commands } from "./commanding.js";
import { dateTime, exactTime, now } from "./clock.js";
import { pastOf } from "./past.js";
import { MapAround } from "./plan.js";
import { guidanceFor, openProcedure } from "./procedure.js";
import { Points } from "./points_screen.js";
import { spanWords } from "./span.js";
import { camera, current, delayOf, due, equipment, owes, personName, placeOf, point, revision, site } from "./store.js";
import { SuppressionButtons, SuppressionForm } from "./suppressing.js";
import { SuppressionFacts } from "./suppression.js";
import { AlarmSymbol } from "./symbol.js";
import { quality, qualityWords, valueWords } from "./value.js";
import { html } from "./view.js";

/** @typedef {import("./types").AlarmRow} AlarmRow */
/** @typedef {import("./types").Standing} Standing */

/** @param {{ label: string, children?: unknown, testid?: string }} props */
function Fact({ label, children, testid }) {
  return html`<div class="fact" data-testid=${testid}><dt>${label}</dt><dd>${children}</dd></div>`;
}

/** @param {{ part: string, value: number }} proposal */
const proposalWords = ({ part, value }) => t(`chatter.proposal.${part}`, { value });

/** @param {{ one: Standing }} props */
function Steps({ one }) {
  void revision.value; // the course of an alarm grows without being replaced
  const { row, course } = one;
  const past = course.live ? null : pastOf(row);
  const times = past?.times ?? course.times;
  /** @type {[string, number | null][]} */
  const all = [
    ["device", times.device ? Date.parse(times.device) : null],
    ["received", times.received ? Date.parse(times.received) : null],
    ["decided", times.decided ? Date.parse(times.decided) : null],
    ["committed", times.committed ? Date.parse(times.committed) : null],
    ["sent", course.live ? course.sent : null],
    ["shown", course.live ? course.shown : (past?.shown ?? null)],
    ["sounded", course.live ? course.sounded : (past?.sounded ?? null)],
  ];
  // of what was before this page only what is known: a dash would read as if it had never happened
  const steps = course.live ? all : all.filter(([, at]) => at !== null);
  const began = due({ row, course: { ...course, times } });
  const delay = delayOf(row);
  return html`${!course.live && html`<p class="other" data-testid="steps-before">${t(past?.times ? "steps.journal" : "steps.before")}</p>`}
  <ol class="steps" data-testid="latency-steps">
    ${steps.map(
      ([name, at]) => html`<li class=${at === null ? "unknown" : ""} data-step=${name}>
        <span>${t(`step.${name}`)}</span>
        <time>${at === null ? "—" : exactTime(at)}</time>
        <b>${at === null || began === null || at < began ? "" : `+${Math.round(at - began)} ms`}</b>
      </li>`,
    )}
    ${delay > 0 && html`<li><span>${t("step.delay")}</span><time>${delay / 1000} s</time></li>`}
    ${row.cause && html`<li class="cause"><span>${t("step.cause")}</span><code>${visible(`${row.cause.dev} · ${row.cause.boot} · ${row.cause.seq}`)}</code></li>`}
  </ol>`;
}

/** @param {{ row: AlarmRow }} props */
function Lamp({ row }) {
  const lamp = row.lamp ? equipment(row.lamp) : undefined;
  if (!row.lamp || !lamp) return null;
  const command = point(lamp.points["command_state"]?.id ?? `${lamp.id}.command_state`);
  const lit = point((lamp.points["lit"] ?? lamp.points["on"])?.id);
  const state = command && typeof command.v === "string" ? command.v : "idle";
  return html`<${Fact} label=${t("detail.lamp")} testid="lamp">
    <span class="number">${lamp.number}</span>
    <span class="command ${state}">${t(`command.${state}`)}</span>
    <span class="lit ${quality(lit)}">${lit ? `${valueWords("lit", lit.v)}${quality(lit) === "good" ? "" : ` ? ${qualityWords(lit)}`}` : ""}</span>
  <//>`;
}

/** @param {{ one: Standing }} props */
function Buttons({ one: { row } }) {
  const waiting = !canOperate() || pending.value.has(row.id);
  const procedure = guidanceFor(row)?.plan;
  return html`<div class="actions">
    <button
      class="primary"
      data-testid="detail-ack"
      disabled=${waiting || !owes(row)}
      onClick=${() => void act("acknowledge", row)}
    >
      ${row.state === "normal" || owes(row) ? t("act.acknowledge.button") : t("act.acknowledged.button")} ${target.value?.row.id === row.id && html`<kbd>F2</kbd>`}
    </button>
    ${!owes(row) &&
    row.state !== "normal" &&
    html`<button data-testid="unack-button" disabled=${waiting} onClick=${() => void act("unacknowledge", row)}>${t("act.unacknowledge.button")}</button>`}
    ${canReset(row) &&
    html`<button data-testid="reset-button" disabled=${waiting} onClick=${() => void act("reset", row)}>${t("act.reset.button")}</button>`}
    ${procedure && html`<button data-testid="procedure-button" onClick=${() => void openProcedure(procedure)}>${t("detail.procedure")}</button>`}
    <${SuppressionButtons} row=${row} waiting=${waiting} />
  </div>`;
}

export function AlarmDetail() {
  const one = current.value;
  if (!one) return html`<aside class="detail"><p class="empty">${t("detail.none")}</p></aside>`;
  const { row } = one;
  const what = equipment(row.equipment);
  const guidance = guidanceFor(row);
  const raised = row.raised ? Date.parse(row.raised) : null;
  const kind = site.value?.classes[row.class]?.name;
  return html`<aside class="detail p${row.priority}" data-testid="detail" data-alarm=${row.id}>
    <header>
      <${AlarmSymbol} row=${row} />
      <div>
        <h2>${say(row.text)}</h2>
        <p class="other">${sayOther(row.text)}</p>
      </div>
    </header>
    <${Buttons} one=${one} />
    <div class="detail-body">
      <${SuppressionForm} key=${row.id} row=${row} />
      <${SuppressionFacts} row=${row} />
      <dl class="facts">
        ${row.number && html`<${Fact} label=${t("detail.number")}><b class="number">${visible(row.number)}</b><//>`}
        ${say(placeOf(row)) && html`<${Fact} label=${t("detail.place")}>${say(placeOf(row))}<//>`}
        <${Fact} label=${t("detail.equipment")}>${[...new Set([what ? say(what.name) : row.equipment, say(kind)])].filter(Boolean).join(" · ")}<//>
        <${Fact} label=${t("detail.priority")}>${t(`priority.${row.priority}`)}<//>
        <${Fact} label=${t("detail.state")}>${t(`state.${row.state}`)} · ${t("detail.occurrence", { n: row.occurrence })}<//>
        <${Fact} label=${t("detail.raised")}>${raised === null ? "—" : `${dateTime(raised)} · ${spanWords((now.value - raised) / 1000)}`}<//>
        ${row.chatter &&
        html`<${Fact} label=${t("detail.chatter")} testid="detail-chatter">
          ${t("chatter.count", { n: row.chatter.count })}
          ${row.chatter.proposal && html` · <span data-testid="proposal">${proposalWords(row.chatter.proposal)}</span>`}
        <//>`}
        ${row.by !== "process" && html`<${Fact} label=${t("detail.by")}>${visible(personName(row.by))}<//>`}
        ${row.note && html`<${Fact} label=${t("detail.note")}>${visible(row.note)}<//>`}
        ${row.camera && html`<${Fact} label=${t("detail.camera")}>${say(camera(row.camera)?.name)} <span class="other">${visible(row.camera)}</span><//>`}
        <${Lamp} row=${row} />
      </dl>
      ${guidance &&
      html`<section class="guidance">
        <h3>${t("detail.consequence")}</h3>
        <p>${say(guidance.consequence)} <span class="other">${sayOther(guidance.consequence)}</span></p>
        <h3>${t("detail.response")}</h3>
        <p class="response">${say(guidance.response)} <span class="other">${sayOther(guidance.response)}</span></p>
      </section>`}
      <div class="pair">
        <section>
          <h3>${t("detail.steps")}</h3>
          <${Steps} one=${one} />
        </section>
        ${row.map &&
        html`<section class="around">
          <h3>${t("screen.map")}</h3>
          <${MapAround} row=${row} />
        </section>`}
      </div>
      ${what &&
      Object.keys(what.points).length > 0 &&
      html`<section>
        <h3>${t("detail.values")}</h3>
        <${Points} one=${what} />
        <${Commands} key=${what.id} one=${what} />
      </section>`}
    </div>
  </aside>`;
}
