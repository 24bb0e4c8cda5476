#!/usr/bin/env python3
"""Prints what Velero's definitions say of every field, without its descriptions.

    go mod download -json github.com/vmware-tanzu/velero@v1.18.3   # says where Dir is
    api/tests/facts/extract.py DIR/config/crd/*/bases/*.yaml > api/tests/facts/velero-1.18.3.tsv

A line has the plural, the path of the field and JSON with what is said of it. The path of the kind
itself is a dot; `[]` are elements of a list, `{}` values of a map.
"""

import json
import sys

import yaml

# What stands for itself in lines of its own, or is not compared.
PARTS = {"properties", "items", "additionalProperties", "description"}


def line(plural: str, path: str, facts: dict) -> None:
    print(plural, path, json.dumps(facts, sort_keys=True, separators=(",", ":")), sep="\t")


def field(plural: str, path: str, schema: dict) -> None:
    facts = {key: value for key, value in schema.items() if key not in PARTS}
    for key in ("required", "enum"):
        if key in facts:
            facts[key] = sorted(facts[key])
    line(plural, path, facts)
    for name, inner in schema.get("properties", {}).items():
        field(plural, f"{path.rstrip('.')}.{name}", inner)
    if "items" in schema:
        field(plural, f"{path}[]", schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        field(plural, f"{path}{{}}", schema["additionalProperties"])


def main() -> None:
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as file:
            spec = yaml.safe_load(file)["spec"]
        [version] = spec["versions"]
        plural = spec["names"]["plural"]
        schema = version.pop("schema")["openAPIV3Schema"]
        for column in version.get("additionalPrinterColumns", []):
            column.pop("description", None)
        # An empty list of subresources is none.
        version = {key: value for key, value in version.items() if value != {}}
        line(plural, "-", {**spec, "versions": [version]})
        field(plural, ".", schema)


if __name__ == "__main__":
    main()
