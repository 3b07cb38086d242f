/** What the operator can do to an alarm, and what came of it. */
import { silence } from "./annunciator.js";
import { known, t, visible } from "./catalogue.js";
import { daemonTime } from "./clock.js";
import { lastAct, may, operate, Refused, session } from "./command.js";
import { link } from "./connection.js";
import { homeSoon } from "./focus.js";
import { walked } from "./flood.js";
import { batch, computed, effect, signal } from "./view.js";
import { chosen, current, isOpen, isLatched, keyOf, open, personName, screen, tab, tabOf } from "./store.js";

const SETTLED = 500; // ms an alarm must have stood in its place before a key may act on it unchosen
const AGAIN = 250; // ms likewise after the operator's own deed moved it there: longer than a key that is hit twice

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
  if (error.status === 409 && error.answer.error === "already acknowledged") return t("error.already", { by: visible(personName(String(error.answer.by))) });
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
    dealtWith = keyOf(row); // before the answer: the list may move first
    await operate(kind, row, facts);
    const did = { number: row.number || row.id, by: session.peek()?.name ?? "" };
    lastAct.value = { key: `act.${kind}`, facts: did, at: daemonTime() };
    if (TOLD.has(kind)) tellOperator(t(`act.${kind}`, did));
    return true;
  } catch (error) {
    dealtWith = "";
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

/** What the acknowledge key means: the alarm in the detail pane or on the plan; where that is not one that stands, the bar's. */
export const target = computed(() => {
  const inSight = tab.value === "standing" && screen.value !== "points";
  return inSight ? current.value : (open.value[0] ?? null);
});
/** The occurrence this operator did something to last: what takes its place was to be expected. */
let dealtWith = "";
/** What the key meant, and from when on it may be taken for that, ms of the page's clock. */
let meaning = { key: "", picked: chosen.peek(), tab: tab.peek(), screen: screen.peek(), from: 0 };
effect(() => {
  const key = target.value?.course.key ?? "";
  const place = { picked: chosen.value, tab: tab.value, screen: screen.value };
  const turned = place.picked !== meaning.picked || place.tab !== meaning.tab || place.screen !== meaning.screen;
  let { from } = meaning;
  if (turned) from = 0;
  else if (key !== meaning.key) from = performance.now() + (meaning.key && meaning.key === dealtWith ? AGAIN : SETTLED);
  meaning = { key, ...place, from };
});

/** The acknowledge key: not taken where another alarm than the operator looked at came under it just now. */
export function acknowledgeCurrent() {
  const meant = target.peek();
  if (!meant) return;
  if (!isOpen(meant.row)) {
    if (open.peek().length) tellOperator(t("error.not_open"));
    return;
  }
  const now = performance.now();
  if (now < meaning.from) tellOperator(t(now - meant.course.arrived < SETTLED ? "error.jumped" : "error.moved"));
  else void act("acknowledge", meant.row);
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
    if (screen.peek() === "points") screen.value = "alarms"; // where it can be seen
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
    if (tab.peek() !== name) chosen.value = null;
    tab.value = name;
  });
}

/** @param {"alarms" | "points" | "map"} name what stands is what the operator finds there, whatever list he left it with */
export function openScreen(name) {
  batch(() => {
    if (name === "alarms") openTab("standing");
    screen.value = name;
  });
  homeSoon();
}

