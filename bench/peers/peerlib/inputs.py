"""Inputs for the programs, made up on the spot from fixed seeds: the same bytes on each machine and in each run."""
import random

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau".split()


def cxx_source(path, types):
    """Many small types, each put through the standard containers: what makes a C++ compiler allocate."""
    with open(path, "w", encoding="utf-8") as out:
        for header in "algorithm functional map memory set string unordered_map variant vector".split():
            out.write(f"#include <{header}>\n")
        out.write("std::size_t total = 0;\n")
        for i in range(types):
            out.write(f"""
struct T{i} {{ int a; std::string b; double c[{i % 7 + 1}]; bool operator<(const T{i}& o) const {{ return b < o.b; }} }};
void use{i}(int n) {{
  std::vector<T{i}> v; std::map<std::string, T{i}> m; std::unordered_map<int, std::shared_ptr<T{i}>> u;
  std::set<T{i}> s; std::variant<int, T{i}, std::string> x; std::function<int(const T{i}&)> f;
  f = [n](const T{i}& t) {{ return t.a + n; }};
  for (int k = 0; k < n; ++k) {{
    v.push_back({{k, std::to_string(k * {i}), {{}}}}); m[v.back().b] = v.back(); s.insert(v.back());
    u.emplace(k, std::make_shared<T{i}>(v.back())); x = v.back();
  }}
  std::stable_sort(v.begin(), v.end());
  total += v.size() + m.size() + u.size() + s.size() + x.index() + static_cast<std::size_t>(f(v.front()));
}}
""")


