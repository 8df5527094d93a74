"""openapi.py SWAGGER OUT: Kubernetes' own OpenAPI as the files that kubeconform looks for, one a kind; unknown fields are refused.

SWAGGER is api/openapi-spec/swagger.json of the Go module k8s.io/kubernetes. Kinds that Kubernetes does not have itself (custom
resources) are beside this file, in custom/.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
INT_OR_STRING: Schema = {"oneOf": [{"type": "string"}, {"type": "integer"}]}
DEFINITIONS = "_definitions.json"


def strict(schema: Schema) -> Schema:
    """The schema with its references into the file of definitions, without what is only told, closed where it names its properties."""
    if schema.get("format") == "int-or-string":
        return INT_OR_STRING
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace("#/", f"{DEFINITIONS}#/")}
    made = {name: value for name, value in schema.items() if not name.startswith("x-") and name not in ("format", "description")}
    if "properties" in made:
        made["properties"] = {name: strict(each) for name, each in made["properties"].items()}
        made.setdefault("additionalProperties", False)
    for name in ("items", "additionalProperties"):
        if isinstance(made.get(name), dict):
            made[name] = strict(made[name])
    return made


def of_kind(schema: Schema, group: str, version: str, kind: str) -> Schema:
    said = {"apiVersion": {"enum": [f"{group}/{version}" if group else version]}, "kind": {"enum": [kind]}}
    return {**schema, "properties": {**schema.get("properties", {}), **said}}


def main() -> None:
    swagger, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    out.mkdir(parents=True)
    whole = {name: strict(each) for name, each in swagger["definitions"].items()}
    whole[QUANTITY] = {"oneOf": [{"type": "string"}, {"type": "number"}]}
    (out / DEFINITIONS).write_text(json.dumps({"definitions": whole}))
    for name, each in swagger["definitions"].items():
        kinds = each.get("x-kubernetes-group-version-kind", [])
        if len(kinds) == 1:
            group, version, kind = (kinds[0][part] for part in ("group", "version", "kind"))
            stem = "-".join(part for part in (kind, group.split(".")[0], version) if part).lower()
            (out / f"{stem}.json").write_text(json.dumps(of_kind(whole[name], group, version, kind)))


if __name__ == "__main__":
    main()
