-- A store of format 5 as its program wrote it: never edited, read right for ever.
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
ALTER TABLE clients ADD COLUMN keys TEXT NOT NULL DEFAULT 'null';
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
CREATE TABLE spent (
  key     TEXT PRIMARY KEY,
  expires INTEGER NOT NULL -- seconds
) STRICT, WITHOUT ROWID;
CREATE TABLE counters (
  name TEXT PRIMARY KEY,
  n    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_agent ON audit (agent, seq);
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
CREATE TABLE roles (
  n            INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of pages; never used again
  id           TEXT NOT NULL UNIQUE,
  display_name TEXT NOT NULL UNIQUE,
  scopes       TEXT NOT NULL,
  creator      TEXT NOT NULL,
  created      INTEGER
) STRICT;
CREATE TABLE members (
  agent INTEGER NOT NULL REFERENCES agents ON DELETE CASCADE,
  role  INTEGER NOT NULL REFERENCES roles ON DELETE CASCADE,
  PRIMARY KEY (agent, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_role ON members (role);
INSERT INTO meta VALUES ('setting:seal_key', '0123');
INSERT INTO meta VALUES ('store_id', '99ed014d-9b28-46a6-afaa-735e22f53941');
INSERT INTO agents VALUES (1, '7f3a1c52-0000-4000-8000-000000000001', 'team/deploy', 'Deploy Bot', 'Ships ü', 'ann', '{"Url":"https://bots.example/1"}', 1, 0, 0, '["a","b"]', '["https://api.example"]', '["client_secret_basic"]', 'tok', NULL, 3, 1750000000500, 1750000001123456, 1750000061123456);
INSERT INTO agents VALUES (2, '7f3a1c52-0000-4000-8000-000000000002', NULL, 'Old Bot', '', '', '', 0, 1, 1, '', '', '', '', 1750000001123456, 0, 0, 1750000001123456, 1750000001123456);
INSERT INTO secrets VALUES (1, '5ec2e700-0000-4000-8000-000000000001', 'sha256$x', '1234', 'local:ann@laptop', 1750000000400, 1760000000, 1, 1770000000, NULL, 1750000001123456, 1750003601123456);
INSERT INTO secrets VALUES (1, '5ec2e700-0000-4000-8000-000000000002', 'argon2id$a$b', '', 'admin', 1750000000500, 0, 0, 0, 1750000001123456, NULL, NULL);
INSERT INTO audit VALUES (1, 1750000001123456, 'local:ann@laptop', 'store.create', '', '', 'done', '', '{"store_id":"99ed014d-9b28-46a6-afaa-735e22f53941"}', '', '5515c5b51a32314b5768e399e41551d70e088992eb644b79f6c1ad0107d24772');
INSERT INTO audit VALUES (2, 1750000003123456, 'local:ann@laptop', 'agent.create', '7f3a1c52-0000-4000-8000-000000000001', '', 'done', '', '{"displayName":"Deploy Bot"}', '5515c5b51a32314b5768e399e41551d70e088992eb644b79f6c1ad0107d24772', '532870f0c5119b0f75b42e0427e9c5f793b5f305521f7d66e3092c74a6ab7687');
INSERT INTO audit VALUES (3, 1750000004123456, 'admin', 'agent.revoke', '7f3a1c52-0000-4000-8000-000000000002', '', 'refused', 'no', '', '532870f0c5119b0f75b42e0427e9c5f793b5f305521f7d66e3092c74a6ab7687', 'ddf2680e5bfd602dfb3ae9950a4ab8ea66c8f6d755620e62be1971966224729f');
INSERT INTO clients VALUES (1, 'c11e0000-0000-4000-8000-000000000001', 'terraform', '["internal_agent_mgt_view"]', 2, '[{"id":"5ec2e700-0000-4000-8000-000000000003","digest":"sha256$y","hint":"5678","created":1750000000600,"expires":1760000000}]', 1750000001123456, 'admin', '[{"id":"kid-2","alg":"EdDSA","public":"{}","created":1750000000600,"expires":0}]');
INSERT INTO signing_keys VALUES (1, 'kid1', 'ES256', '{"kty":"EC"}', x'010203', 1750000001123456, 1750000601123456, 1750003601123456);
INSERT INTO spent VALUES ('token 1', 9000000000);
INSERT INTO counters VALUES ('unknown_logins', 42);
INSERT INTO credentials VALUES (1, 'key', 'kid-1', 'admin', 'ES256', '{"kty":"EC"}', 'thumb', '', '', '', '', '', 0, 0, 1750000000700, 1760000000, 1, 1770000000, NULL, 1750000001123456, 1750003601123456);
INSERT INTO credentials VALUES (1, 'certificate', '0a1b', 'admin', '', '', '', '', '-----BEGIN CERTIFICATE-----', 'print', 'ca1', '{"dns":"bot.example"}', 1750000000, 1760000000, 1750000000800, 1760000000, 0, 0, 1750000001123456, NULL, NULL);
INSERT INTO ca_keys VALUES (1, 'ca1', 'cert', 'chain', x'040506', 1750000001123456, NULL);
INSERT INTO revocations VALUES (1, 'ca1', '0a1b', 1750000001123456, 1760000000);
INSERT INTO roles VALUES (1, '401e0000-0000-4000-8000-000000000001', 'Reader', '["read","view"]', 'admin', 1750000001123456);
INSERT INTO members VALUES (1, 1);
PRAGMA application_id = 1095189331;
PRAGMA user_version = 5;
