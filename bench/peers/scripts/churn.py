"""What many Python programs do all day: dictionaries, strings, lists, JSON.  Prints one digest."""
import hashlib
import json
import re
import sys

ROUNDS = int(sys.argv[1])
digest = hashlib.sha256()


class Node:
    def __init__(self, name, parent):
        self.name, self.parent, self.children = name, parent, []


def records(seed, count):
    for i in range(count):
        n = (seed * 7919 + i * 104729) % 1000003
        yield {"id": n, "name": f"user-{n:07d}", "tags": [f"t{n % k}" for k in (3, 7, 11)],
               "address": {"street": f"{n % 400} Long Road", "zip": str(n % 99999)}, "score": n / 7.0}


for turn in range(ROUNDS):
    table = {r["name"]: r for r in records(turn, 6000)}
    text = json.dumps(table, sort_keys=True)
    again = json.loads(text)
    by_tag = {}
    for r in again.values():
        for tag in r["tags"]:
            by_tag.setdefault(tag, []).append(r["name"].upper())
    words = sorted(set(re.findall(r"user-\d+", text)), key=lambda w: w[::-1])
    root = Node("root", None)
    for w in words:
        root.children.append(Node(w, root))
    joined = "".join(n.name for n in reversed(root.children))
    chunks = [joined[i:i + 37] for i in range(0, len(joined), 31)]
    for tag in sorted(by_tag):
        digest.update("|".join(sorted(by_tag[tag])).encode())
    digest.update("".join(chunks).encode())
print(digest.hexdigest())
