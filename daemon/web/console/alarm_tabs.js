/** The tabs of the alarm screen: what stands, and what is kept from the operator and why, each with its number. */
import { openTab, TABS } from "./acting.js";
import { t } from "./catalogue.js";
import { headed } from "./flood.js";
import { flood, lists, tab } from "./store.js";
import { html } from "./view.js";

export function AlarmTabs() {
  return html`<nav class="tabs" role="tablist">
    ${TABS.map(
      (name) => html`<button
        role="tab"
        class=${tab.value === name ? "on" : ""}
        aria-selected=${tab.value === name}
        aria-controls="alarm-list"
        data-testid="tab-${name}"
        onClick=${() => openTab(name)}
      >
        ${t(`tab.${name}`)} <b class="badge" data-testid="tab-count">${lists.value[name].length}</b>
      </button>`,
    )}
    ${flood.value.active && html`<span class="flood" role="status" data-testid="flood">${t(headed.value.size ? "flood.grouped" : "flood.bar", { n: flood.value.alarms })}</span>`}
  </nav>`;
}
