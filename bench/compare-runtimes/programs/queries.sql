-- Tables with an index, joins, groups, text, and a recursive query.
CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT, town INTEGER);
CREATE TABLE sale (id INTEGER PRIMARY KEY, user INTEGER, amount REAL, what TEXT);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO user SELECT i, 'user' || (i * 7919 % 5000), i % 97 FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
    INSERT INTO sale SELECT i, i * 31 % 5000 + 1, (i * 2654435 % 10007) / 8.0, 'item ' || (i % 211) FROM n;
COMMIT;
CREATE INDEX sale_user ON sale (user);
SELECT town, count(*), sum(amount) FROM user JOIN sale ON sale.user = user.id GROUP BY town ORDER BY 3 DESC LIMIT 5;
SELECT what, count(DISTINCT user), max(amount) FROM sale WHERE what LIKE '%7%' GROUP BY what ORDER BY what LIMIT 5;
SELECT substr(name, 1, 5), count(*) FROM user WHERE id IN (SELECT user FROM sale WHERE amount > 600) GROUP BY 1 ORDER BY 1;
