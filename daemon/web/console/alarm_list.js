/** The alarms of one list; only the rows in sight are in the page, so that ten thousand cost as little as ten. */
import { say, t } from "./catalogue.js";
import { now, shortTime } from "./clock.js";
import { firstOut } from "./causes.js";
import { explains, fold, headed, inWords, isHead, lines, opened, turnOver } from "./flood.js";
import { narrow } from "./narrow.js";
import { painting } from "./perceived.js";
import { chosen, current, due, isOpen, listed, placeOf, revision, site, tab } from "./store.js";
import { spanWords } from "./span.js";
import { endOf, whyWords } from "./suppression.js";
import { AlarmSymbol, Shape } from "./symbol.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./view.js";

/** Height of a line in px, as in style.css. */
const lineHeight = () => (narrow.value ? 54 : 36);
const BEYOND = 6; // rows drawn above and below the visible ones

/** @typedef {import("./types").Standing} Standing */

/** @param {Standing} one */
function latency(one) {
  const { live, shown, overlooked } = one.course;
  const began = due(one);
  return live && !overlooked && shown !== null && began !== null ? `${Math.max(1, Math.round(shown - began))}` : "";
}

/** How many alarms this one explains; opens them beneath it. @param {{ one: Standing }} props */
function Consequences({ one }) {
  const turn = (/** @type {Event} */ event) => {
    event.stopPropagation();
    turnOver(one);
  };
  return html`<button class="badge" aria-expanded=${opened(one)} data-testid="consequences" onClick=${turn}>
    ${opened(one) ? "▾" : "▸"} ${t("cause.count", { n: explains(one) })}
  </button>`;
}

/** @param {{ one: Standing, at: number }} props */
function Row({ one, at }) {
  void revision.value; // the course of an alarm grows without being replaced
  const { row } = one;
  const began = row.raised ? Date.parse(row.raised) : 0;
  const picked = current.value?.row.id === row.id;
  const grouped = row.group !== null && headed.value.has(row.group);
  const beneath = row.suppression && tab.value === "standing";
  const first = row.id === firstOut.value && tab.value === "standing";
  const classes = ["alarm-row", isOpen(row) ? "open" : "", picked ? "chosen" : ""];
  classes.push(grouped ? "grouped" : "", beneath ? "beneath" : "");
  const until = endOf(row);
  return html`<div
    class=${classes.join(" ")}
    role="row"
    aria-rowindex=${at + 1}
    aria-selected=${picked}
    data-testid="alarm-row"
    data-alarm=${row.id}
    data-occurrence=${row.occurrence}
    data-state=${row.state}
    data-priority=${row.priority}
    style=${{ transform: `translateY(${at * lineHeight()}px)` }}
    onClick=${() => (chosen.value = row.id)}
  >
    <span role="cell"><${AlarmSymbol} row=${row} /></span>
    <span role="cell" class="time">${began ? shortTime(began) : ""}</span>
    <span role="cell" class="number">${row.number}</span>
    <span role="cell" class="text" title=${say(row.text)}>
      ${row.chatter && html`<b class="badge" data-testid="chatter">${t("chatter.count", { n: row.chatter.count })}</b>`}
      ${(first || (grouped && row.first_out)) && html`<b class="badge" data-testid="first-out">${t("flood.first")}</b>`}
      ${explains(one) > 0 && html`<${Consequences} one=${one} />`}
      <span data-testid="alarm-text">${say(row.text)}</span>
    </span>
    ${row.suppression
      ? html`<span role="cell" class="why" data-testid="why" title=${whyWords(row)}>${whyWords(row)}</span>
          <span role="cell" class="state">${t(`state.${row.state}`)}</span>
          <span role="cell" class="until" data-testid="until">${until === null ? "—" : shortTime(until)}</span>`
      : html`<span role="cell" class="place" title=${say(placeOf(row))}>${say(placeOf(row))}</span>
          <span role="cell" class="state">${t(`state.${row.state}`)}</span>
          <span role="cell" class="age">${began ? spanWords((now.value - began) / 1000) : ""}</span>
          <span role="cell" class="latency" data-testid="alarm-latency">${latency(one)}</span>`}
  </div>`;
}

