/** The live stream: connect, resume where it broke off, notice gaps and silence. */
import { daemonTime, hear } from "./clock.js";
import { consoleName, resumeSession, session } from "./command.js";
import { applyAlarms, applyFlood, applyPoints, applySnapshot, flush } from "./store.js";
import { signal } from "./view.js";

const LOST_AFTER = 3000; // ms without a word
const SEEN_EVERY = 200; // ms at most between two reports of what was worked through

export const link = signal(/** @type {"connecting" | "live" | "lost"} */ ("connecting"));
/** When the link was lost, the daemon's time. */
export const lostAt = signal(0);
/** The daemon's release; a change means that this page is of an older one. */
export const release = signal("");
export const newRelease = signal(false);

/** @type {WebSocket | null} */
let socket = null;
let heardAt = performance.now();
/** @type {number | null} */
let seq = null;
let boot = "";
let attempts = 0;
let seenAt = 0;
let seenTimer = 0;
let retryTimer = 0;
let running = false;
let everSynced = false;
/** @type {() => void} */
let applied = () => {};

/** @param {() => void} afterEachFrame called in the message handler itself, before anything is drawn */
export function start(afterEachFrame) {
  applied = afterEachFrame;
  running = true;
  heardAt = performance.now();
  connect();
}

export function stop() {
  running = false;
  clearTimeout(retryTimer);
  socket?.close(1000);
  socket = null;
  seq = null;
  everSynced = false;
  link.value = "connecting";
}

/** @param {Record<string, unknown>} message */
export function tell(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function connect() {
  clearTimeout(retryTimer);
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const opened = new WebSocket(`${scheme}//${location.host}/api/stream`);
  opened.binaryType = "arraybuffer";
  socket = opened;
  const text = new TextDecoder();
  opened.onopen = () => tell({ kind: "hello", console: consoleName, last_seq: seq, boot });
  opened.onmessage = (message) => {
    if (socket === opened) take(JSON.parse(text.decode(message.data)));
  };
  opened.onclose = (closing) => {
    if (socket === opened) retry(closing.code);
  };
}

/** @param {number} code */
function retry(code) {
  socket = null;
  if (!running) return;
  attempts += 1;
  const pause = Math.min(5000, 250 * 2 ** Math.min(attempts, 5)) * (0.5 + Math.random() / 2);
  retryTimer = setTimeout(async () => {
    // a refused handshake tells the page nothing, so it asks whether the session is still good
    if (code === 4001 || code === 1006) {
      try {
        await resumeSession();
      } catch {
        retry(1006);
        return;
      }
    }
    if (running && session.peek()) connect();
  }, pause);
}

/** @param {import("./types").Frame & { data: any }} frame */
function take(frame) {
  heardAt = performance.now();
  hear(frame.ts);
  if (frame.kind === "hello") {
    if (release.peek() && release.peek() !== frame.data.version) newRelease.value = true;
    if (!release.peek()) release.value = frame.data.version;
    if (boot !== frame.data.boot) {
      boot = frame.data.boot;
      seq = null;
    }
    return;
  }
  if (frame.kind === "snapshot") {
    applySnapshot(frame.data, frame.ts, !everSynced);
    seq = frame.seq;
    everSynced = true;
  } else if (frame.kind === "alarms" || frame.kind === "flood") {
    if (seq === null || frame.seq !== seq + 1) return askAgain();
    if (frame.kind === "alarms") applyAlarms(frame.data, frame.ts);
    else applyFlood(frame.data);
    seq = frame.seq;
  } else {
    if (seq === null || frame.seq !== seq) return askAgain();
    if (frame.kind === "points") applyPoints(frame.data);
  }
  attempts = 0;
  link.value = "live";
  applied();
  if (frame.kind !== "heartbeat" && frame.kind !== "points") flush();
  reportSeen();
  return undefined;
}

let askedAt = 0;

function askAgain() {
  if (performance.now() - askedAt < 1000) return;
  askedAt = performance.now();
  tell({ kind: "resync" });
}

function reportSeen() {
  clearTimeout(seenTimer);
  const wait = seenAt + SEEN_EVERY - performance.now();
  const send = () => {
    seenAt = performance.now();
    tell({ kind: "seen", seq: seq ?? 0 });
  };
  if (wait <= 0) send();
  else seenTimer = setTimeout(send, wait);
}

setInterval(() => {
  if (!running || performance.now() - heardAt < LOST_AFTER) return;
  if (link.peek() !== "lost") {
    link.value = "lost";
    lostAt.value = daemonTime();
    applied();
  }
  if (socket?.readyState === WebSocket.OPEN) {
    // open but silent: the other end may be gone without a word
    const silent = socket;
    socket = null;
    silent.close();
    retry(1006);
  }
}, 250);
