# SPDX-License-Identifier: GPL-2.0
"""table.py SPEC: prints a netlink spec as netlink_fuzz reads it, one thing a line.

    family NAME
    set NAME
    attr VALUE NAME TYPE NESTED MULTI LENGTH BIG_ENDIAN MIN MAX MASK
    op VALUE NAME SET
    do|dump request|reply [NAME...]

An attribute may nest a set that comes later. LENGTH is that of binary attributes. A value has to be
within MIN and MAX and to have no bit outside MASK.
"""
import sys

import yaml

BITS = {"u8": 8, "u16": 16, "u32": 32, "u64": 64}


class Spec:
    """One family."""

    def __init__(self, spec):
        self.spec = spec
        self.definitions = {d["name"]: d for d in spec.get("definitions", [])}

    def number(self, value):
        """A number, or the constant of that name."""
        return self.definitions[value]["value"] if isinstance(value, str) else value

    def values(self, name):
        """The numbers of an enumeration's entries."""
        definition = self.definitions[name]
        value = definition.get("value-start", 0)
        for entry in definition["entries"]:
            if isinstance(entry, dict):
                value = entry.get("value", value)
            yield value
            value += 1

    def limits(self, attribute):
        """MIN, MAX and MASK of a scalar."""
        full = (1 << BITS.get(attribute["type"], 0)) - 1
        least, most, mask = 0, full, full
        if "enum" in attribute:
            values = list(self.values(attribute["enum"]))
            flags = self.definitions[attribute["enum"]]["type"] == "flags"
            if flags or attribute.get("enum-as-flags"):
                mask = sum(1 << value for value in values)
            else:
                least, most = min(values), max(values)
        checks = attribute.get("checks", {})
        return self.number(checks.get("min", least)), self.number(checks.get("max", most)), mask

    def lines(self):
        """The table."""
        yield "family", self.spec["name"]
        for attributes in self.spec["attribute-sets"]:
            yield "set", attributes["name"]
            value = 1
            for attribute in attributes["attributes"]:
                value = attribute.get("value", value)
                yield ("attr", value, attribute["name"], attribute["type"],
                       attribute.get("nested-attributes", "-"),
                       int(attribute.get("multi-attr", False)),
                       self.number(attribute.get("checks", {}).get("exact-len", 0)),
                       int(attribute.get("byte-order") == "big-endian"),
                       *self.limits(attribute))
                value += 1
        value = 1
        for operation in self.spec["operations"]["list"]:
            value = operation.get("value", value)
            yield "op", value, operation["name"], operation["attribute-set"]
            for mode in ("do", "dump"):
                for side in ("request", "reply"):
                    if mode in operation:
                        yield mode, side, *operation[mode].get(side, {}).get("attributes", [])
            value += 1


with open(sys.argv[1], encoding="utf-8") as file:
    for line in Spec(yaml.safe_load(file)).lines():
        print(*line)
