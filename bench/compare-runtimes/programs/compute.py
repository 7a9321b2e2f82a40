# Objects, dictionaries, strings and floating point, as scripts use them.
import json
import re
import sys


class Body:
    def __init__(self, x, v, m):
        self.x, self.v, self.m = x, v, m


def bodies(steps):
    all_bodies = [Body([i * 1.5, 0.3 * i, 0.1], [0.0, 0.1 * i, 0.05], 1.0 / (i + 1)) for i in range(5)]
    for _ in range(steps):
        for i, a in enumerate(all_bodies):
            for b in all_bodies[i + 1:]:
                d = [p - q for p, q in zip(a.x, b.x)]
                f = 0.001 / (sum(c * c for c in d) + 0.1) ** 1.5
                for k in range(3):
                    a.v[k] -= d[k] * b.m * f
                    b.v[k] += d[k] * a.m * f
        for a in all_bodies:
            a.x = [p + 0.001 * q for p, q in zip(a.x, a.v)]
    return sum(sum(a.x) for a in all_bodies)


def words(count):
    seed, seen = 7, {}
    for _ in range(count):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        word = "w%d" % (seed % 5000)
        seen[word] = seen.get(word, 0) + len(word)
    return sum(v * len(k) for k, v in sorted(seen.items()))


def primes(limit):
    sieve = bytearray([1]) * limit
    for i in range(2, int(limit ** 0.5) + 1):
        if sieve[i]:
            sieve[i * i::i] = bytes(len(range(i * i, limit, i)))
    return sum(i for i in range(2, limit) if sieve[i])


def documents(count):
    text = json.dumps([{"id": i, "name": "n%d" % i, "tags": ["a", "b%d" % (i % 7)]} for i in range(count)])
    found = re.findall(r'"b([0-9])"', text)
    return len(json.loads(text)) + sum(int(f) for f in found)


kind = sys.argv[1]
if kind == "objects":
    print("%.9f" % bodies(20000))
else:
    print(words(1000000), primes(3000000), documents(100000))
