-- Same artists, same title, lengths within tolerance. Of lengths that run into each other (3:00, 3:02, 3:04, 3:06)
-- nobody can say where one recording ends and the next begins, so none of those is merged; nor are two
-- places of one release ("Interlude", twice), nor files that do not sound alike, nor titles that are none.
CREATE OR REPLACE TABLE shared AS
SELECT title, who, max(ms) - min(ms) > tolerance_ms() AS apart
FROM titled
WHERE title % getvariable('passes') = getvariable('pass')
GROUP BY title, who
HAVING count(*) > 1;

CREATE OR REPLACE TABLE run AS
WITH gaps AS (
    SELECT titled.*, ms - lag(ms) OVER by_length > tolerance_ms() AS gap
    FROM titled JOIN shared USING (title, who)
    WHERE apart
    WINDOW by_length AS (PARTITION BY title, who ORDER BY ms, fact)
)
SELECT title, who, fact, ms, release, place, sum(CASE WHEN gap THEN 1 ELSE 0 END) OVER by_length AS run
FROM gaps
WINDOW by_length AS (PARTITION BY title, who ORDER BY ms, fact)
UNION ALL
SELECT title, who, fact, ms, release, place, 0 FROM titled JOIN shared USING (title, who) WHERE NOT apart;

CREATE OR REPLACE TABLE ambiguous AS
SELECT title, who, run FROM run GROUP BY title, who, run HAVING max(ms) - min(ms) > tolerance_ms()
UNION
SELECT title, who, run FROM (
    SELECT title, who, run FROM run
    WHERE release IS NOT NULL AND place IS NOT NULL
    GROUP BY title, who, run, release
    HAVING min(place) <> max(place)
)
UNION
SELECT x.title, x.who, x.run
FROM told_apart
JOIN run x ON x.fact = a
JOIN run y ON y.fact = b AND y.title = x.title AND y.who = x.who AND y.run = x.run;

CREATE OR REPLACE TABLE same AS
SELECT title AS k1, who AS k2, run::BIGINT AS k3, fact, fact AS evidence
FROM run ANTI JOIN ambiguous USING (title, who, run);

INSERT INTO doubt
SELECT 'title', shortest, shortest, longest, false
FROM (
    SELECT first_value(fact) OVER (PARTITION BY title, who, run ORDER BY ms, fact) AS shortest,
           last_value(fact) OVER (
               PARTITION BY title, who, run ORDER BY ms, fact ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
           ) AS longest,
           fact
    FROM run SEMI JOIN ambiguous USING (title, who, run)
)
WHERE fact = shortest AND shortest <> longest;
