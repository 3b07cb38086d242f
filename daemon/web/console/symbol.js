/** The sign of a priority: colour, shape and digit together, so that none of them is needed alone. */
import { t } from "./catalogue.js";
import { isLatched, isOpen } from "./store.js";
import { html } from "./view.js";

/** Outlines in a 24 × 24 box. */
const SHAPES = {
  1: "M12 1.5 23 22H1Z",
  2: "M12 1 23 12 12 23 1 12Z",
  3: "M2 2H22V22H2Z",
  4: "M12 1.5A10.5 10.5 0 1 1 12 22.5 10.5 10.5 0 1 1 12 1.5Z",
};

/** Drawn, not written: not every machine has a font with a lock in it. */
const LOCK = "M4 10H20V22H4ZM7.5 10V6.5A4.5 4.5 0 0 1 16.5 6.5V10";

/** @typedef {1 | 2 | 3 | 4} Priority */

/** @param {import("./types").AlarmRow} row */
export function flashing(row) {
  if (!isOpen(row)) return "steady";
  return row.state.startsWith("returned") ? "flash-slow" : "flash";
}

/** @param {{ priority: Priority, mode?: string, hollow?: boolean }} props */
export function Shape({ priority, mode = "steady", hollow = false }) {
  return html`<svg
    class="symbol p${priority} ${mode} ${hollow ? "hollow" : ""}"
    viewBox="0 0 24 24"
    role="img"
    aria-label=${t(`priority.${priority}`)}
  >
    <path d=${SHAPES[priority]} />
    <text x="12" y=${priority === 1 ? 20 : 17}>${priority}</text>
  </svg>`;
}

/** @param {{ row: import("./types").AlarmRow }} props */
export function AlarmSymbol({ row }) {
  const gone = row.state === "normal" || row.state.startsWith("returned");
  return html`<span class="symbol-box">
    <${Shape} priority=${row.priority} mode=${flashing(row)} hollow=${gone} />
    ${isLatched(row) && html`<svg class="lock" viewBox="0 0 24 24" role="img" aria-label=${t("state.locked")}>
      <title>${t("state.locked")}</title>
      <path d=${LOCK} />
    </svg>`}
  </span>`;
}
