/** What the page knows: alarms that stand or are suppressed, the newest value of every point, the site. */
import { daemonTime } from "./clock.js";
import { batch, computed, signal } from "./view.js";

/** @typedef {import("./types").AlarmRow} AlarmRow */
/** @typedef {import("./types").PointRow} PointRow */
/** @typedef {import("./types").Standing} Standing */
/** @typedef {PointRow & { heard: number }} HeardPoint */

/** Alarms by id, suppressed ones too. Changed at once when a frame arrives; the views follow `revision`. @type {Map<string, Standing>} */
export const alarms = new Map();
/** @type {Map<string, import("./vendor/signals.mjs").Signal<HeardPoint>>} */
const points = new Map();
export const revision = signal(0);
/** Grows when a point is heard of for the first time. */
export const pointCount = signal(0);
export const site = signal(/** @type {import("./types").SiteDocument | null} */ (null));
export const chosen = signal(/** @type {string | null} */ (null));
export const screen = signal(/** @type {"alarms" | "points" | "map"} */ ("alarms"));
export const tab = signal(/** @type {import("./types").Tab} */ ("standing"));
export const flood = signal(/** @type {import("./types").FloodRow} */ ({ active: false, first_out: null, alarms: 0 }));

/** @param {AlarmRow} row */
export const keyOf = (row) => `${row.id}#${row.occurrence}`;
/** Still to be acknowledged, suppressed or not. @param {AlarmRow} row */
export const owes = (row) =>
  row.state === "unacknowledged" || row.state === "returned, unacknowledged" || row.state === "latched, unacknowledged";
/** Waits for the operator and calls him: what is suppressed does not. @param {AlarmRow} row */
export const isOpen = (row) => owes(row) && !row.suppression;
/** @param {AlarmRow} row */
export const isLatched = (row) => row.state.startsWith("latched");

/**
 * @param {string} key
 * @param {AlarmRow} row
 * @param {number} sent
 * @param {boolean} live
 * @returns {import("./types").Course}
 */
function begin(key, row, sent, live) {
  const arrived = performance.now();
  const since = { arrived, overlooked: false, quiet: false };
  return { key, times: row.times, sent, shown: null, sounded: null, live: live && isOpen(row), ...since };
}

/**
 * Whether a person only took an acknowledgement back (rules/alarm.py: that is not announced), until it is announced.
 * @param {AlarmRow} row
 * @param {Standing} before the same occurrence
 */
function isQuiet(row, { row: old, course }) {
  if (!isOpen(row)) return false;
  if (isOpen(old)) return course.quiet && row.priority >= old.priority;
  return !old.suppression && row.by !== "process";
}

/**
 * @param {AlarmRow} row
 * @param {number} sent
 * @param {boolean} live
 */
function stand(row, sent, live) {
  if (row.state === "normal" && !row.suppression) {
    alarms.delete(row.id);
    return;
  }
  const key = keyOf(row);
  const before = alarms.get(row.id);
  const same = before?.course.key === key ? before : null;
  const course = same?.course ?? begin(key, row, sent, live);
  if (same) course.quiet = isQuiet(row, same);
  alarms.set(row.id, { row, course });
}

/**
 * @param {AlarmRow[]} rows
 * @param {string} sent
 */
export function applyAlarms(rows, sent) {
  for (const row of rows) stand(row, Date.parse(sent), true);
}

/** @param {PointRow[]} rows */
export function applyPoints(rows) {
  const heard = daemonTime();
  batch(() => {
    for (const row of rows) {
      const found = points.get(row.id);
      if (found) found.value = { ...row, heard };
      else points.set(row.id, signal({ ...row, heard }));
    }
    pointCount.value = points.size;
  });
}

/**
 * @param {{ alarms: AlarmRow[], points: PointRow[] }} state
 * @param {string} sent
 * @param {boolean} first whether this page has shown nothing yet
 */
export function applySnapshot(state, sent, first) {
  const standing = new Set(state.alarms.map((row) => row.id));
  for (const id of alarms.keys()) if (!standing.has(id)) alarms.delete(id);
  for (const row of state.alarms) stand(row, Date.parse(sent), !first);
  // a snapshot does not say so, but only in a flood do alarms belong together
  const grouped = state.alarms.filter((row) => row.group);
  flood.value = { active: grouped.length > 0, first_out: null, alarms: grouped.length };
  applyPoints(state.points);
}

/** @param {import("./types").FloodRow[]} rows */
export function applyFlood(rows) {
  const last = rows.at(-1);
  if (last) flood.value = last;
}

/** @param {string | undefined} id */
export function point(id) {
  void pointCount.value;
  return id === undefined ? undefined : points.get(id)?.value;
}

export function forget() {
  alarms.clear();
  points.clear();
  flood.value = { active: false, first_out: null, alarms: 0 };
  tab.value = "standing";
  revision.value += 1;
}

