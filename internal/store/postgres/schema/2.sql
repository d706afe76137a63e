-- Format 2. How many agents there are in each range of 4096 numbers, so that a
-- page is found, and all are counted, without walking past them. A row is what
-- was added to a range, or taken from it: nobody waits for anybody, and now and
-- then the rows of a range are made one.

CREATE TABLE agent_counts (
  range bigint NOT NULL,
  delta bigint NOT NULL
);

INSERT INTO agent_counts SELECT n >> 12, count(*) FROM agents GROUP BY 1;
