/** What the journal holds of alarms that stood before this page was opened: when each was raised, shown and sounded. */
import { get, may } from "./command.js";
import { keyOf } from "./store.js";
import { signal } from "./view.js";

const RECEIPTS = 1000; // newest rows of the journal that are looked through
const TRANSITIONS = 500;

/** @typedef {import("./types").AlarmRow} AlarmRow */
/** @typedef {import("./types").Times} Times */
/** `times` of its raising. @typedef {{ times: Times | null, shown: number | null, sounded: number | null }} Past */

/** By occurrence. @type {import("./vendor/signals.mjs").Signal<ReadonlyMap<string, Past>>} */
const found = signal(new Map());
/** @type {Set<string>} */
const asked = new Set();

/** @param {"receipt" | "transition"} kind @param {number} limit @returns {Promise<any[]>} newest first */
const rows = async (kind, limit) => (await get(`/api/journal?kind=${kind}&limit=${limit}`)).json();

async function load() {
  /** @type {Map<string, Past>} */
  const next = new Map(found.peek());
  const at = (/** @type {string} */ key) => {
    const past = next.get(key) ?? { times: null, shown: null, sounded: null };
    next.set(key, past);
    return past;
  };
  const [receipts, transitions] = await Promise.all([rows("receipt", RECEIPTS), rows("transition", TRANSITIONS)]);
  // newest first, so that the first time of several is what stays
  for (const one of receipts) {
    const kind = one.kind === "shown" ? "shown" : one.kind === "sounded" ? "sounded" : null;
    if (kind) at(`${one.alarm}#${one.occurrence}`)[kind] = Date.parse(one.at);
  }
  for (const { alarm, occurrence, trigger, device_time, received, decided } of transitions) {
    if (trigger === "raise") at(`${alarm}#${occurrence}`).times = { device: device_time, received, decided, committed: null };
  }
  found.value = next;
}

/** Null until it is known, or where the journal's newest rows do not go back so far. @param {AlarmRow} row */
export function pastOf(row) {
  const key = keyOf(row);
  const past = found.value.get(key);
  if (!past?.times && !asked.has(key) && may("read journal")) {
    asked.add(key);
    load().catch(() => asked.delete(key)); // the link may be gone for a moment: asked again when it is next drawn
  }
  return past ?? null;
}

/** With the session that was allowed to read it. */
export function forgetPast() {
  found.value = new Map();
  asked.clear();
}
