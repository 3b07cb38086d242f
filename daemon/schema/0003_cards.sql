-- Access cards: every change, none ever altered. `card`, `holder` and `household` are references, never names or numbers
-- that stand on a card. `valid_until` empty: no end.
CREATE TABLE card (
  position INTEGER PRIMARY KEY, card TEXT NOT NULL, action TEXT NOT NULL, at TEXT NOT NULL, by TEXT NOT NULL,
  console TEXT NOT NULL, kind TEXT NOT NULL, holder TEXT NOT NULL, household TEXT NOT NULL, doors TEXT NOT NULL,
  valid_from TEXT NOT NULL, valid_until TEXT, reason TEXT NOT NULL
);
CREATE INDEX card_by_reference ON card (card, position);
