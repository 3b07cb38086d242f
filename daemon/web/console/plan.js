/** The estate's plan with its equipment; what is in alarm flashes where it stands. */
import { say, t } from "./catalogue.js";
import { homeSoon } from "./focus.js";
import { current, show, site, worst } from "./store.js";
import { Shape, flashing } from "./symbol.js";
import { html, signal } from "./view.js";

/** @typedef {import("./types").Equipment} Equipment */

const shownPlan = signal(/** @type {string | null} */ (null));

/** From the plan to the alarm's own screen. @param {import("./types").AlarmRow} row */
function leaveFor(row) {
  show(row);
  homeSoon();
}

/** @param {{ plan: import("./types").Plan, box?: [number, number, number, number], label?: boolean }} props */
function PlanDrawing({ plan, box = plan.box, label = false }) {
  const size = box[2] / (label ? 48 : 22);
  const [left, top, width, height] = box;
  const placed = (site.value?.equipment ?? []).filter(({ map }) => {
    if (map?.plan !== plan.id) return false;
    return map.x >= left && map.x <= left + width && map.y >= top && map.y <= top + height;
  });
  const calm = placed.filter((one) => !worst.value.has(one.id));
  const alarmed = placed.filter((one) => worst.value.has(one.id));
  return html`<svg class="plan" viewBox=${box.join(" ")} data-testid="map" role="group" aria-label=${say(plan.name)}>
    <image href=${`/api/plans/${plan.id}`} x=${plan.box[0]} y=${plan.box[1]} width=${plan.box[2]} height=${plan.box[3]} />
    ${calm.map(
      (one) => html`<circle class="calm-spot" cx=${one.map?.x} cy=${one.map?.y} r=${size / 4}><title>${one.number} ${say(one.name)}</title></circle>`,
    )}
    ${alarmed.map((one) => {
      const row = /** @type {import("./types").AlarmRow} */ (worst.value.get(one.id));
      const { x, y } = /** @type {import("./types").MapPlace} */ (one.map);
      const picked = current.value?.row.equipment === one.id;
      const key = (/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Enter" || event.key === " ") leaveFor(row);
      };
      return html`<g
        class="alarm-spot"
        data-testid="map-alarm"
        data-alarm=${row.id}
        role="button"
        tabindex=${label ? 0 : -1}
        aria-label=${`${one.number} ${say(row.text)}`}
        onClick=${() => leaveFor(row)}
        onKeyDown=${key}
      >
        <title>${one.number} ${say(row.text)}</title>
        ${picked && html`<circle class="halo p${row.priority}" cx=${x} cy=${y} r=${size * 1.1} />`}
        <svg x=${x - size / 2} y=${y - size / 2} width=${size} height=${size} viewBox="0 0 24 24" overflow="visible">
          <${Shape} priority=${row.priority} mode=${flashing(row)} hollow=${row.state.startsWith("returned")} />
        </svg>
        ${label && html`<text class="spot-label" x=${x} y=${y + size * 1.5} font-size=${size * 0.6}>${one.number}</text>`}
      </g>`;
    })}
  </svg>`;
}

/** The part of the plan around an alarm. @param {{ row: import("./types").AlarmRow }} props */
export function MapAround({ row }) {
  const plan = site.value?.plans.find((one) => one.id === row.map?.plan);
  if (!plan || !row.map) return null;
  const [left, top, width, height] = plan.box;
  const [w, h] = [width / 2.2, height / 2.2];
  const x = Math.min(Math.max(row.map.x - w / 2, left), left + width - w);
  const y = Math.min(Math.max(row.map.y - h / 2, top), top + height - h);
  return html`<${PlanDrawing} plan=${plan} box=${[x, y, w, h]} />`;
}

export function MapScreen() {
  const plans = site.value?.plans ?? [];
  const plan = plans.find((one) => one.id === shownPlan.value) ?? plans[0];
  return html`<main class="map-screen" tabindex="-1" data-home>
    ${plans.length > 1 &&
    html`<nav class="plans">
      ${plans.map((one) => html`<button class=${one === plan ? "on" : ""} onClick=${() => (shownPlan.value = one.id)}>${say(one.name)}</button>`)}
    </nav>`}
    ${plan ? html`<${PlanDrawing} plan=${plan} label />` : html`<p class="empty">${t("map.none")}</p>`}
  </main>`;
}
