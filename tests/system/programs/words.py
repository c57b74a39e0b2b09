# Much of what an interpreter asks of malloc: many small objects, growing lists and strings, threads, forked workers.
import collections
import hashlib
import json
import multiprocessing
import random
import re
import subprocess
import sys
import threading
import zlib


def work(seed):
    generator = random.Random(seed)
    words = ["".join(generator.choice("abcdefgh") for _ in range(generator.randrange(1, 12))) for _ in range(20000)]
    counts = collections.Counter(words)
    text = " ".join(words)
    found = len(re.findall(r"\b[a-d]+\b", text))
    packed = zlib.compress(json.dumps(counts, sort_keys=True).encode())
    return seed, len(counts), counts.most_common(3), found, hashlib.sha256(packed).hexdigest()


def main():
    print(work(1))
    results = {}
    threads = [threading.Thread(target=lambda i=i: results.__setitem__(i, work(i))) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print([results[i] for i in sorted(results)])
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(work, range(4, 8)))
    print(subprocess.run(["echo", "from a child"], capture_output=True, check=True).stdout)
    sys.set_int_max_str_digits(0)
    print(str(3**20000)[-50:], sum(int(digit) for digit in str(7**9000)))
    matrix = [[i * j % 17 for i in range(200)] for j in range(200)]
    print(sum(map(sum, zip(*matrix))), bytes(bytearray(1 << 22)).count(0))
    try:
        [0] * (1 << 62)
    except MemoryError:
        print("a MemoryError, as it should be", file=sys.stderr)


if __name__ == "__main__":
    main()
