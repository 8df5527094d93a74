"""A stand-in for a schema registry: it keeps schemas in memory and checks nothing. No real registry runs in these tests."""

from __future__ import annotations


class InMemoryRegistry:
    def __init__(self) -> None:
        self.schemas: dict[int, str] = {}
        self.subjects: dict[str, int] = {}
        self.calls = 0

    def register(self, subject: str, schema: str) -> int:
        self.calls += 1
        schema_id = next((known for known, text in self.schemas.items() if text == schema), len(self.schemas) + 100_001)
        self.schemas[schema_id] = schema
        self.subjects[subject] = schema_id
        return schema_id

    def get_schema(self, schema_id: int) -> str | None:
        self.calls += 1
        return self.schemas.get(schema_id)
