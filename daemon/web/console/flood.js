/** The lines of the list: in a flood, alarms of one place stand under one head that says how many they are. */
import { chosen, flood, isOpen, listed, tab } from "./store.js";
import { computed, signal } from "./view.js";

/** @typedef {import("./types").Line} Line */
/** @typedef {import("./types").GroupHead} GroupHead */
/** @typedef {import("./types").Standing} Standing */

/** Groups the operator opened. @type {import("./vendor/signals.mjs").Signal<ReadonlySet<string>>} */
const unfolded = signal(new Set());

/** @param {Line} line @returns {line is GroupHead} */
export const isHead = (line) => "members" in line;

/** Urgent and unacknowledged: never folded away. @param {Standing} one */
const urgent = ({ row }) => row.priority === 1 && isOpen(row);

/** @param {string} group @param {Standing[]} members @returns {GroupHead} */
function headOf(group, members) {
  const marked = members.find(({ row }) => row.first_out);
  const oldest = members.reduce((a, b) => ((b.row.raised ?? "") < (a.row.raised ?? "") ? b : a));
  const picked = members.some(({ row }) => row.id === chosen.value);
  return { group, members, first: marked ?? oldest, expanded: picked || unfolded.value.has(group) };
}

/** A group stands where the most urgent of its alarms would. @type {import("./vendor/signals.mjs").ReadonlySignal<Line[]>} */
export const lines = computed(() => {
  const rows = listed.value;
  if (!flood.value.active || tab.value !== "standing") return rows;
  /** @type {Map<string, Standing[]>} */
  const groups = new Map();
  for (const one of rows) {
    const group = one.row.group;
    if (group) groups.set(group, [...(groups.get(group) ?? []), one]);
  }
  /** @type {Line[]} */
  const found = [];
  for (const one of rows) {
    const group = one.row.group ?? "";
    const members = groups.get(group) ?? [];
    if (members.length < 2) found.push(one);
    else if (members[0] === one) {
      const head = headOf(group, members);
      found.push(head, ...(head.expanded ? members : members.filter(urgent)));
    }
  }
  return found;
});

/** Open a group or close it. @param {GroupHead} head */
export function fold({ group, members, expanded }) {
  const next = new Set(unfolded.peek());
  if (expanded) {
    next.delete(group);
    if (members.some(({ row }) => row.id === chosen.peek())) chosen.value = null;
  } else next.add(group);
  unfolded.value = next;
}

/** The alarms whose text can be read in these lines. @param {Line[]} some */
export const inWords = (some) => some.map((one) => (isHead(one) ? one.first : one));
