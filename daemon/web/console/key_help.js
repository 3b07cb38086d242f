/** Which key does what, in a dialog that covers no alarm for good: `?` opens it, Esc or `?` closes it. */
import { t } from "./catalogue.js";
import { astray, home } from "./focus.js";
import { html, signal, useEffect, useRef } from "./view.js";

const shown = signal(false);

export const toggleKeyHelp = () => void (shown.value = !shown.peek());

const KEYS = /** @type {const} */ ([
  ["F1", "alarms"],
  ["F2", "acknowledge"],
  ["F3", "silence"],
  ["F4", "shelve"],
  ["F6", "points"],
  ["F7", "map"],
  ["F9", "before"],
  ["F10", "next"],
  ["↑ ↓", "walk"],
  ["← →", "lists"],
  ["Enter", "enter"],
  ["Tab", "tab"],
  ["Esc", "escape"],
  ["?", "help"],
]);

export function KeyHelp() {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const open = shown.value;
  useEffect(() => {
    if (open && !dialog.current?.open) dialog.current?.show();
    if (!open && dialog.current?.open) dialog.current.close();
    if (!open && astray()) home();
  }, [open]);
  const escape = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") shown.value = false;
  };
  return html`<dialog ref=${dialog} class="key-help" aria-label=${t("keys.title")} data-testid="key-help" onClose=${() => (shown.value = false)} onKeyDown=${escape}>
    <h2>${t("keys.title")}</h2>
    <dl>${KEYS.map(([key, name]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${t(`keys.${name}`)}</dd></div>`)}</dl>
    <form method="dialog"><button class="primary">${t("close")}</button></form>
  </dialog>`;
}
