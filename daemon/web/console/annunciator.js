/** Which tone must sound: the most urgent alarm that is neither acknowledged nor silenced. */
import { recordSilence } from "./command.js";
import { link, tell } from "./connection.js";
import { perceived } from "./perceived.js";
import { alarms, flush, isOpen } from "./store.js";
import { audible, onChange, play, sounding } from "./tone.js";
import { signal } from "./view.js";

/** Occurrences the operator silenced, and at which priority: one that has worsened since sounds again. @type {Map<string, number>} */
const silenced = new Map();
/** Occurrences whose tone has run out by itself (priority 3 and 4), likewise. @type {Map<string, number>} */
const spent = new Map();
/** Occurrences the present tone was started for. @type {Set<string>} */
let playedFor = new Set();
let linkSilenced = false;

/** Whether something would sound had the operator not silenced it. */
const hushed = signal(false);

/** @typedef {import("./types").Standing} Standing */

/** @param {Map<string, number>} some @param {Standing} one */
const covers = (some, { row, course }) => row.priority >= (some.get(course.key) ?? Infinity);

/** Called in the message handler, so that no hidden window and no slow painting delays the tone. */
export function annunciate() {
  if (link.peek() === "lost") {
    hushed.value = linkSilenced;
    play(linkSilenced ? null : "link");
    return;
  }
  linkSilenced = false;
  /** @type {1 | 2 | 3 | 4 | null} */
  let urgent = null;
  let fresh = false;
  let quiet = 0;
  const open = [];
  for (const { row, course } of alarms.values()) {
    if (!isOpen(row)) continue;
    open.push({ row, course });
    if (covers(silenced, { row, course })) quiet += 1;
    else if (!course.quiet && !covers(spent, { row, course }) && (urgent === null || row.priority <= urgent)) {
      if (row.priority !== urgent) fresh = false;
      urgent = row.priority;
      fresh ||= !playedFor.has(course.key);
    }
  }
  hushed.value = urgent === null && quiet > 0;
  // a tone that ends by itself begins anew for a new alarm; a continuous one just goes on
  const heard = play(urgent, fresh && urgent !== null && urgent >= 3);
  playedFor = new Set(heard ? open.filter(({ row }) => row.priority === urgent).map(({ course }) => course.key) : []);
  if (heard && urgent !== null) {
    const tone = urgent;
    perceived("sounded", open.filter(({ row, course }) => row.priority >= tone && !covers(silenced, { row, course })));
  }
  forgetOld(open.map(({ course }) => course.key));
}

/**
 * What is announced again (its shelf ended, its reminder came) is the same occurrence, but sounds again.
 * @param {string[]} open
 */
function forgetOld(open) {
  if (!silenced.size && !spent.size) return;
  const standing = new Set(open);
  for (const some of [silenced, spent]) for (const key of some.keys()) if (!standing.has(key)) some.delete(key);
}

/** Stop the tone for what stands now; a new alarm sounds again. Recorded by the daemon. */
export async function silence() {
  /** @type {[string, number][]} */
  const quiet = [];
  if (link.peek() === "lost") linkSilenced = true;
  else {
    for (const { row, course } of alarms.values()) {
      if (!isOpen(row) || covers(silenced, { row, course })) continue;
      silenced.set(course.key, row.priority);
      quiet.push([row.id, row.occurrence]);
    }
  }
  annunciate();
  flush();
  if (quiet.length) await recordSilence(quiet);
}

onChange(() => {
  if (audible.peek() && sounding.peek() === null) for (const key of playedFor) markSpent(key);
  annunciate();
  report();
});

/** @param {string} key */
function markSpent(key) {
  for (const { row, course } of alarms.values()) {
    if (course.key === key && row.priority >= 3) spent.set(key, row.priority);
  }
}

/** @returns {"running" | "suspended" | "silent"} */
export function soundState() {
  if (!audible.value) return "suspended";
  return hushed.value ? "silent" : "running";
}

let reported = "";

/** Tell the daemon when this console cannot be heard. */
export function report() {
  const state = soundState();
  if (state === reported) return;
  reported = state;
  tell({ kind: "sound", state });
}

