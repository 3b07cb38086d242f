/** What the operator can do to an alarm, and what came of it. */
import { silence } from "./annunciator.js";
import { t } from "./catalogue.js";
import { daemonTime } from "./clock.js";
import { lastAct, may, operate, Refused, session } from "./command.js";
import { link } from "./connection.js";
import { chosen, current, isOpen, isLatched, open, ordered } from "./store.js";
import { effect, signal } from "./view.js";

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

/** @param {unknown} error */
function explain(error) {
  if (!(error instanceof Refused)) return t("error.unreachable");
  if (error.status === 409 && error.answer.error === "already acknowledged") return t("error.already", { by: error.answer.by });
  if (error.status === 409 && error.answer.error === "changed") return t("error.changed");
  if (error.status === 409) return t("error.refused", { reason: error.answer.reason ?? "" });
  if (error.status === 401) return t("error.session");
  if (error.status === 403) return t("error.forbidden");
  return t("error.failed", { status: error.status });
}

/**
 * @param {"acknowledge" | "reset"} kind
 * @param {AlarmRow} row
 */
export async function act(kind, row) {
  if (!canOperate() || pending.peek().has(row.id)) return;
  pending.value = new Set([...pending.peek(), row.id]);
  try {
    await operate(kind, row);
    lastAct.value = { key: `act.${kind}`, facts: { number: row.number, by: session.peek()?.name ?? "" }, at: daemonTime() };
  } catch (error) {
    tellOperator(explain(error), true);
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

let topSince = 0;
let top = "";
effect(() => {
  const id = current.value?.row.id ?? "";
  if (id !== top) {
    top = id;
    topSince = performance.now();
  }
});

/** The alarm the acknowledge key means: the chosen one, else the most urgent, if it did not jump there just now. */
export function acknowledgeCurrent() {
  const target = current.peek();
  if (!target || !isOpen(target.row)) return;
  if (chosen.peek() !== target.row.id && performance.now() - topSince < SETTLED) {
    tellOperator(t("error.jumped"));
    return;
  }
  void act("acknowledge", target.row);
}

/** @param {AlarmRow} row */
export const canReset = (row) => isLatched(row) && !isOpen(row);

/**
 * Choose the alarm `step` places on, in the list or only among the unacknowledged.
 * @param {number} step
 * @param {boolean} [onlyOpen]
 */
export function move(step, onlyOpen = false) {
  const among = onlyOpen ? open.peek() : ordered.peek();
  if (!among.length) return;
  const at = among.findIndex((one) => one.row.id === current.peek()?.row.id);
  const next = among[Math.max(0, Math.min(among.length - 1, at + step))];
  if (next) chosen.value = next.row.id;
}

