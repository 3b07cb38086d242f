/** All values by equipment, each with its quality and age; what is old or bad is hatched. */
import { say, t } from "./catalogue.js";
import { shareOut, useColumnCount } from "./columns.js";
import { Commands } from "./commanding.js";
import { useInSight } from "./in_sight.js";
import { point, show, site, worst } from "./store.js";
import { AlarmSymbol } from "./symbol.js";
import { ageWords, quality, qualityWords, valueWords } from "./value.js";
import { html, signal, useRef } from "./view.js";

const ROW = 24; // px, as in style.css
const FRAME = 90; // px of a card beside its rows, about

/** @typedef {import("./types").Equipment} Equipment */

const shownClass = signal(/** @type {string | null} */ (null));
const sought = signal("");

/** @param {{ name: string, label: string, id: string, unit: string, internal: boolean }} props */
function PointRow({ name, label, id, unit, internal }) {
  const heard = point(id);
  const how = quality(heard);
  const words = qualityWords(heard, internal);
  const why = heard?.why ? `${words} · ${heard.why}` : words;
  return html`<div class="point-row ${how}" data-testid="point-row" data-point=${id} data-quality=${how} title=${`${id} · ${why}`}>
    <span class="point-name">${label}</span>
    <span class="point-value" data-testid="point-value">${heard ? valueWords(name, heard.v, unit) : "—"}</span>
    <span class="point-quality">${how === "good" ? "" : `? ${words}`}</span>
    <span class="point-age">${ageWords(heard)}</span>
  </div>`;
}

/** @param {{ one: Equipment }} props */
export function Points({ one }) {
  const known = site.value?.classes[one.class]?.points ?? {};
  return html`<div class="points">
    ${Object.entries(one.points).map(([name, { id, unit }]) => {
      const { name: words, unit: usual = "", internal = false } = known[name] ?? {};
      return html`<${PointRow} key=${id} name=${name} label=${say(words) || name} id=${id} unit=${unit || usual} internal=${internal} />`;
    })}
  </div>`;
}

/** @param {Equipment} one */
const rowsHeight = ({ points }) => Object.keys(points).length * ROW;

/**
 * Only a card in sight shows its values: all of them, each with its age, would keep the page too busy to show an alarm in time.
 * @param {{ one: Equipment }} props
 */
function Card({ one }) {
  const card = useRef(/** @type {HTMLElement | null} */ (null));
  const inSight = useInSight(card);
  const row = worst.value.get(one.id);
  return html`<article class="card" data-equipment=${one.id} ref=${card}>
    <header>
      ${row && html`<button class="bare" onClick=${() => show(row)} aria-label=${say(row.text)} title=${say(row.text)}><${AlarmSymbol} row=${row} /></button>`}
      <b class="number">${one.number}</b>
      <span class="card-name">${say(one.name)}</span>
      <span class="card-place">${say(one.place)}</span>
    </header>
    <div style=${{ minHeight: `${rowsHeight(one)}px` }}>${inSight && html`<${Points} one=${one} />`}</div>
    <${Commands} one=${one} />
  </article>`;
}

/** @param {string} id */
function className(id) {
  return say(site.value?.classes[id]?.name) || id;
}

export function PointsScreen() {
  const all = (site.value?.equipment ?? []).filter((one) => Object.keys(one.points).length);
  const classes = [...new Set(all.map((one) => one.class))];
  const words = sought.value.trim().toLowerCase();
  const fits = (/** @type {Equipment} */ one) =>
    (shownClass.value === null || one.class === shownClass.value) &&
    `${one.id} ${one.number} ${one.name.zh} ${one.name.en} ${one.place.zh} ${one.place.en}`.toLowerCase().includes(words);
  const some = all.filter(fits);
  const cards = useRef(/** @type {HTMLDivElement | null} */ (null));
  const columns = shareOut(some, useColumnCount(cards), (one) => rowsHeight(one) + FRAME);
  return html`<main class="points-screen">
    <aside class="filters">
      <input
        type="search"
        placeholder=${t("points.search")}
        aria-label=${t("points.search")}
        value=${sought.value}
        onInput=${(/** @type {{ target: HTMLInputElement }} */ event) => (sought.value = event.target.value)}
      />
      <button class=${shownClass.value === null ? "on" : ""} onClick=${() => (shownClass.value = null)}>
        ${t("points.all")} <span>${all.length}</span>
      </button>
      ${classes.map(
        (id) => html`<button class=${shownClass.value === id ? "on" : ""} onClick=${() => (shownClass.value = id)}>
          ${className(id)} <span>${all.filter((one) => one.class === id).length}</span>
        </button>`,
      )}
    </aside>
    <div class="cards" ref=${cards} tabindex="0" data-home role="region" aria-label=${t("screen.points")} data-testid="cards">
      ${columns.map((column) => html`<div class="column">${column.map((one) => html`<${Card} key=${one.id} one=${one} />`)}</div>`)}
      ${some.length === 0 && html`<p class="empty">${t("points.none")}</p>`}
    </div>
  </main>`;
}
