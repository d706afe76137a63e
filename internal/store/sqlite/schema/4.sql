-- Format 4: roles, and which agents have them.

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