/** @param {Standing} a @param {Standing} b */
function byUrgency(a, b) {
  const open = Number(isOpen(b.row)) - Number(isOpen(a.row));
  if (open) return open;
  if (a.row.priority !== b.row.priority) return a.row.priority - b.row.priority;
  const when = (b.row.raised ?? "").localeCompare(a.row.raised ?? "");
  return when || a.row.id.localeCompare(b.row.id);
}

/** @type {Record<import("./types").Suppression["kind"], import("./types").Tab>} */
const LISTED = { "out of service": "out_of_service", "suppressed by design": "suppressed", shelved: "shelved" };
/** The list an alarm stands in. @param {AlarmRow} row @returns {import("./types").Tab} */
export const tabOf = (row) => (row.suppression ? LISTED[row.suppression.kind] : "standing");

/** Every list, each with the unacknowledged first, then by priority, the newest first. */
export const lists = computed(() => {
  void revision.value;
  /** @type {Record<import("./types").Tab, Standing[]>} */
  const found = { standing: [], shelved: [], suppressed: [], out_of_service: [] };
  for (const one of alarms.values()) found[tabOf(one.row)].push(one);
  for (const some of Object.values(found)) some.sort(byUrgency);
  return found;
});

/** What stands before the operator. */
export const ordered = computed(() => lists.value.standing);
/** The worst alarm of each equipment that has one. */
export const worst = computed(() => {
  /** @type {Map<string, AlarmRow>} */
  const found = new Map();
  for (const { row } of ordered.value) {
    const before = found.get(row.equipment);
    if (!before || row.priority < before.priority) found.set(row.equipment, row);
  }
  return found;
});
/** The list that is on the screen. */
export const listed = computed(() => lists.value[tab.value]);

/** Unacknowledged alarms in the order of the list. */
export const open = computed(() => ordered.value.filter((one) => isOpen(one.row)));

/** What the detail pane is about: the chosen alarm where it is in the list or beneath one of it, else the most urgent. */
export const current = computed(() => {
  void revision.value;
  const picked = chosen.value === null ? undefined : alarms.get(chosen.value);
  const beneath = tab.value === "standing" && picked?.row.suppression?.design?.parents.length;
  return picked && (beneath || tabOf(picked.row) === tab.value) ? picked : (listed.value[0] ?? null);
});

/** Put an alarm before the operator, whatever he is looking at. @param {AlarmRow} row */
export function show(row) {
  batch(() => {
    chosen.value = row.id;
    tab.value = tabOf(row);
    screen.value = "alarms";
  });
}

export const counts = computed(() => {
  const found = { 1: 0, 2: 0, 3: 0, 4: 0 };
  for (const one of open.value) found[one.row.priority] += 1;
  return found;
});

/** @param {number} drawn */
function overlook(drawn) {
  for (const { course } of alarms.values()) {
    if (course.shown === null && course.arrived < drawn) course.overlooked = true;
  }
}

let flushing = false;

/** Let the views follow: with the next frame, or after 250 ms where the browser draws none (a hidden window). */
export function flush() {
  if (flushing) return;
  flushing = true;
  const draw = () => {
    if (!flushing) return;
    flushing = false;
    revision.value += 1;
    const drawn = performance.now();
    // long after the row would have been painted and reported, had it been in sight
    setTimeout(() => overlook(drawn), 1000);
  };
  requestAnimationFrame(draw);
  setTimeout(draw, 250);
}

const installed = computed(() => new Map(site.value?.equipment.map((one) => [one.id, one])));

/** @param {string} id */
export const equipment = (id) => installed.value.get(id);

/** A person by name; whoever is none of them as the record has it. @param {string} id */
export const personName = (id) => site.value?.people?.[id] ?? id;

const cameras = computed(() => new Map(site.value?.equipment.filter((one) => one.class === "camera").map((one) => [one.camera, one])));

/** The camera that has this id, where it is installed as equipment of its own. @param {string} id */
export const camera = (id) => cameras.value.get(id);

/** Where an alarm is: as its message says, else as the site says of its equipment. @param {AlarmRow} row */
export const placeOf = (row) => (row.place.zh ? row.place : (equipment(row.equipment)?.place ?? row.place));

/** On-delay of an alarm in ms: time it was meant to take. @param {AlarmRow} row */
export const delayOf = (row) => (site.value?.alarms[row.id]?.delay ?? 0) * 1000;

/** When an alarm was due, ms since 1970: its latency counts from here. @param {Standing} one */
export function due({ row, course }) {
  const { received, decided } = course.times;
  if (received) return Math.min(Date.parse(received) + delayOf(row), decided ? Date.parse(decided) : Infinity);
  return decided ? Date.parse(decided) : null;
}
