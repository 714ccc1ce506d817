"""Python's side of python_tests.rs.

Prints a line of JSON for each case, then reads a line for each: what Segue wrote, as hexadecimal.
Ends with a line of JSON: what was not as it should be.
"""

import collections
import json
import pickle
import random
import sys

sys.setrecursionlimit(3000)
chance = random.Random(20231114)
made = 0


def new_text():
    """No text is made twice, so that none is the same object twice."""
    global made
    made += 1
    letters = ["a", "Z", " ", '"', "\\", "\n", "\r", "\x00", "\x1a", "\x7f", "\xe9", "\u2028", "\ud800", "\udfff", "\U0001f600"]
    text = "".join(chance.choices(letters, k=chance.randrange(6)))
    # JSON would join these two; `special` has them.
    text = text.replace("\ud800\udfff", "")
    return text + str(made) + chance.choice(["", ".", "x" * 300])


def new_int():
    return chance.choice([
        chance.randrange(-3, 300),
        chance.randrange(-70000, 70000),
        (1 << chance.randrange(130)) * chance.choice([1, -1]) + chance.randrange(-1, 2),
        chance.getrandbits(chance.randrange(1, 3000)) * chance.choice([1, -1]),
    ])


def new_float():
    return chance.choice([
        chance.random(),
        chance.uniform(-1e18, 1e18),
        float(chance.randrange(-10, 10)),
        chance.choice([0.0, -0.0, 1e16, 1e15, 1e-5, 1e-4, 1.5e300, 5e-324, 1.7976931348623157e308]),
        chance.choice([float("nan"), float("inf"), float("-inf")]),
    ])


def new_value(depth, plain):
    kinds = ["none", "bool", "int", "float", "text"]
    if depth:
        kinds += ["list", "dict"] + ([] if plain else ["tuple", "keys"])
    kind = chance.choice(kinds)
    if kind == "none":
        return None
    if kind == "bool":
        return chance.random() < 0.5
    if kind == "int":
        return new_int()
    if kind == "float":
        return new_float()
    if kind == "text":
        return new_text()
    if kind == "dict":
        return new_dict(depth, plain)
    if kind == "keys":
        keys = [lambda: None, lambda: True, lambda: False, new_int, new_float, new_text]
        return {chance.choice(keys)(): new_value(depth - 1, plain) for _ in range(chance.randrange(6))}
    items = [new_value(depth - 1, plain) for _ in range(chance.randrange(6))]
    return items if kind == "list" else tuple(items)


def new_dict(depth, plain):
    return {new_text(): new_value(depth - 1, plain) for _ in range(chance.randrange(6))}


def special():
    """Where batches, frames and headers end, and the like."""
    for length in [999, 1000, 1001, 2000, 2001]:
        yield {"list": [None] * length}
        yield {str(n) + "k": None for n in range(length)}
        yield {"tuple": tuple(range(length)), "int keys": dict.fromkeys(range(length))}
    for length in [0, 1, 255, 256, 65534, 65535, 65536, 65537]:
        yield {"text": "x" * length}
        yield {"a": ["x" * length], "b": 1, "c": "y" * length + "."}
        yield {"y" * length + ".": "z" * length + "."}
    for length in range(65508, 65537):
        yield {"a": "x" * length, "b": [1, {"c": 2.5}], "d": "e.", "f": None}
    yield {"n": [n for n in range(70000)]}
    yield {"nested": [[n, [float(n), [str(n) + "."]]] for n in range(5000)]}
    yield {"tuples": [(n, str(n) + ".") for n in range(100)]}
    yield {"many": tuple(str(n) + "." for n in range(10000)), "after": [str(n) + ".." for n in range(10000)]}
    yield {str(bits): [s * ((1 << bits) + d) for s in (1, -1) for d in (-1, 0, 1)] for bits in range(10, 140)}
    yield {"ints": [10**4299, -(10**4299), 10**4300 - 1, 2**2039 - 1, 2**2039, -(2**2039), -(2**2039) - 1]}
    yield {"mixed": {1: "a.", 1.5: "b.", None: "c.", True: "d.", -7: "e.", 2**70: "f.", "g.": {}}}
    yield {"apart": "\ud83d\ude00", "joined": "\U0001f600", "\ud800": 1, "both": {"\ud83d\ude00": 1}}
    shared = [1, 2]
    yield {"twice": [shared, shared, "abc", "abc"], "again": shared, "abc": (shared,)}
    deep = []
    for _ in range(400):
        deep = [deep]
    yield {"deep": deep}


def is_unshared(value, seen):
    """Whether no text stands in it twice: the pickler would refer to the first."""
    if isinstance(value, str):
        if value in seen:
            return False
        seen.add(value)
    if isinstance(value, dict):
        return all(is_unshared(k, seen) and is_unshared(v, seen) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        if value and id(value) in seen:
            return False
        seen.add(id(value))
        return all(is_unshared(item, seen) for item in value)
    return True


def is_large(value):
    """Whether one value of the session makes opcodes for a frame of its own; they are kept whole."""
    return any(len(pickle.dumps(item, 5)) >= 60000 for item in value.values())


def has_batches(value):
    """Whether the pickler writes a list or dict in batches."""
    items = value.items() if isinstance(value, dict) else value
    if not isinstance(value, (dict, list, tuple)):
        return False
    return len(value) >= 1000 or any(map(has_batches, items))


# Segue ends batches as Python up to 3.13 does; later ones write the last a byte or two shorter.
ENDS_BATCHES_OTHERWISE = not pickle.dumps(dict.fromkeys(range(1000)), 5).endswith(b"(u.")


def is_plain(value):
    if isinstance(value, tuple):
        return False
    if isinstance(value, list):
        return all(map(is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(k, str) and is_plain(k) and is_plain(v) for k, v in value.items())
    return not isinstance(value, str) or json.loads(json.dumps(value)) == value


def dumps(value):
    return json.dumps(value, separators=(",", ":"))


def main():
    cases = list(special())
    large = len(cases)
    for n in range(400):
        cases.append(new_dict(4, plain=n % 2 == 0))
    for number, case in enumerate(cases):
        protocols = [2, 5] if number < large else range(6)
        print(json.dumps({
            "json": dumps(case),
            "pickles": [pickle.dumps(case, protocol).hex() for protocol in protocols],
            "plain": is_plain(case),
        }))
    print(json.dumps(None), flush=True)
    wrong = []
    compared = collections.Counter()
    for number, case in enumerate(cases):
        kept, fresh = (bytes.fromhex(text) for text in sys.stdin.readline().split())

        def check(what, is_right):
            compared[what] += 1
            if not is_right:
                wrong.append([number, what])

        # `repr` tells 1 from 1.0 and True, lists from tuples, and -0.0 from 0.0.
        check("kept", repr(pickle.loads(kept)) == repr(case))
        check("kept, in Python's own code", repr(pickle._loads(kept)) == repr(case))
        text = dumps(case)
        check("fresh", repr(pickle.loads(fresh)) == repr(json.loads(text)))
        if ENDS_BATCHES_OTHERWISE and has_batches(case):
            continue
        if is_unshared(json.loads(text), set()):
            check("bytes of fresh ones", fresh == pickle.dumps(json.loads(text), 5))
        if is_unshared(case, set()) and (is_plain(case) or not is_large(case)):
            check("bytes of kept ones", kept == pickle.dumps(case, 5))
    if ENDS_BATCHES_OTHERWISE:
        print("this Python ends batches of 1000 otherwise: their bytes were not compared", file=sys.stderr)
    print(json.dumps({"wrong": wrong, "compared": compared}))


main()
