-- Format 1. Times are microseconds since 1970, NULL where a time is not set;
-- lists and maps are JSON.

CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE agents (
  n            INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of pages; never used again
  id           TEXT NOT NULL UNIQUE,
  external_id  TEXT,                              -- NULL when there is none
  display_name TEXT NOT NULL,
  description  TEXT NOT NULL,
  owner        TEXT NOT NULL,
  attributes   TEXT NOT NULL,
  user_serving INTEGER NOT NULL,
  inactive     INTEGER NOT NULL,
  locked       INTEGER NOT NULL,
  scopes       TEXT NOT NULL,
  audiences    TEXT NOT NULL,
  auth_methods TEXT NOT NULL,
  owner_token  TEXT NOT NULL,
  revoked_at   INTEGER,
  epoch        INTEGER NOT NULL,
  last_secret  INTEGER NOT NULL,                  -- milliseconds
  created      INTEGER,
  modified     INTEGER
) STRICT;

CREATE UNIQUE INDEX agents_external ON agents (external_id) WHERE external_id IS NOT NULL;

CREATE TABLE secrets (
  agent      INTEGER NOT NULL REFERENCES agents ON DELETE CASCADE,
  id         TEXT NOT NULL,
  digest     TEXT NOT NULL,
  hint       TEXT NOT NULL,
  creator    TEXT NOT NULL,
  created    INTEGER NOT NULL,                    -- milliseconds
  expires    INTEGER NOT NULL,                    -- seconds, 0 never
  retiring   INTEGER NOT NULL,
  ends       INTEGER NOT NULL,                    -- seconds, 0 never
  revoked    INTEGER,
  first_used INTEGER,
  last_used  INTEGER,
  PRIMARY KEY (agent, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX secrets_newest ON secrets (agent, created DESC);
CREATE INDEX secrets_unrevoked ON secrets (agent, expires) WHERE revoked IS NULL;

-- One chain: hash covers the row and prev, the hash of the row before.
CREATE TABLE audit (
  seq     INTEGER PRIMARY KEY,
  time    INTEGER NOT NULL,
  actor   TEXT NOT NULL,
  action  TEXT NOT NULL,
  agent   TEXT NOT NULL,
  target  TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason  TEXT NOT NULL,
  detail  TEXT NOT NULL,
  prev    TEXT NOT NULL,
  hash    TEXT NOT NULL
) STRICT;
