-- A store in format 1 as it was released. Never edited.
PRAGMA journal_mode = WAL;
BEGIN;
PRAGMA application_id = 1095189331;
PRAGMA user_version = 1;

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

CREATE INDEX secrets_newest ON secrets (agent, created);
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

INSERT INTO meta VALUES ('store_id', '6f0c2a9e-3d1b-4c58-9a77-0e5b8d21f4c3');

INSERT INTO agents VALUES (1, '0b6f8a52-7f0e-4a55-8f0b-3f3c7f1f9a01', 'team/deploy', 'Deploy Bot', 'Ships it; don''t ask', 'ann@example.com',
  '{"Naïve":"\"quoted\" \\ %","Url":"https://bots.example/deploy"}', 1, 1, 1,
  '["deploy","read"]', '["https://api.example"]', '["secret"]', 'owner-1',
  1772600767089012, 9007199254740993, 1772600767123, 1772323200000001, 1772600767089012);
INSERT INTO agents VALUES (3, 'c1d2e3f4-0a1b-4c2d-8e3f-405162738495', NULL, '', '', '', '', 0, 0, 0, '', '', '', '', NULL, 0, 0, NULL, NULL);

INSERT INTO secrets VALUES (1, '9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d',
  'sha256$2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae', 'x7Qe', 'local:ann@laptop',
  1772600767123, 0, 0, 0, NULL, 1772601000000000, 1772604000500000);
INSERT INTO secrets VALUES (1, '11112222-3333-4444-8555-666677778888',
  'sha256$fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9', 'ab12', 'admin',
  1772500000000, 1772700000, 1, 1775000000, 1772600767089012, NULL, NULL);

INSERT INTO audit VALUES (1, 1772323200000000, 'local:ann@laptop', 'store.create', '', '', 'done', '',
  '{"store_id":"6f0c2a9e-3d1b-4c58-9a77-0e5b8d21f4c3"}',
  '',
  'f9fec4a53b3f9221be5b68085f16918eb3b14c81b1e8adafb523139c60e3a192');
INSERT INTO audit VALUES (2, 1772323200000001, 'local:ann@laptop', 'agent.create', '0b6f8a52-7f0e-4a55-8f0b-3f3c7f1f9a01', '', 'done', '',
  '',
  'f9fec4a53b3f9221be5b68085f16918eb3b14c81b1e8adafb523139c60e3a192',
  '62e7c65c20c5cde8cb025dff1ba8b9d6755dc75233a09bcea2a6a1cd8149b172');
INSERT INTO audit VALUES (3, 1772600767089012, 'admin', 'secret.revoke', '0b6f8a52-7f0e-4a55-8f0b-3f3c7f1f9a01', '11112222-3333-4444-8555-666677778888', 'refused', 'no <scope>',
  '{"a":"b","ü":"\"\\"}',
  '62e7c65c20c5cde8cb025dff1ba8b9d6755dc75233a09bcea2a6a1cd8149b172',
  'd507ad847e1eed1fedba73bff4976429418826575c6b472ce319c7e754d8e803');
COMMIT;
