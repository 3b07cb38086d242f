// The documents that travel between daemon and console.

export interface Words {
  zh: string;
  en: string;
}

export interface Times {
  device: string | null;
  received: string | null;
  decided: string | null;
  committed: string | null;
}

export interface MapPlace {
  plan: string;
  x: number;
  y: number;
}

export type AlarmState =
  | "normal"
  | "unacknowledged"
  | "acknowledged"
  | "returned, unacknowledged"
  | "latched, unacknowledged"
  | "latched, acknowledged";

export interface AlarmRow {
  v: 1;
  id: string;
  equipment: string;
  rule: string;
  class: string;
  kind: string;
  number: string;
  place: Words;
  lamp: string | null;
  camera: string | null;
  map: MapPlace | null;
  life_safety?: boolean;
  occurrence: number;
  state: AlarmState;
  priority: 1 | 2 | 3 | 4;
  text: Words;
  by: string;
  note: string;
  raised: string | null;
  cause: { dev: string; boot: string; seq: number } | null;
  times: Times;
  /** It cannot go to normal without a reset. */
  latched: boolean;
  suppression: Suppression | null;
  shelved_until: string | null;
  /** Held as one alarm while it comes and goes; how often, and what would cure it. */
  chatter: { count: number; proposal: { part: "on_delay" | "off_delay" | "deadband"; value: number } | null } | null;
  /** What it belongs to in a flood. */
  group: string | null;
  first_out: boolean;
}

/** All that keeps an alarm from the operator; `kind` is the one that is shown. */
export interface Suppression {
  kind: "out of service" | "suppressed by design" | "shelved";
  shelf?: { by: string; since: string; until: string; reason: string };
  design?: { since: string; condition: boolean; parents: string[] };
  removal?: { by: string; since: string; reason: string; order: string; until: string | null };
}

export interface FloodRow {
  active: boolean;
  first_out: string | null;
  alarms: number;
}

/** The lists of the alarm screen: what is before the operator, and what is kept from him, by its reason. */
export type Tab = "standing" | "shelved" | "suppressed" | "out_of_service";

/** One line of the list: an alarm, or the head of those that belong together in a flood. */
export type Line = Standing | GroupHead;

export interface GroupHead {
  group: string;
  members: Standing[];
  first: Standing;
  expanded: boolean;
}

/** What this page knows of an occurrence beside the row: when its raising was sent, painted, sounded. */
export interface Course {
  key: string;
  times: Times;
  /** Times of the daemon's clock, ms since 1970. */
  sent: number;
  shown: number | null;
  sounded: number | null;
  /** False for what stood already when the page was loaded: nobody waited for it here. */
  live: boolean;
  /** When it came to this page, ms of the page's own clock. */
  arrived: number;
  /** Open only because a person took the acknowledgement back: it is not announced again. */
  quiet: boolean;
  /** It came while its row was out of sight (scrolled away, another screen): when it is seen says nothing of our speed. */
  overlooked: boolean;
}

export interface Standing {
  row: AlarmRow;
  course: Course;
}

export interface PointRow {
  id: string;
  v: boolean | number | string | null;
  q: string;
  at: string;
  age: number;
  why: string;
}

export interface Frame {
  seq: number;
  ts: string;
  kind: "hello" | "snapshot" | "alarms" | "flood" | "points" | "heartbeat";
  data: unknown;
}

export interface Equipment {
  id: string;
  class: string;
  number: string;
  name: Words;
  place: Words;
  camera: string | null;
  lamp: string | null;
  map: MapPlace | null;
  points: Record<string, { id: string; unit: string }>;
  /** Whether its class has commands. */
  commands?: boolean;
}

/** A command that can be given; without `label` it cannot be given here at all. `longest` in s. */
export interface Offer {
  name: string;
  label?: Words;
  role?: string;
  two_step?: boolean;
  longest?: number | null;
  allowed: boolean;
  why: Words | null;
}

/** What became of a command. */
export interface Given {
  id: string;
  command: string;
  state: string;
}

export interface Plan {
  id: string;
  name: Words;
  box: [number, number, number, number];
}

export interface SiteDocument {
  id: string;
  name: Words;
  timezone: string;
  equipment: Equipment[];
  classes: Record<string, { name: Words; points: Record<string, { name: Words; unit: string; internal?: boolean }> }>;
  plans: Plan[];
  /** Names of those who sign in, by id. */
  people?: Record<string, string>;
  guidance: { consequence: Words; response: Words; plan: string | null }[];
  /** On-delay in s: from the sample that began it to the alarm. */
  alarms: Record<string, { guidance: number; delay: number }>;
}

export interface SessionFacts {
  user: string;
  name: string;
  role: string;
  may: string[];
  left: number;
}
