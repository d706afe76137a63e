-- Format 1. Times are microseconds since 1970, NULL where a time is not set;
-- lists and maps are JSON. Texts compare byte by byte, whatever the database's
-- collation is. Every table is made in the schema of the store.

CREATE TABLE meta (
  name  text COLLATE "C" PRIMARY KEY,
  value text COLLATE "C" NOT NULL
);

CREATE TABLE agents (
  n            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order of pages; never used again
  id           text COLLATE "C" NOT NULL UNIQUE,
  external_id  text COLLATE "C" UNIQUE,                         -- NULL when there is none
  display_name text COLLATE "C" NOT NULL,
  description  text COLLATE "C" NOT NULL,
  owner        text COLLATE "C" NOT NULL,
  attributes   text COLLATE "C" NOT NULL,
  user_serving boolean NOT NULL,
  inactive     boolean NOT NULL,
  locked       boolean NOT NULL,
  scopes       text COLLATE "C" NOT NULL,
  audiences    text COLLATE "C" NOT NULL,
  auth_methods text COLLATE "C" NOT NULL,
  owner_token  text COLLATE "C" NOT NULL,
  revoked_at   bigint,
  epoch        bigint NOT NULL,
  last_secret  bigint NOT NULL,                                 -- milliseconds
  created      bigint,
  modified     bigint
) WITH (fillfactor = 80);

CREATE TABLE secrets (
  agent      bigint NOT NULL REFERENCES agents ON DELETE CASCADE,
  id         text COLLATE "C" NOT NULL,
  digest     text COLLATE "C" NOT NULL,
  hint       text COLLATE "C" NOT NULL,
  creator    text COLLATE "C" NOT NULL,
  created    bigint NOT NULL,                                   -- milliseconds
  expires    bigint NOT NULL,                                   -- seconds, 0 never
  retiring   boolean NOT NULL,
  ends       bigint NOT NULL,                                   -- seconds, 0 never
  revoked    bigint,
  first_used bigint,
  last_used  bigint,
  PRIMARY KEY (agent, id)
) WITH (fillfactor = 80);

CREATE INDEX secrets_newest ON secrets (agent, created DESC, id DESC);
CREATE INDEX secrets_unrevoked ON secrets (agent, expires) WHERE revoked IS NULL;

CREATE TABLE credentials (
  agent       bigint NOT NULL REFERENCES agents ON DELETE CASCADE,
  kind        text COLLATE "C" NOT NULL,                        -- key, certificate
  id          text COLLATE "C" NOT NULL,
  creator     text COLLATE "C" NOT NULL,
  alg         text COLLATE "C" NOT NULL,
  public      text COLLATE "C" NOT NULL,
  thumbprint  text COLLATE "C" NOT NULL,
  source      text COLLATE "C" NOT NULL,
  certificate text COLLATE "C" NOT NULL,
  fingerprint text COLLATE "C" NOT NULL,
  ca          text COLLATE "C" NOT NULL,
  subject     text COLLATE "C" NOT NULL,
  not_before  bigint NOT NULL,                                  -- seconds
  not_after   bigint NOT NULL,                                  -- seconds
  created     bigint NOT NULL,                                  -- milliseconds
  expires     bigint NOT NULL,                                  -- seconds, 0 never
  retiring    boolean NOT NULL,
  ends        bigint NOT NULL,                                  -- seconds, 0 never
  revoked     bigint,
  first_used  bigint,
  last_used   bigint,
  PRIMARY KEY (agent, kind, id)
) WITH (fillfactor = 80);

CREATE INDEX credentials_newest ON credentials (agent, kind, created DESC, id DESC);
CREATE INDEX credentials_unrevoked ON credentials (agent, kind, expires) WHERE revoked IS NULL;

CREATE TABLE clients (
  n       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id      text COLLATE "C" NOT NULL UNIQUE,
  name    text COLLATE "C" NOT NULL UNIQUE,
  scopes  text COLLATE "C" NOT NULL,
  epoch   bigint NOT NULL,
  secrets text COLLATE "C" NOT NULL,
  keys    text COLLATE "C" NOT NULL,
  created bigint,
  creator text COLLATE "C" NOT NULL
);

CREATE TABLE signing_keys (
  n       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id      text COLLATE "C" NOT NULL UNIQUE,
  alg     text COLLATE "C" NOT NULL,
  public  text COLLATE "C" NOT NULL,
  sealed  bytea NOT NULL,
  created bigint,
  signs   bigint,
  revoked bigint
);

CREATE TABLE ca_keys (
  n           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id          text COLLATE "C" NOT NULL UNIQUE,
  certificate text COLLATE "C" NOT NULL,
  chain       text COLLATE "C" NOT NULL,
  sealed      bytea NOT NULL,
  created     bigint,
  retired     bigint
);

CREATE TABLE revocations (
  n       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ca      text COLLATE "C" NOT NULL,
  serial  text COLLATE "C" NOT NULL,
  revoked bigint,
  expires bigint NOT NULL,                                      -- seconds
  UNIQUE (ca, serial)
);

CREATE INDEX revocations_expires ON revocations (expires);

-- Codes that were redeemed, assertions and tokens that were used or revoked.
CREATE TABLE spent (
  key     text COLLATE "C" PRIMARY KEY,
  expires bigint NOT NULL                                       -- seconds
);

CREATE INDEX spent_expires ON spent (expires);

-- What is too much for the audit.
CREATE TABLE counters (
  name text COLLATE "C" PRIMARY KEY,
  n    bigint NOT NULL
);

-- The chains of the audit. Chain 0 is the store's own, in which the births of
-- the others are entered; of each other one a replica writes at a time.
CREATE TABLE chains (
  n     bigint PRIMARY KEY,
  birth bigint NOT NULL -- seq of the entry of its birth
);

-- hash covers the row and prev, the hash of the row before in its chain. The
-- number of the chain is in the upper bits of seq (package audit).
CREATE TABLE audit (
  seq     bigint PRIMARY KEY,
  time    bigint NOT NULL,
  actor   text COLLATE "C" NOT NULL,
  action  text COLLATE "C" NOT NULL,
  agent   text COLLATE "C" NOT NULL,
  target  text COLLATE "C" NOT NULL,
  outcome text COLLATE "C" NOT NULL,
  reason  text COLLATE "C" NOT NULL,
  detail  text COLLATE "C" NOT NULL,
  prev    text COLLATE "C" NOT NULL,
  hash    text COLLATE "C" NOT NULL
);

CREATE INDEX audit_agent ON audit (agent, seq);

CREATE TABLE roles (
  n            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id           text COLLATE "C" NOT NULL UNIQUE,
  display_name text COLLATE "C" NOT NULL UNIQUE,
  scopes       text COLLATE "C" NOT NULL,
  creator      text COLLATE "C" NOT NULL,
  created      bigint
);

CREATE TABLE members (
  agent bigint NOT NULL REFERENCES agents ON DELETE CASCADE,
  role  bigint NOT NULL REFERENCES roles ON DELETE CASCADE,
  PRIMARY KEY (agent, role)
);

CREATE INDEX members_role ON members (role, agent);
