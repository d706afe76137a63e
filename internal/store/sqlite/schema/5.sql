-- Format 5: what is spent has no index by its end: each login by an assertion paid
-- for it. Those that have ended are found by going round: see Spend.

DROP INDEX spent_expires;
