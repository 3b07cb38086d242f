-- What lies over an alarm's state, and what a restart has to know beside the last transition of every alarm.
-- `suppression` is JSON, empty for none; `announces`: an operator was called, which is what the figures count.
ALTER TABLE transition ADD COLUMN latched INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transition ADD COLUMN chatter INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transition ADD COLUMN announces INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transition ADD COLUMN suppression TEXT NOT NULL DEFAULT '';
UPDATE transition SET announces = 1 WHERE trigger = 'raise';
UPDATE transition SET latched = 1 WHERE after LIKE 'latched%';
-- One row for each rule with a running timer or a function over time; replaced, never added to.
CREATE TABLE memory (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
