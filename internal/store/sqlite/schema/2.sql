-- Format 2: who may call the management API, what signs tokens, and what may
-- happen once only.

CREATE TABLE clients (
  n       INTEGER PRIMARY KEY AUTOINCREMENT,
  id      TEXT NOT NULL UNIQUE,
  name    TEXT NOT NULL UNIQUE,
  scopes  TEXT NOT NULL,
  epoch   INTEGER NOT NULL,
  secrets TEXT NOT NULL,
  created INTEGER,
  creator TEXT NOT NULL
) STRICT;

CREATE TABLE signing_keys (
  n       INTEGER PRIMARY KEY AUTOINCREMENT,
  id      TEXT NOT NULL UNIQUE,
  alg     TEXT NOT NULL,
  public  TEXT NOT NULL,
  sealed  BLOB NOT NULL,
  created INTEGER,
  signs   INTEGER,
  revoked INTEGER
) STRICT;

-- Codes that were redeemed, tokens that were revoked.
CREATE TABLE spent (
  key     TEXT PRIMARY KEY,
  expires INTEGER NOT NULL -- seconds
) STRICT, WITHOUT ROWID;

-- What is too much for the audit.
CREATE TABLE counters (
  name TEXT PRIMARY KEY,
  n    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX spent_expires ON spent (expires);
CREATE INDEX audit_agent ON audit (agent, seq);