def sql_script(path, rows):
    """Tables filled, indexed, joined, changed and cut down, all in memory."""
    rng = random.Random(1)
    with open(path, "w", encoding="utf-8") as out:
        out.write("CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, kind INTEGER, price REAL);\n"
                  "CREATE TABLE sale(id INTEGER PRIMARY KEY, item INTEGER, buyer TEXT, count INTEGER);\nBEGIN;\n")
        for i in range(rows // 10):
            word = rng.choice(WORDS)
            out.write(f"INSERT INTO item VALUES({i}, '{word}-{i}-{'x' * rng.randrange(60)}', {i % 97}, {rng.random():.4f});\n")
        out.write(f"""COMMIT;
INSERT INTO sale WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
  SELECT i, (i * 7919) % {rows // 10}, 'buyer-' || (i * 104729 % 5003) || '-' || substr(hex(i * i), 1, i % 20), i % 13 FROM n;
CREATE INDEX sale_buyer ON sale(buyer);
CREATE INDEX sale_item ON sale(item, count);
SELECT kind, count(*), round(sum(price * count), 3) FROM sale JOIN item ON item.id = sale.item GROUP BY kind ORDER BY kind;
SELECT buyer, group_concat(DISTINCT item) FROM (SELECT buyer, item FROM sale ORDER BY buyer, item) GROUP BY buyer LIMIT 500;
UPDATE sale SET buyer = upper(buyer) || '!' WHERE id % 3 = 0;
DELETE FROM sale WHERE id % 2 = 0;
VACUUM;
SELECT count(*), max(buyer), min(buyer), sum(length(buyer)) FROM sale;
""")


def postscript(path, pages):
    """Text, curves, clips and dictionaries; an interpreter and a renderer at work."""
    with open(path, "w", encoding="ascii") as out:
        out.write("%!PS-Adobe-3.0\n"
                  "/srand 1 def /next { /srand srand 69069 mul cvi 16#ffffff and 1 add def srand } bind def\n")
        for page in range(pages):
            out.write(f"""
/Times-Roman findfont 9 scalefont setfont
0 1 69 {{ /row exch def 40 row 11 mul 20 add moveto
  (page {page} row ) show row 12 string cvs show ( the quick brown fox jumps over the lazy dog ) show
  next 24 string cvs show }} for
0 1 400 {{ /k exch def gsave
  next 500 mod 40 add next 700 mod 40 add translate next 360 mod rotate
  newpath 0 0 moveto 30 10 60 {page} 5 add 90 k 20 mod curveto 10 50 lineto closepath
  k 255 mod 255 div 0.4 0.7 setrgbcolor k 3 mod 0 eq {{ clip newpath 0 0 40 0 360 arc }} if
  k 2 mod 0 eq {{ fill }} {{ stroke }} ifelse grestore }} for
0 1 3000 {{ /n exch def /d 10 dict def d begin /a n def /b [n n 1 add (text)] def /c 40 string def end
  d /b get 0 get pop }} for
showpage
""")


def smt_problem(path, jobs):
    """Jobs on machines in linear arithmetic with an unsatisfiable bound, then a factoring in bit-vectors."""
    rng = random.Random(3)
    machines = 4
    with open(path, "w", encoding="ascii") as out:
        out.write("(set-option :smt.random_seed 1)\n(declare-const end Int)\n")
        length = [[rng.randrange(1, 9) for _ in range(machines)] for _ in range(jobs)]
        order = [rng.sample(range(machines), machines) for _ in range(jobs)]
        for j in range(jobs):
            for m in range(machines):
                out.write(f"(declare-const s{j}_{m} Int)\n(assert (>= s{j}_{m} 0))\n"
                          f"(assert (<= (+ s{j}_{m} {length[j][m]}) end))\n")
            for a, b in zip(order[j], order[j][1:]):
                out.write(f"(assert (>= s{j}_{b} (+ s{j}_{a} {length[j][a]})))\n")
        for m in range(machines):
            for j in range(jobs):
                for k in range(j):
                    out.write(f"(assert (or (>= s{j}_{m} (+ s{k}_{m} {length[k][m]})) "
                              f"(>= s{k}_{m} (+ s{j}_{m} {length[j][m]}))))\n")
        load = max(sum(length[j][m] for j in range(jobs)) for m in range(machines))
        out.write(f"(push)(assert (<= end {load + 2}))\n(check-sat)\n(pop)\n(push)(assert (< end {load}))\n(check-sat)\n(pop)\n")
        out.write("(declare-const p (_ BitVec 40))\n(declare-const q (_ BitVec 40))\n"
                  "(assert (bvugt p (_ bv1 40)))\n(assert (bvule p q))\n(assert (bvult q (_ bv65536 40)))\n"
                  "(assert (= (bvmul p q) (_ bv164009 40)))\n(check-sat)\n(get-value (p q))\n")


def text_lines(path, lines):
    rng = random.Random(4)
    with open(path, "w", encoding="ascii") as out:
        for _ in range(lines):
            out.write(f"{rng.randrange(10**9):09d} {rng.choice(WORDS)} {rng.choice(WORDS)} {'z' * rng.randrange(50)}\n")


def redis_commands(path, count):
    """One stream in redis's own protocol that touches each of its types; every reply is determined."""
    rng = random.Random(5)
    with open(path, "wb") as out:
        for i in range(count):
            key = rng.randrange(count // 8 + 1)
            value = "v" * rng.choice((8, 20, 60, 200, 900))
            command = rng.choice((
                ("SET", f"s:{key}", value), ("GET", f"s:{key}"), ("APPEND", f"s:{key}", value[:30]),
                ("LPUSH", f"l:{key % 500}", value), ("RPOP", f"l:{key % 500}"), ("HSET", f"h:{key % 900}", f"f{i % 70}", value),
                ("HDEL", f"h:{key % 900}", f"f{i % 70}"), ("ZADD", f"z:{key % 300}", str(i), f"m{key}"),
                ("ZREM", f"z:{key % 300}", f"m{key}"), ("DEL", f"s:{key}"), ("INCR", f"n:{key}")))
            out.write(b"*%d\r\n" % len(command))
            for part in command:
                out.write(b"$%d\r\n%s\r\n" % (len(part), part.encode()))
