/** What the operator can do to an alarm, and what came of it. */
import { silence } from "./annunciator.js";
import { known, t, visible } from "./catalogue.js";
import { daemonTime } from "./clock.js";
import { lastAct, may, operate, Refused, session } from "./command.js";
import { link } from "./connection.js";
import { walked } from "./flood.js";
import { batch, computed, effect, signal } from "./view.js";
import { chosen, current, isOpen, isLatched, open, tab, tabOf } from "./store.js";

const SETTLED = 500; // ms an alarm must have stood on top before a key may act on it unchosen

/** @typedef {import("./types").AlarmRow} AlarmRow */

export const notice = signal(/** @type {{ text: string, bad: boolean } | null} */ (null));
/** Alarms with a command under way: their buttons wait. */
export const pending = signal(/** @type {ReadonlySet<string>} */ (new Set()));

let noticeTimer = 0;

/** @param {string} text @param {boolean} [bad] */
export function tellOperator(text, bad = false) {
  clearTimeout(noticeTimer);
  notice.value = { text, bad };
  noticeTimer = setTimeout(() => (notice.value = null), bad ? 8000 : 4000);
}

export const canOperate = () => link.value === "live" && may("operate");

/** The daemon says `<alarm>: <why>`. @param {string} reason */
function refusal(reason) {
  const why = reason.slice(reason.lastIndexOf(": ") + 1).trim();
  return known(`refused.${why}`) ? t(`refused.${why}`) : visible(reason);
}

/** @param {unknown} error */
export function explain(error) {
  if (!(error instanceof Refused)) return t("error.unreachable");
  if (error.status === 409 && error.answer.error === "already acknowledged") return t("error.already", { by: error.answer.by });
  if (error.status === 409 && error.answer.error === "changed") return t("error.changed");
  if (error.status === 409) return t("error.refused", { reason: refusal(error.answer.reason ?? "") });
  if (error.status === 401) return t("error.session");
  if (error.status === 403 && error.answer.error === "shelved for long enough") return t("error.shelved");
  if (error.status === 403) return t("error.forbidden");
  return t("error.failed", { status: error.status });
}

/** What moves an alarm out of the list or into it is also told aloud. @type {ReadonlySet<string>} */
const TOLD = new Set(["unacknowledge", "shelve", "unshelve", "remove_from_service", "return_to_service"]);

/**
 * True once it is done.
 * @param {import("./command.js").Deed} kind
 * @param {AlarmRow} row
 * @param {Record<string, string | number>} [facts]
 */
export async function act(kind, row, facts) {
  if (!canOperate() || pending.peek().has(row.id)) return false;
  pending.value = new Set([...pending.peek(), row.id]);
  try {
    await operate(kind, row, facts);
    const did = { number: row.number || row.id, by: session.peek()?.name ?? "" };
    lastAct.value = { key: `act.${kind}`, facts: did, at: daemonTime() };
    if (TOLD.has(kind)) tellOperator(t(`act.${kind}`, did));
    return true;
  } catch (error) {
    tellOperator(explain(error), true);
    return false;
  } finally {
    const left = new Set(pending.peek());
    left.delete(row.id);
    pending.value = left;
  }
}

export async function hush() {
  try {
    await silence();
    lastAct.value = { key: "act.silence", facts: {}, at: daemonTime() };
  } catch (error) {
    tellOperator(t("error.silence", { why: explain(error) }), true);
  }
}

/** What the acknowledge key means: of a list of suppressed alarms none, but the most urgent one in the bar. */
const target = computed(() => (tab.value === "standing" ? current.value : (open.value[0] ?? null)));
let topSince = 0;
let top = "";
effect(() => {
  const id = target.value?.row.id ?? "";
  if (id !== top) {
    top = id;
    topSince = performance.now();
  }
});

/** The alarm the acknowledge key means: the chosen one, else the most urgent, if it did not jump there just now. */
export function acknowledgeCurrent() {
  const meant = target.peek();
  if (!meant || !isOpen(meant.row)) return;
  if ((chosen.peek() !== meant.row.id || tab.peek() !== "standing") && performance.now() - topSince < SETTLED) {
    tellOperator(t("error.jumped"));
    return;
  }
  void act("acknowledge", meant.row);
}

/** @param {AlarmRow} row */
export const canReset = (row) => isLatched(row) && !isOpen(row);

/**
 * Choose the alarm `step` places on, in the list or only among the unacknowledged.
 * @param {number} step
 * @param {boolean} [onlyOpen]
 */
export function move(step, onlyOpen = false) {
  const among = onlyOpen ? open.peek() : walked.peek();
  if (!among.length) return;
  const at = among.findIndex((one) => one.row.id === current.peek()?.row.id);
  const next = among[Math.max(0, Math.min(among.length - 1, at + step))];
  if (!next) return;
  batch(() => {
    chosen.value = next.row.id;
    tab.value = tabOf(next.row);
  });
}

/** @type {import("./types").Tab[]} */
export const TABS = ["standing", "shelved", "suppressed", "out_of_service"];

/** @param {number} step */
export function turn(step) {
  const next = TABS[TABS.indexOf(tab.peek()) + step];
  if (next) openTab(next);
}

/** @param {import("./types").Tab} name */
export function openTab(name) {
  batch(() => {
    tab.value = name;
    chosen.value = null;
  });
}

