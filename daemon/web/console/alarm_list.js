/** All alarms that stand; only the rows in sight are in the page, so that ten thousand cost as little as ten. */
import { say, t } from "./catalogue.js";
import { now, shortTime, span } from "./clock.js";
import { painting } from "./perceived.js";
import { chosen, current, due, isOpen, ordered, placeOf, revision } from "./store.js";
import { AlarmSymbol } from "./symbol.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./view.js";

const ROW = 36; // px, as in style.css
const BEYOND = 6; // rows drawn above and below the visible ones

/** @typedef {import("./types").Standing} Standing */

/** @param {Standing} one */
function latency(one) {
  const { live, shown, overlooked } = one.course;
  const began = due(one);
  return live && !overlooked && shown !== null && began !== null ? `${Math.max(1, Math.round(shown - began))}` : "";
}

/** @param {{ one: Standing, at: number }} props */
function Row({ one, at }) {
  void revision.value; // the course of an alarm grows without being replaced
  const { row } = one;
  const began = row.raised ? Date.parse(row.raised) : 0;
  const classes = ["alarm-row", isOpen(row) ? "open" : "", current.value?.row.id === row.id ? "chosen" : ""];
  return html`<div
    class=${classes.join(" ")}
    role="row"
    aria-rowindex=${at + 1}
    aria-selected=${current.value?.row.id === row.id}
    data-testid="alarm-row"
    data-alarm=${row.id}
    data-occurrence=${row.occurrence}
    data-state=${row.state}
    data-priority=${row.priority}
    style=${{ transform: `translateY(${at * ROW}px)` }}
    onClick=${() => (chosen.value = row.id)}
  >
    <span role="cell"><${AlarmSymbol} row=${row} /></span>
    <span role="cell" class="time">${began ? shortTime(began) : ""}</span>
    <span role="cell" class="number">${row.number}</span>
    <span role="cell" class="text" data-testid="alarm-text" title=${say(row.text)}>${say(row.text)}</span>
    <span role="cell" class="place" title=${say(placeOf(row))}>${say(placeOf(row))}</span>
    <span role="cell" class="state">${t(`state.${row.state}`)}</span>
    <span role="cell" class="age">${began ? span((now.value - began) / 1000) : ""}</span>
    <span role="cell" class="latency" data-testid="alarm-latency">${latency(one)}</span>
  </div>`;
}

export function AlarmList() {
  const rows = ordered.value;
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
    const at = picked === null ? -1 : rows.findIndex((one) => one.row.id === picked);
    const element = body.current;
    if (at < 0 || !element) return;
    if (at * ROW < element.scrollTop) element.scrollTop = at * ROW;
    else if ((at + 1) * ROW > element.scrollTop + element.clientHeight) {
      element.scrollTop = (at + 1) * ROW - element.clientHeight;
    }
  }, [picked]);

  const first = Math.max(0, Math.floor(top / ROW) - BEYOND);
  const drawn = rows.slice(first, Math.ceil((top + height) / ROW) + BEYOND);
  const inSight = rows.slice(Math.floor(top / ROW), Math.ceil((top + height) / ROW));
  useEffect(() => painting(inSight));

  return html`<section class="list" role="table" aria-rowcount=${rows.length} aria-label=${t("screen.alarms")}>
    <header class="alarm-head" role="row">
      <span role="columnheader">${t("list.priority")}</span>
      <span role="columnheader">${t("list.time")}</span>
      <span role="columnheader">${t("list.number")}</span>
      <span role="columnheader">${t("list.text")}</span>
      <span role="columnheader" class="place">${t("list.place")}</span>
      <span role="columnheader">${t("list.state")}</span>
      <span role="columnheader" class="age">${t("list.age")}</span>
      <span role="columnheader" class="latency" title=${t("list.latency.long")}>${t("list.latency")}</span>
    </header>
    <div
      class="alarm-body"
      ref=${body}
      data-testid="alarm-body"
      data-count=${rows.length}
      onScroll=${() => setTop(body.current?.scrollTop ?? 0)}
    >
      <div class="alarm-room" style=${{ height: `${rows.length * ROW}px` }}>
        ${drawn.map((one, i) => html`<${Row} key=${one.row.id} one=${one} at=${first + i} />`)}
      </div>
      ${rows.length === 0 && html`<p class="empty">${t("list.empty")}</p>`}
    </div>
  </section>`;
}
