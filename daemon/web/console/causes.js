/** Which alarm is behind which: what each one that stands explains, however far down, so that it can be opened there. */
import { alarms, flood, isOpen, lists, revision } from "./store.js";
import { computed } from "./view.js";

/** @typedef {import("./types").Standing} Standing */

const MANY = 5; // explained alarms that make theirs the cause of all that goes on

/**
 * The alarms at the end of the way from parent to parent: nothing explains them.
 * @param {string} id
 * @param {Map<string, ReadonlySet<string>>} found what is known already; also ends a way that leads in a circle
 * @returns {ReadonlySet<string>}
 */
function rootsOf(id, found) {
  const known = found.get(id);
  if (known) return known;
  found.set(id, new Set());
  const parents = alarms.get(id)?.row.suppression?.design?.parents ?? [];
  const roots = parents.length ? new Set(parents.flatMap((one) => [...rootsOf(one, found)])) : new Set([id]);
  found.set(id, roots);
  return roots;
}

/** @param {Standing} a @param {Standing} b */
const byTime = (a, b) => (a.row.raised ?? "").localeCompare(b.row.raised ?? "") || a.row.id.localeCompare(b.row.id);

/** What each alarm explains, oldest first. */
export const consequences = computed(() => {
  void revision.value;
  /** @type {Map<string, Standing[]>} */
  const explained = new Map();
  /** @type {Map<string, ReadonlySet<string>>} */
  const found = new Map();
  for (const one of lists.value.suppressed) {
    if (!one.row.suppression?.design?.parents.length) continue;
    for (const root of rootsOf(one.row.id, found)) explained.set(root, [...(explained.get(root) ?? []), one]);
  }
  for (const some of explained.values()) some.sort(byTime);
  return explained;
});

/** The first-out: the oldest unacknowledged alarm that explains many, else the one with which the flood began. */
export const firstOut = computed(() => {
  const causes = lists.value.standing.filter(
    ({ row }) => isOpen(row) && (consequences.value.get(row.id)?.length ?? 0) >= MANY,
  );
  return causes.sort(byTime)[0]?.row.id ?? (flood.value.active ? flood.value.first_out : null);
});
