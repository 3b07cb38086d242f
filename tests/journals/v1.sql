-- A journal of release 0.1.0 before schema step 2. Every later release opens it. Never change this file.
BEGIN TRANSACTION;
CREATE TABLE audit (
  position INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL, console TEXT NOT NULL,
  action TEXT NOT NULL, target TEXT NOT NULL, detail TEXT NOT NULL
);
INSERT INTO "audit" VALUES(8,'2026-03-01T06:59:00+00:00','li','desk-1','sign-in','127.0.0.1','');
CREATE TABLE event (
  position INTEGER PRIMARY KEY, device TEXT NOT NULL, boot TEXT NOT NULL, seq INTEGER NOT NULL,
  type TEXT NOT NULL, at TEXT, rx TEXT NOT NULL, historic INTEGER NOT NULL, clock TEXT NOT NULL,
  ref TEXT NOT NULL, data TEXT NOT NULL,
  UNIQUE (device, boot, seq)
);
INSERT INTO "event" VALUES(1,'zone-07','b1',41,'zone.alarm','2026-03-01T07:00:00+00:00','2026-03-01T07:00:00.020000+00:00',0,'sync','','{"n":1}');
CREATE TABLE receipt (
  position INTEGER PRIMARY KEY, console TEXT NOT NULL, kind TEXT NOT NULL, alarm TEXT NOT NULL,
  occurrence INTEGER NOT NULL, at TEXT NOT NULL, latency_ms REAL
);
INSERT INTO "receipt" VALUES(5,'desk-1','shown','sump-1.high_level',1,'2026-03-01T07:01:00.080000+00:00',80.0);
CREATE TABLE step (
  position INTEGER PRIMARY KEY, command TEXT NOT NULL, alarm TEXT NOT NULL, occurrence INTEGER NOT NULL,
  target TEXT NOT NULL, action TEXT NOT NULL, step TEXT NOT NULL, at TEXT NOT NULL, detail TEXT NOT NULL
);
INSERT INTO "step" VALUES(7,'20260301T070000-1','zone-07.intrusion',1,'lamp-07','switch_on','confirmed','2026-03-01T07:00:00.400000+00:00','');
CREATE TABLE transition (
  position INTEGER PRIMARY KEY, alarm TEXT NOT NULL, equipment TEXT NOT NULL, rule TEXT NOT NULL,
  occurrence INTEGER NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, trigger TEXT NOT NULL,
  priority INTEGER NOT NULL, text_zh TEXT NOT NULL, text_en TEXT NOT NULL, by TEXT NOT NULL, note TEXT NOT NULL,
  cause_device TEXT, cause_boot TEXT, cause_seq INTEGER,
  device_time TEXT, received TEXT, decided TEXT NOT NULL, raised_at TEXT
);
INSERT INTO "transition" VALUES(2,'zone-07.intrusion','zone-07','intrusion',1,'normal','unacknowledged','raise',1,'zone-07 报警','zone-07 alarm','process','','zone-07','b1',41,'2026-03-01T07:00:00+00:00','2026-03-01T07:00:00.020000+00:00','2026-03-01T07:00:00.025000+00:00','2026-03-01T07:00:00.025000+00:00');
INSERT INTO "transition" VALUES(3,'zone-07.intrusion','zone-07','intrusion',1,'unacknowledged','latched, unacknowledged','clear latching',1,'zone-07 报警','zone-07 alarm','process','',NULL,NULL,NULL,NULL,NULL,'2026-03-01T07:00:04+00:00','2026-03-01T07:00:00.025000+00:00');
INSERT INTO "transition" VALUES(4,'sump-1.high_level','sump-1','high_level',1,'normal','unacknowledged','raise',2,'sump-1 报警','sump-1 alarm','process','',NULL,NULL,NULL,NULL,NULL,'2026-03-01T07:01:00+00:00','2026-03-01T07:01:00+00:00');
INSERT INTO "transition" VALUES(6,'sump-1.high_level','sump-1','high_level',1,'unacknowledged','acknowledged','acknowledge',2,'sump-1 报警','sump-1 alarm','li','派人查看',NULL,NULL,NULL,NULL,NULL,'2026-03-01T07:01:30+00:00','2026-03-01T07:01:00+00:00');
CREATE INDEX transition_of_alarm ON transition (alarm, position);
CREATE INDEX step_of_command ON step (command);
CREATE INDEX receipt_of_alarm ON receipt (alarm, occurrence);
COMMIT;
PRAGMA user_version = 1;
