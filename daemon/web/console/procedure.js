/** Emergency plans: what an alarm asks for, and the text of its plan in a dialog. */
import { t, visible } from "./catalogue.js";
import { get } from "./command.js";
import { site } from "./store.js";
import { html, signal, useEffect, useRef } from "./view.js";

const shown = signal(/** @type {{ id: string, text: string } | null} */ (null));

/** @param {import("./types").AlarmRow} row */
export function guidanceFor(row) {
  const at = site.value?.alarms[row.id];
  return at && site.value?.guidance[at.guidance];
}

/** @param {string} id */
export async function openProcedure(id) {
  shown.value = { id, text: "" };
  try {
    const answer = await get(`/api/procedures/${encodeURIComponent(id)}`);
    shown.value = { id, text: await answer.text() };
  } catch {
    shown.value = { id, text: t("error.unreachable") };
  }
}

/** Headings, lists and paragraphs; anything else of Markdown stays as it was typed. @param {{ line: string }} props */
function Line({ line }) {
  const heading = /^(#{1,4})\s+(.*)$/.exec(line);
  if (heading) return html`<h3>${visible(heading[2] ?? "")}</h3>`;
  const item = /^\s*(?:[-*]|(\d+)[.、])\s+(.*)$/.exec(line);
  if (item) return html`<p class="item"><b>${item[1] ? `${item[1]}.` : "•"}</b> ${visible(item[2] ?? "")}</p>`;
  const other = /^\s*\*([^*].*)\*\s*$/.exec(line);
  if (other) return html`<p class="other">${visible(other[1] ?? "")}</p>`;
  return line.trim() ? html`<p>${visible(line)}</p>` : null;
}

export function ProcedureDialog() {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const what = shown.value;
  useEffect(() => {
    if (what && !dialog.current?.open) dialog.current?.show();
    if (!what && dialog.current?.open) dialog.current.close();
  }, [what]);
  const escape = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") shown.value = null;
  };
  // not modal: a plan must not dim the alarm that comes while it is being read
  return html`<dialog ref=${dialog} class="procedure" data-testid="procedure" onClose=${() => (shown.value = null)} onKeyDown=${escape}>
    ${what && html`<div>${what.text.split("\n").map((line) => html`<${Line} line=${line} />`)}</div>`}
    <form method="dialog"><button class="primary">${t("close")}</button></form>
  </dialog>`;
}
