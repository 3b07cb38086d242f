/** Shelving an alarm and taking it out of service: the buttons, and the form that asks for how long and why. */
import { act, canOperate, pending } from "./acting.js";
import { t } from "./catalogue.js";
import { daemonTime } from "./clock.js";
import { may } from "./command.js";
import { astray, home } from "./focus.js";
import { chosen, current, screen, tab } from "./store.js";
import { html, signal, useLayoutEffect, useRef, useState } from "./view.js";

/** @typedef {import("./types").AlarmRow} AlarmRow */
/** @typedef {"shelve" | "remove_from_service"} Asking */

const SHORT = [5, 15, 30]; // min; what every operator may
const LONG = [60, 240, 480];
const REMOVED = [480, 1440, 10080, 0]; // 0: until someone returns it

/** Which form is open, and for which alarm. */
const asking = signal(/** @type {{ what: Asking, alarm: string } | null} */ (null));

/** The alarm is chosen with it, so that a new one does not take its place while the reason is typed. @param {Asking} what @param {AlarmRow} row */
function ask(what, row) {
  chosen.value = row.id;
  asking.value = { what, alarm: row.id };
}

const canService = () => canOperate() && may("service");

/** The key: for the alarm of the detail pane, if it is in sight and not shelved already. */
export function askToShelve() {
  const one = current.peek();
  if (one && screen.peek() === "alarms" && tab.peek() !== "shelved" && canOperate() && !one.row.suppression?.shelf) {
    ask("shelve", one.row);
  }
}

/** @param {number} minutes */
function lengthWords(minutes) {
  if (!minutes) return t("suppression.open");
  if (minutes < 60) return t("length.minutes", { n: minutes });
  return minutes < 1440 ? t("length.hours", { n: minutes / 60 }) : t("length.days", { n: minutes / 1440 });
}

/** @param {{ row: AlarmRow, waiting: boolean }} props */
export function SuppressionButtons({ row, waiting }) {
  const { shelf, removal } = row.suppression ?? {};
  return html`
    ${shelf
      ? html`<button data-testid="unshelve-button" disabled=${waiting} onClick=${() => void act("unshelve", row)}>${t("act.unshelve.button")}</button>`
      : html`<button data-testid="shelve-button" disabled=${waiting} onClick=${() => ask("shelve", row)}>
          ${t("act.shelve.button")} <kbd>F4</kbd>
        </button>`}
    ${may("service") &&
    (removal
      ? html`<button data-testid="return-button" disabled=${waiting} onClick=${() => void act("return_to_service", row)}>
          ${t("act.return_to_service.button")}
        </button>`
      : html`<button data-testid="remove-button" disabled=${waiting} onClick=${() => ask("remove_from_service", row)}>
          ${t("act.remove_from_service.button")}
        </button>`)}
  `;
}

/** @param {{ row: AlarmRow }} props */
export function SuppressionForm({ row }) {
  const what = asking.value?.alarm === row.id ? asking.value.what : null;
  return what && html`<${Form} key=${what} what=${what} row=${row} />`;
}

/** @param {{ what: Asking, row: AlarmRow }} props */
function Form({ what, row }) {
  const lengths = what === "remove_from_service" ? REMOVED : may("shelve long") ? [...SHORT, ...LONG] : SHORT;
  const [chosenLength, setLength] = useState(what === "shelve" ? 15 : 480);
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const done = useRef(false);
  const close = () => (asking.value = null);
  // before the next key: what is typed for the form must not reach the page
  useLayoutEffect(() => {
    const before = document.activeElement;
    /** @type {HTMLInputElement | null | undefined} */ (form.current?.querySelector("input:checked"))?.focus();
    // an alarm that comes to the pane later must not bring a form that was asked for long ago
    return () => {
      if (asking.peek()?.alarm === row.id && asking.peek()?.what === what) close();
      queueMicrotask(() => {
        if (!astray()) return;
        // back where it was asked for; after the deed that button may belong to another alarm by now
        if (!done.current && before instanceof HTMLElement && before.isConnected) before.focus();
        if (astray()) home();
      });
    };
  }, []);
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const said = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const note = String(said.get("note")).trim();
    const minutes = Number(said.get("length"));
    const order = String(said.get("order") ?? "").trim();
    /** @type {Record<string, string | number>} */
    const facts = what === "shelve" ? { note, minutes } : { note, order };
    if (what !== "shelve" && minutes) facts["until"] = new Date(daemonTime() + minutes * 60000).toISOString();
    done.current = true;
    if (await act(what, row, facts)) close();
    else done.current = false;
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") close();
  };
  const barred = pending.value.has(row.id) || !(what === "shelve" ? canOperate() : canService());
  return html`<form class="suppress-form" ref=${form} data-testid="suppress-form" onSubmit=${submit} onKeyDown=${key}>
    <fieldset>
      <legend>${t(`act.${what}.button`)}</legend>
      ${lengths.map(
        (one) => html`<label class="length">
          <input type="radio" name="length" value=${one} checked=${one === chosenLength} onChange=${() => setLength(one)} />
          ${lengthWords(one)}
        </label>`,
      )}
    </fieldset>
    ${what === "remove_from_service" &&
    html`<label>${t("suppression.order.label")} <input name="order" required pattern=".*\\S.*" maxlength="100" autocomplete="off" /></label>`}
    <label>${t("suppression.reason")} <input name="note" required pattern=".*\\S.*" maxlength="500" autocomplete="off" /></label>
    <div class="form-buttons">
      <button class="primary" data-testid="suppress-confirm" disabled=${barred}>${t(`act.${what}.button`)}</button>
      <button type="button" onClick=${close}>${t("cancel")}</button>
    </div>
  </form>`;
}
