/** All values by equipment, each with its quality and age; what is old or bad is hatched. */
import { say, t } from "./catalogue.js";
import { Commands } from "./commanding.js";
import { ordered, point, show, site } from "./store.js";
import { AlarmSymbol } from "./symbol.js";
import { ageWords, quality, qualityWords, valueWords } from "./value.js";
import { html, signal } from "./view.js";

/** @typedef {import("./types").Equipment} Equipment */

const shownClass = signal(/** @type {string | null} */ (null));
const sought = signal("");

/** @param {{ name: string, label: string, id: string, unit: string }} props */
function PointRow({ name, label, id, unit }) {
  const heard = point(id);
  const how = quality(heard);
  const why = heard?.why ? `${qualityWords(heard)} · ${heard.why}` : qualityWords(heard);
  return html`<div class="point-row ${how}" data-testid="point-row" data-point=${id} data-quality=${how} title=${`${id} · ${why}`}>
    <span class="point-name">${label}</span>
    <span class="point-value" data-testid="point-value">${heard ? valueWords(name, heard.v, unit) : "—"}</span>
    <span class="point-quality">${how === "good" ? "" : `? ${qualityWords(heard)}`}</span>
    <span class="point-age">${ageWords(heard)}</span>
  </div>`;
}

/** @param {{ one: Equipment }} props */
export function Points({ one }) {
  const known = site.value?.classes[one.class]?.points ?? {};
  return html`<div class="points">
    ${Object.entries(one.points).map(([name, { id, unit }]) => {
      const label = say(known[name]?.name) || name;
      return html`<${PointRow} key=${id} name=${name} label=${label} id=${id} unit=${unit || (known[name]?.unit ?? "")} />`;
    })}
  </div>`;
}

/** @param {{ one: Equipment }} props */
function Card({ one }) {
  const standing = ordered.value.filter(({ row }) => row.equipment === one.id);
  const worst = standing.sort((a, b) => a.row.priority - b.row.priority)[0];
  return html`<article class="card" data-equipment=${one.id}>
    <header>
      ${worst && html`<button class="bare" onClick=${() => show(worst.row)} title=${say(worst.row.text)}><${AlarmSymbol} row=${worst.row} /></button>`}
      <b class="number">${one.number}</b>
      <span class="card-name">${say(one.name)}</span>
      <span class="card-place">${say(one.place)}</span>
    </header>
    <${Points} one=${one} />
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
    <div class="cards"><div>
      ${some.map((one) => html`<${Card} key=${one.id} one=${one} />`)}
      ${some.length === 0 && html`<p class="empty">${t("points.none")}</p>`}
    </div></div>
  </main>`;
}
