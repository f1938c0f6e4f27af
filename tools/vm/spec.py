# SPDX-License-Identifier: GPL-2.0
"""spec.py SPEC SCHEMA: the spec obeys the schema, and says of everything what it is.

An enumeration's entries either all have a doc, or are plain words that its own doc explains.
"""
import sys

import jsonschema
import yaml


def undocumented(spec):
    """What has no doc, by its name."""
    for definition in spec["definitions"]:
        yield definition["name"], definition
        entries = definition.get("entries", [])
        if any(isinstance(entry, dict) for entry in entries):
            for entry in entries:
                if isinstance(entry, str):
                    entry = {"name": entry}
                yield f"{definition['name']}.{entry['name']}", entry
    for attributes in spec["attribute-sets"]:
        yield attributes["name"], attributes
        for attribute in attributes["attributes"]:
            yield f"{attributes['name']}.{attribute['name']}", attribute
    for operation in spec["operations"]["list"]:
        yield operation["name"], operation


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        spec = yaml.safe_load(file)
    with open(sys.argv[2], encoding="utf-8") as file:
        schema = yaml.safe_load(file)
    try:
        jsonschema.validate(spec, schema)
    except jsonschema.ValidationError as error:
        sys.exit(f"{error.json_path}: {error.message}")
    names = [name for name, what in undocumented(spec) if not what.get("doc", "").strip()]
    if names:
        sys.exit("no doc: " + ", ".join(names))


main()
