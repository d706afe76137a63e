-- A store of format 1 as its program wrote it: never edited, read right for ever.
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
INSERT INTO meta VALUES ('store_id', '3edb510c-f0cc-4d32-9b39-f0b3c19931ab');
INSERT INTO agents VALUES (1, '7f3a1c52-0000-4000-8000-000000000001', 'team/deploy', 'Deploy Bot', 'Ships ü', 'ann', '{"Url":"https://bots.example/1"}', 1, 0, 0, '["a","b"]', '["https://api.example"]', '["client_secret_basic"]', 'tok', NULL, 3, 1750000000500, 1750000001123456, 1750000061123456);
INSERT INTO agents VALUES (2, '7f3a1c52-0000-4000-8000-000000000002', NULL, 'Old Bot', '', '', '', 0, 1, 1, '', '', '', '', 1750000001123456, 0, 0, 1750000001123456, 1750000001123456);
INSERT INTO secrets VALUES (1, '5ec2e700-0000-4000-8000-000000000001', 'sha256$x', '1234', 'local:ann@laptop', 1750000000400, 1760000000, 1, 1770000000, NULL, 1750000001123456, 1750003601123456);
INSERT INTO secrets VALUES (1, '5ec2e700-0000-4000-8000-000000000002', 'argon2id$a$b', '', 'admin', 1750000000500, 0, 0, 0, 1750000001123456, NULL, NULL);
INSERT INTO audit VALUES (1, 1750000001123456, 'local:ann@laptop', 'store.create', '', '', 'done', '', '{"store_id":"3edb510c-f0cc-4d32-9b39-f0b3c19931ab"}', '', '6da77629b0775976640a43cec43cad04bf70693c89d7e3d92e64f7b23c18e6a5');
INSERT INTO audit VALUES (2, 1750000002123456, 'local:ann@laptop', 'agent.create', '7f3a1c52-0000-4000-8000-000000000001', '', 'done', '', '{"displayName":"Deploy Bot"}', '6da77629b0775976640a43cec43cad04bf70693c89d7e3d92e64f7b23c18e6a5', 'd6ece5cce68748da21b721a6c1b5c5f9fd95cfa413502f76c00b2cbcedaf0c71');
INSERT INTO audit VALUES (3, 1750000003123456, 'admin', 'agent.revoke', '7f3a1c52-0000-4000-8000-000000000002', '', 'refused', 'no', '', 'd6ece5cce68748da21b721a6c1b5c5f9fd95cfa413502f76c00b2cbcedaf0c71', '36515f03fca63eda013f3cb69241c9147d4964bdd280637b3904fb553f8ef5ab');
PRAGMA application_id = 1095189331;
PRAGMA user_version = 1;
