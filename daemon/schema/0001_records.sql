-- Everything the daemon ever learnt or did. Rows are only added. `position` is one count over all tables.
CREATE TABLE event (
  position INTEGER PRIMARY KEY, device TEXT NOT NULL, boot TEXT NOT NULL, seq INTEGER NOT NULL,
  type TEXT NOT NULL, at TEXT, rx TEXT NOT NULL, historic INTEGER NOT NULL, clock TEXT NOT NULL,
  ref TEXT NOT NULL, data TEXT NOT NULL,
  UNIQUE (device, boot, seq)
);
CREATE TABLE transition (
  position INTEGER PRIMARY KEY, alarm TEXT NOT NULL, equipment TEXT NOT NULL, rule TEXT NOT NULL,
  occurrence INTEGER NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, trigger TEXT NOT NULL,
  priority INTEGER NOT NULL, text_zh TEXT NOT NULL, text_en TEXT NOT NULL, by TEXT NOT NULL, note TEXT NOT NULL,
  cause_device TEXT, cause_boot TEXT, cause_seq INTEGER,
  device_time TEXT, received TEXT, decided TEXT NOT NULL, raised_at TEXT
);
CREATE INDEX transition_of_alarm ON transition (alarm, position);
CREATE TABLE step (
  position INTEGER PRIMARY KEY, command TEXT NOT NULL, alarm TEXT NOT NULL, occurrence INTEGER NOT NULL,
  target TEXT NOT NULL, action TEXT NOT NULL, step TEXT NOT NULL, at TEXT NOT NULL, detail TEXT NOT NULL
);
CREATE INDEX step_of_command ON step (command);
CREATE TABLE audit (
  position INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL, console TEXT NOT NULL,
  action TEXT NOT NULL, target TEXT NOT NULL, detail TEXT NOT NULL
);
CREATE TABLE receipt (
  position INTEGER PRIMARY KEY, console TEXT NOT NULL, kind TEXT NOT NULL, alarm TEXT NOT NULL,
  occurrence INTEGER NOT NULL, at TEXT NOT NULL, latency_ms REAL
);
CREATE INDEX receipt_of_alarm ON receipt (alarm, occurrence);
