/** The lines of the list: the first-out on top, what it explains beneath it, and in a flood one head for each place. */
import { consequences, firstOut } from "./causes.js";
import { chosen, flood, isOpen, listed, tab } from "./store.js";
import { computed, signal } from "./view.js";

/** @typedef {import("./types").Line} Line */
/** @typedef {import("./types").GroupHead} GroupHead */
/** @typedef {import("./types").Standing} Standing */

/** Groups the operator opened, and alarms whose consequences he did. @type {import("./vendor/signals.mjs").Signal<ReadonlySet<string>>} */
const unfolded = signal(new Set());

/** @param {Line} line @returns {line is GroupHead} */
export const isHead = (line) => "members" in line;

/** Urgent and unacknowledged: never folded away. @param {Standing} one */
const urgent = ({ row }) => row.priority === 1 && isOpen(row);

/** What belongs together: one alarm, or those of a place that are folded under one head. @typedef {{ group: string, members: Standing[] }} Block */

/** @param {string} group @param {Standing[]} members @returns {GroupHead} */
function headOf(group, members) {
  const marked = members.find(({ row }) => row.id === firstOut.value) ?? members.find(({ row }) => row.first_out);
  const oldest = members.reduce((a, b) => ((b.row.raised ?? "") < (a.row.raised ?? "") ? b : a));
  const picked = members.some(({ row }) => row.id === chosen.value);
  return { group, members, first: marked ?? oldest, expanded: picked || unfolded.value.has(group) };
}

/** A group stands where the most urgent of its alarms would; one that would fold away a single alarm is none. */
const blocks = computed(() => {
  const rows = listed.value;
  if (tab.value !== "standing") return rows.map((one) => ({ group: "", members: [one] }));
  /** @type {Map<string, Standing[]>} */
  const groups = new Map();
  for (const one of flood.value.active ? rows : []) {
    const group = one.row.group;
    if (group) groups.set(group, [...(groups.get(group) ?? []), one]);
  }
  /** @type {Block[]} */
  const found = [];
  for (const one of rows) {
    const group = one.row.group ?? "";
    const members = groups.get(group) ?? [];
    if (members.filter((member) => !urgent(member)).length < 2) found.push({ group: "", members: [one] });
    else if (members[0] === one) found.push({ group, members });
  }
  const at = found.findIndex(({ members }) => members.some(({ row }) => row.id === firstOut.value));
  return at > 0 ? [...found.slice(at, at + 1), ...found.slice(0, at), ...found.slice(at + 1)] : found;
});

/** An alarm, and what it explains where that was opened. @param {Standing} one @returns {Line[]} */
const withConsequences = (one) => (opened(one) ? [one, ...(consequences.value.get(one.row.id) ?? [])] : [one]);

/** @type {import("./vendor/signals.mjs").ReadonlySignal<Line[]>} */
export const lines = computed(() => {
  /** @type {Line[]} */
  const found = [];
  for (const { group, members } of blocks.value) {
    const head = group ? headOf(group, members) : null;
    if (head) found.push(head);
    found.push(...(head && !head.expanded ? members.filter(urgent) : members).flatMap(withConsequences));
  }
  return found;
});

/** All alarms of the list in the order of its lines, those in folded groups too. */
export const walked = computed(() => blocks.value.flatMap(({ members }) => members));

/** The groups that have a head. */
export const headed = computed(() => new Set(blocks.value.map(({ group }) => group).filter(Boolean)));

/** How many alarms this one explains. @param {Standing} one */
export const explains = ({ row }) => (tab.value === "standing" ? (consequences.value.get(row.id)?.length ?? 0) : 0);

/** Whether they are listed beneath it. @param {Standing} one */
export const opened = (one) => unfolded.value.has(`alarm:${one.row.id}`) && explains(one) > 0;

/** @param {string} key @param {boolean} open */
function unfold(key, open) {
  const next = new Set(unfolded.peek());
  if (open) next.add(key);
  else next.delete(key);
  unfolded.value = next;
}

/** List what an alarm explains, or no longer. @param {Standing} one */
export const turnOver = (one) => unfold(`alarm:${one.row.id}`, !opened(one));

/** Open a group or close it. @param {GroupHead} head */
export function fold({ group, members, expanded }) {
  if (expanded && members.some(({ row }) => row.id === chosen.peek())) chosen.value = null;
  unfold(group, !expanded);
}

/** The alarms whose text can be read in these lines. @param {Line[]} some */
export const inWords = (some) => some.map((one) => (isHead(one) ? one.first : one));
