/** What can be looked at: dimensions in words, and metrics with how they are shown. */
import { bytes, count, micros } from "./format";

export interface Metric {
  label: string;
  show: (value: number) => string;
  /** Sums are shown by the second where they are drawn over time. */
  rated?: boolean;
  /** A mean, a maximum or a percentile: it is not summed, and a step without a sample is a hole. */
  sample?: boolean;
}

export const METRICS: Record<string, Metric> = {
  bytes: { label: "bytes", show: bytes, rated: true },
  bytes_sent: { label: "bytes the client sent", show: bytes, rated: true },
  bytes_received: { label: "bytes the server sent", show: bytes, rated: true },
  packets: { label: "packets", show: count, rated: true },
  flows: { label: "flows", show: count },
  connections_opened: { label: "connections opened", show: count },
  connections_failed: { label: "connections failed", show: count },
  connections_refused: { label: "connections refused", show: count },
  connections_timed_out: { label: "connections not answered", show: count },
  connections_reset: { label: "connections reset", show: count },
  retransmits: { label: "segments sent again", show: count },
  rtt_us: { label: "round trip, mean", show: micros, sample: true },
  rtt_us_p95: { label: "round trip, p95", show: micros, sample: true },
  rtt_us_p99: { label: "round trip, p99", show: micros, sample: true },
  connect_us_p95: { label: "time to connect, p95", show: micros, sample: true },
};

export const DIMENSIONS: Record<string, string> = {
  client: "client",
  server: "server",
  service_port: "port",
  protocol: "protocol",
  client_namespace: "client namespace",
  server_namespace: "server namespace",
  client_zone: "client zone",
  server_zone: "server zone",
  client_region: "client region",
  server_region: "server region",
  service: "service",
  domain: "domain",
  reason: "why no name",
  network: "network",
  node: "node that reports",
  role: "reporting side",
  source: "name told by",
  client_ip: "client address",
  server_ip: "server address",
};
