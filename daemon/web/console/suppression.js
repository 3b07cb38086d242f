/** Why an alarm is not before the operator, in words: who, since and until when, for which reason, behind which alarm. */
import { say, t, visible } from "./catalogue.js";
import { dateTime } from "./clock.js";
import { alarms, personName } from "./store.js";
import { html } from "./view.js";

/** @typedef {import("./types").AlarmRow} AlarmRow */

/** @param {(string | undefined)[]} parts */
const joined = (parts) => parts.filter(Boolean).join(" · ");

/** An alarm that explains others, by its text. @param {string} id */
function parentWords(id) {
  const parent = alarms.get(id);
  return parent ? say(parent.row.text) : visible(id);
}

/** @param {NonNullable<import("./types").Suppression["design"]>} design */
function designWords({ condition, parents }) {
  const named = parents.map(parentWords).join(t("and"));
  return joined([named && t("suppression.parent", { parent: named }), condition ? t("suppression.condition") : ""]);
}

/** What the list says: the reason of the suppression that is shown. @param {AlarmRow} row */
export function whyWords({ suppression }) {
  if (!suppression) return "";
  const { removal, design, shelf } = suppression;
  if (removal) return visible(joined([personName(removal.by), removal.order, removal.reason]));
  if (design) return designWords(design);
  return shelf ? visible(joined([personName(shelf.by), shelf.reason])) : "";
}

/** When that suppression ends by itself, ms since 1970; null: it does not. @param {AlarmRow} row */
export function endOf({ suppression }) {
  if (!suppression) return null;
  const { removal, design, shelf } = suppression;
  const until = removal ? removal.until : design ? null : shelf?.until;
  return until ? Date.parse(until) : null;
}

/** @param {{ kind: string, by?: string, why: string, since: string, until?: string | null }} props */
function Part({ kind, by, why, since, until }) {
  return html`<div class="suppression" data-testid="suppression" data-kind=${kind}>
    <h3>${t(`tab.${kind}`)}</h3>
    <p>${joined([by && visible(personName(by)), why])}</p>
    <p class="other">
      ${t("suppression.since", { at: dateTime(Date.parse(since)) })}
      ${until !== undefined && html` · ${until ? t("suppression.until", { at: dateTime(Date.parse(until)) }) : t("suppression.open")}`}
    </p>
  </div>`;
}

/** All that suppresses an alarm, each by itself. @param {{ row: AlarmRow }} props */
export function SuppressionFacts({ row: { suppression } }) {
  if (!suppression) return null;
  const { removal, design, shelf } = suppression;
  return html`<section class="suppressions">
    ${removal &&
    html`<${Part}
      kind="out_of_service"
      by=${removal.by}
      why=${visible(joined([t("suppression.order", { order: removal.order }), removal.reason]))}
      since=${removal.since}
      until=${removal.until}
    />`}
    ${design && html`<${Part} kind="suppressed" why=${designWords(design)} since=${design.since} />`}
    ${shelf && html`<${Part} kind="shelved" by=${shelf.by} why=${visible(shelf.reason)} since=${shelf.since} until=${shelf.until} />`}
  </section>`;
}
