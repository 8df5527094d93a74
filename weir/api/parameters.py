"""Parameters of the API: the same names everywhere, unknown ones refused, with the nearest known."""

from __future__ import annotations

import base64
from dataclasses import astuple
from typing import Annotated, Literal, TypeVar, get_args

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import QueryParams

from schemas.addresses import parse_address
from schemas.nearest import hint, nearest
from sinks.queries.flows import Place
from sinks.queries.losses import By
from weir.api.problems import bad_parameter
from weir.query_options import DIMENSION_LIMIT, check_known, listed

Format = Literal["json", "ndjson", "csv", "arrow"]
ROW_LIMIT = 5_000


class Parameters(BaseModel):
    """What every answer takes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Documents(Parameters):
    """Of answers that are no tables."""

    format: Literal["json"] = Field("json", description="json: this answer is no table")


class Tables(Parameters):
    format: Format = Field("json", description="json: by column; ndjson: a line a row; csv; arrow: an Arrow IPC stream")


class Ranged(Parameters):
    from_: str = Field("now-15m", alias="from", max_length=64, description="start: RFC 3339, UNIX seconds, or now-6h")
    to: str = Field("now", max_length=64, description="end, not included")
    q: str = Field("", description="filter")


class Summed(Ranged, Tables):
    by: str = Field("client,server,protocol,service_port", max_length=400, description=f"up to {DIMENSION_LIMIT} dimensions, by comma")
    metrics: str = Field("", max_length=1_000, description="metrics, by comma; empty: the usual ones")
    order: str = Field("bytes", max_length=64, description="metric by which the largest groups are found")
    view: Literal["canonical", "both"] = Field("canonical", description="canonical: every byte once; both: as each end counted it")


class EdgesParameters(Summed):
    limit: int = Field(100, ge=1, le=ROW_LIMIT, description="groups; all others are summed in meta.other")
    compare: str = Field("", max_length=64, description="another time to compare with: -1d, or its start")


class SeriesParameters(Summed):
    limit: int = Field(10, ge=1, le=100, description="groups; all others are one more")
    step: str = Field("auto", max_length=16, description="auto, or seconds with s, m, h or d: 60s, 5m, 1h")


class GroupsParameters(Ranged, Documents):
    fold: Literal["auto", "none", "namespace", "zone", "prefix"] = Field("auto", description="what ends fold into")
    open: str = Field("", max_length=2_000, description="keys of groups that stand open, by comma")
    limit: int = Field(60, ge=2, le=2_000, description="shapes; all others are the rest")
    compare: str = Field("", max_length=64, description="another time to compare with: -1d, or its start")


class FlowsParameters(Ranged, Tables):
    limit: int = Field(100, ge=1, le=ROW_LIMIT, description="rows of a page")
    cursor: str = Field("", max_length=2_000, description="meta.next of the page before")
    view: Literal["canonical", "both"] = Field("both", description="canonical: every byte once; both: as each end counted it")


class CompleteParameters(Ranged, Documents):
    at: Annotated[int, Field(ge=0)] | None = Field(None, description="place of the caret; absent: the end")
    limit: int = Field(20, ge=1, le=100, description="candidates")


class LossesParameters(Ranged, Tables):
    by: str = Field("stage,reason,node", max_length=100, description="stage, reason, node, step, by comma; empty: the whole")
    step: str = Field("auto", max_length=16, description="with by=step: auto, or seconds with s, m, h or d: 60s, 5m, 1h")
    limit: int = Field(1_000, ge=1, le=ROW_LIMIT, description="rows")


class OwnershipParameters(Ranged, Tables):
    ip: str = Field("", max_length=64, description="who held this address; or workload=")
    workload: str = Field("", max_length=1_000, description="which addresses this workload held; or ip=")
    limit: int = Field(1_000, ge=1, le=ROW_LIMIT, description="ranges")


class ExplainParameters(Documents):
    ip: str = Field(max_length=64, description="the remote address of the flow to explain")
    local_ip: str = Field("", max_length=64, description="only flows of this local address")
    port: Annotated[int, Field(ge=0, le=65_535)] | None = Field(None, description="only flows of this service port")
    at: str = Field("", max_length=64, description="the flow of that time; absent: the newest")


class LiveParameters(Parameters):
    from_: str = Field("now-15m", alias="from", max_length=64, description="start of what was")
    q: str = Field("", description="filter")
    view: Literal["canonical", "both"] = Field("both", description="canonical: every byte once; both: as each end counted it")
    limit: int = Field(200, ge=1, le=1_000, description="rows of an event at most")


class FieldsParameters(Tables):
    pass


class ParseParameters(Documents):
    q: str = Field("", description="filter")


P = TypeVar("P", bound=Parameters)


def read(model: type[P], query: QueryParams) -> P:
    """Raises Problem."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    for name in query:
        if name not in names:
            raise bad_parameter(name[:60], f"The parameter {name[:60]} is not known here: {hint(nearest(name, names), names)}")
        if len(query.getlist(name)) > 1:
            raise bad_parameter(name, f"The parameter {name} is given twice: give it once, lists by comma.")
    try:
        return model.model_validate(dict(query))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        raise bad_parameter(name, f"The parameter {name} is wrong: {first['msg']}.") from None


def loss_dimensions(text: str) -> tuple[By, ...]:
    names = tuple(dict.fromkeys(listed(text)))
    for name in names:
        check_known("by", name, list(get_args(By)))
    return names  # type: ignore[return-value]


class _Cursor(BaseModel):
    """A place in the raw flows, as a page's `meta.next` has it."""

    model_config = ConfigDict(strict=True)

    place: tuple[
        Annotated[int, Field(ge=0, lt=2**32)], Annotated[int, Field(ge=0, lt=2**32)], Annotated[int, Field(ge=0, lt=2**63)],
        str, str, str, Annotated[int, Field(ge=0, lt=2**16)], str, str, str, str, str,
    ]  # fmt: skip


def write_cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(orjson.dumps({"place": astuple(place)})).decode()


def read_cursor(text: str) -> Place:
    """Raises ValueError or Unreadable for what `write_cursor` has not made, or could not have made."""
    place = Place(*_Cursor.model_validate_json(base64.b64decode(text, b"-_", validate=True)).place)
    for address in (place.local_ip, place.remote_ip):
        parse_address(address)
    return place