/** @param {{ head: import("./types").GroupHead, at: number }} props */
function Head({ head, at }) {
  const { members, first, expanded } = head;
  const waiting = members.filter(({ row }) => isOpen(row));
  const worst = members.reduce((a, b) => (b.row.priority < a.row.priority ? b : a)).row.priority;
  return html`<button
    class="group-head"
    role="row"
    aria-rowindex=${at + 1}
    aria-expanded=${expanded}
    data-testid="group-head"
    data-group=${head.group}
    style=${{ transform: `translateY(${at * lineHeight()}px)` }}
    onClick=${() => fold(head)}
  >
    <span role="cell">${expanded ? "▾" : "▸"} <${Shape} priority=${worst} mode=${waiting.length ? "flash" : "steady"} /></span>
    <b role="cell" class="group-name">${say(placeOf(first.row)) || say(site.value?.classes[first.row.class]?.name) || first.row.equipment}</b>
    <b role="cell" data-testid="group-count">${t("flood.count", { n: members.length, open: waiting.length })}</b>
    <span role="cell" class="group-first"><b class="badge">${t("flood.first")}</b> ${say(first.row.text)}</span>
  </button>`;
}

/** The last columns say why an alarm is not before the operator, and until when. */
function Columns() {
  const aside = tab.value !== "standing";
  return html`<header class="alarm-head" role="row">
    <span role="columnheader">${t("list.priority")}</span>
    <span role="columnheader">${t("list.time")}</span>
    <span role="columnheader">${t("list.number")}</span>
    <span role="columnheader">${t("list.text")}</span>
    <span role="columnheader" class=${aside ? "why" : "place"}>${t(aside ? "list.why" : "list.place")}</span>
    <span role="columnheader">${t("list.state")}</span>
    ${aside
      ? html`<span role="columnheader" class="until">${t("list.until")}</span>`
      : html`<span role="columnheader" class="age">${t("list.age")}</span>
          <span role="columnheader" class="latency" title=${t("list.latency.long")}>${t("list.latency")}</span>`}
  </header>`;
}

export function AlarmList() {
  const rows = lines.value;
  const high = lineHeight();
  const body = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);

  useLayoutEffect(() => {
    const element = body.current;
    if (!element) return undefined;
    const watch = new ResizeObserver(() => setHeight(element.clientHeight));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  const picked = chosen.value;
  useLayoutEffect(() => {
    const at = picked === null ? -1 : rows.findIndex((one) => !isHead(one) && one.row.id === picked);
    const element = body.current;
    if (at < 0 || !element) return;
    if (at * high < element.scrollTop) element.scrollTop = at * high;
    else if ((at + 1) * high > element.scrollTop + element.clientHeight) {
      element.scrollTop = (at + 1) * high - element.clientHeight;
    }
  }, [picked]);

  const first = Math.max(0, Math.floor(top / high) - BEYOND);
  const drawn = rows.slice(first, Math.ceil((top + height) / high) + BEYOND);
  const inSight = rows.slice(Math.floor(top / high), Math.ceil((top + height) / high));
  useEffect(() => painting(inWords(inSight)));

  const name = t(`tab.${tab.value}`);
  const kind = tab.value === "standing" ? "list" : "list aside";
  return html`<section class=${kind} id="alarm-list" role="table" aria-rowcount=${rows.length} aria-label=${name}>
    <${Columns} />
    <div
      class="alarm-body"
      ref=${body}
      tabindex="0"
      data-home
      aria-label=${name}
      data-testid="alarm-body"
      data-count=${listed.value.length}
      onScroll=${() => setTop(body.current?.scrollTop ?? 0)}
    >
      <div class="alarm-room" style=${{ height: `${rows.length * high}px` }}>
        ${drawn.map((one, i) =>
          isHead(one)
            ? html`<${Head} key=${one.group} head=${one} at=${first + i} />`
            : html`<${Row} key=${one.row.id} one=${one} at=${first + i} />`,
        )}
      </div>
      ${rows.length === 0 && html`<p class="empty">${t("list.empty")}</p>`}
    </div>
  </section>`;
}
