CREATE TABLE item(id INTEGER PRIMARY KEY, word TEXT, weight REAL, body BLOB);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
INSERT INTO item SELECT i, hex(i * 7919 % 10007), i * 0.5, zeroblob(i % 300) FROM n;
CREATE INDEX item_word ON item(word);
SELECT count(*), sum(length(body)), total(weight) FROM item;
SELECT word, count(*), group_concat(id) FROM item GROUP BY word ORDER BY 2 DESC, 1 LIMIT 10;
SELECT a.id, b.id FROM item a JOIN item b ON a.word = b.word AND a.id < b.id ORDER BY 1, 2 LIMIT 20;
UPDATE item SET body = zeroblob(5000) WHERE id % 50 = 0;
DELETE FROM item WHERE id % 3 = 0;
VACUUM;
SELECT count(*), sum(length(body)) FROM item;
PRAGMA integrity_check;
SELECT no_such_column FROM item;
