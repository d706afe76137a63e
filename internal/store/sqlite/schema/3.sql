-- Format 3: what agents prove themselves with beside secrets, of which only the
-- public half is kept, and what signs and revokes their certificates.

CREATE TABLE credentials (
  agent       INTEGER NOT NULL REFERENCES agents ON DELETE CASCADE,
  kind        TEXT NOT NULL,                       -- key, certificate
  id          TEXT NOT NULL,
  creator     TEXT NOT NULL,
  alg         TEXT NOT NULL,
  public      TEXT NOT NULL,
  thumbprint  TEXT NOT NULL,
  source      TEXT NOT NULL,
  certificate TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  ca          TEXT NOT NULL,
  subject     TEXT NOT NULL,
  not_before  INTEGER NOT NULL,                    -- seconds
  not_after   INTEGER NOT NULL,                    -- seconds
  created     INTEGER NOT NULL,                    -- milliseconds
  expires     INTEGER NOT NULL,                    -- seconds, 0 never
  retiring    INTEGER NOT NULL,
  ends        INTEGER NOT NULL,                    -- seconds, 0 never
  revoked     INTEGER,
  first_used  INTEGER,
  last_used   INTEGER,
  PRIMARY KEY (agent, kind, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX credentials_newest ON credentials (agent, kind, created);
CREATE INDEX credentials_unrevoked ON credentials (agent, kind, expires) WHERE revoked IS NULL;

CREATE TABLE ca_keys (
  n           INTEGER PRIMARY KEY AUTOINCREMENT,
  id          TEXT NOT NULL UNIQUE,
  certificate TEXT NOT NULL,
  chain       TEXT NOT NULL,
  sealed      BLOB NOT NULL,
  created     INTEGER,
  retired     INTEGER
) STRICT;

CREATE TABLE revocations (
  n       INTEGER PRIMARY KEY AUTOINCREMENT,
  ca      TEXT NOT NULL,
  serial  TEXT NOT NULL,
  revoked INTEGER,
  expires INTEGER NOT NULL,                        -- seconds
  UNIQUE (ca, serial)
) STRICT;

CREATE INDEX revocations_expires ON revocations (expires);

-- The public keys of management clients, as their secrets.
ALTER TABLE clients ADD COLUMN keys TEXT NOT NULL DEFAULT 'null';
