-- Everyone to their parent's parent: half the height each time.
CREATE OR REPLACE TABLE parent AS
SELECT x.node, coalesce(y.parent, x.parent) AS parent FROM parent x LEFT JOIN parent y ON y.node = x.parent;
