-- Roots stand for their trees; what still links two of them goes into the next round.
CREATE OR REPLACE TABLE become AS
SELECT become.node, coalesce(parent, root) AS root FROM become LEFT JOIN parent ON parent.node = root;

CREATE OR REPLACE TABLE pair AS
SELECT DISTINCT least(p, q) AS a, greatest(p, q) AS b
FROM (
    SELECT coalesce(x.parent, a) AS p, coalesce(y.parent, b) AS q
    FROM pair LEFT JOIN parent x ON x.node = a LEFT JOIN parent y ON y.node = b
)
WHERE p <> q;
