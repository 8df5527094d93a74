"""WEIR_CIDRS on the whole road: from a worker's environment to the tables, the downstream topic and `weir explain`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.made_recording import half_an_hour_ago_us, instant
from tests.integration.pipeline_support import Pipeline, rows
from tests.support.processes import run_weir

CIDRS = "172.16.0.0/12=onprem\n172.16.9.0/24=printers,2001:db8::/32=lab,10.0.0.0/8=mine"


def test_labels_reach_tables_and_explanations(clean_kafka: str, tmp_path: Path) -> None:
    start_us = half_an_hour_ago_us()
    place = {"node_id": "n1", "epoch": 1, "window_start": instant(start_us), "window_seconds": 10}
    remotes = ("172.16.1.1", "172.16.9.1", "2001:db8::7", "8.8.8.8", "192.168.0.1", "10.0.0.2", "10.9.0.1", "10.0.0.3")
    flow = {"kind": "flow", **place, "local_ip": "10.0.0.1", "local_workload": "a", "role": "client", "protocol": "tcp"}
    lines = [{**flow, "remote_ip": remote, "service_port": 443, "bytes_sent": 1} for remote in remotes]
    lines.append(
        {"kind": "heartbeat", **place, "addresses": [{"ip": ip, "workload": who} for ip, who in (("10.0.0.1", "a"), ("10.0.0.2", "b"))]}
    )
    lines.append({"kind": "ip_event", "ip": "10.9.0.1", "workload": "lb", "event": "assigned", "at": instant(start_us - 9_000_000)})
    pipeline = Pipeline(clean_kafka, f"chdb://{tmp_path / 'data'}", tmp_path, {"cidrs": CIDRS})
    path = pipeline.write("labels.jsonl", (json.dumps(line).encode() for line in lines))
    with pipeline.worker() as worker:
        assert pipeline.replay(path).endswith(", 0 lines refused\n")
        pipeline.wait_until_read(worker)
        with pipeline.sink() as sink:
            columns = "replaceRegexpOne(toString(remote_ip), '^::ffff:', ''), remote_workload, remote_source, remote_reason"
            found = {ip: told for ip, *told in rows(sink, f"SELECT {columns} FROM weir.flows")}  # noqa: S608
        assert found == {
            "172.16.1.1": ["onprem", "cidr", ""],
            "172.16.9.1": ["printers", "cidr", ""],
            "2001:db8::7": ["lab", "cidr", ""],
            "8.8.8.8": ["", "none", "external"],
            "192.168.0.1": ["", "none", "unknown"],
            "10.0.0.2": ["b", "heartbeat", ""],
            "10.9.0.1": ["lb", "ip_event", ""],
            "10.0.0.3": ["mine", "cidr", ""],
        }
        says = {
            "172.16.9.1": "WEIR_CIDRS says 172.16.9.0/24=printers.",
            "10.0.0.2": "Node n1 said that b held ::ffff:10.0.0.2",
            "10.9.0.1": "Events say that lb held",
        }
        for ip, said in says.items():
            assert said in run_weir("explain", ip, settings=pipeline.settings).stdout
