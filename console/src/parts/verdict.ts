/** Is it the network, the client or the server? One sentence from the figures that stand below it. */
import { fails } from "../map/severity";
import { count, micros, percent } from "../state/format";

export interface Figures {
  /** A TCP call; of anything else neither failures nor round trips are seen. */
  tcp: boolean;
  bytes: number;
  opened: number;
  /** Failures, and all connects that were tried, on `port` where that is where nearly all of them are. */
  failed: number;
  tried: number;
  refused: number;
  timedOut: number;
  reset: number;
  packets: number;
  retransmits: number;
  /** Microseconds; null: no sample. */
  rttP50: number | null;
  rttP95: number | null;
  connectP50: number | null;
  connectP95: number | null;
  /** Of the span before, which was as long. */
  rttP95Before: number | null;
  /** What was sent again on the way to the server, and to the client; null: that end has no agent. */
  resentByClient: number | null;
  resentByServer: number | null;
  /** As it is said: "port 9001". Empty: failures are on several. */
  port: string;
}

export interface Verdict {
  who: "server" | "network" | "client or server" | "nobody" | "nothing";
  wrong: boolean;
  /** The first words, and what they rest on. */
  head: string;
  text: string;
}

const RESET_SHARE = 0.02;
const RESENT_SHARE = 0.02;
const FEW = 5;
const SYN_AGAIN_US = 900_000;

export function verdict(f: Figures): Verdict {
  return failures(f) ?? cut(f) ?? resent(f) ?? slow(f) ?? fine(f);
}

function failures(f: Figures): Verdict | null {
  if (!fails(f.tried - f.failed, f.failed)) return null;
  const all = f.failed === f.tried ? `all ${count(f.failed)}` : `${count(f.failed)} of ${count(f.tried)}`;
  const share = `${all} connects${f.port && ` to ${f.port}`} failed${f.failed === f.tried ? "" : ` (${percent(f.failed / f.tried)})`}`;
  if (f.refused * 2 >= f.failed) {
    return wrong("server", "The server refuses.", `${share}; ${count(f.refused)} were answered with RST: nothing listens there, or a firewall rejects for it.`);
  }
  if (f.timedOut * 2 >= f.failed) {
    const way = "packets are dropped on the way (a policy, a route), or the server's host is gone";
    return wrong("network", "The network, or the server's host.", `${share}; ${count(f.timedOut)} had no answer at all: ${way}.`);
  }
  return wrong("client or server", "Connects fail.", `${share}, neither by a refusal nor by silence alone: they were given up before they were established.`);
}

function cut(f: Figures): Verdict | null {
  if (f.reset < FEW || f.reset <= RESET_SHARE * f.opened) return null;
  const share = percent(f.reset / Math.max(1, f.opened));
  return wrong("client or server", "An end cuts connections off.", `${count(f.reset)} of ${count(f.opened)} connections (${share}) ended with RST after they were established: the program at one end closed or died, or something between them timed out.`);
}

function resent(f: Figures): Verdict | null {
  if (f.retransmits < FEW || f.packets === 0 || f.retransmits <= RESENT_SHARE * f.packets) return null;
  const [there, back] = [f.resentByClient ?? 0, f.resentByServer ?? 0];
  const way = there > 3 * back ? ", mostly on the way to the server" : back > 3 * there ? ", mostly on the way to the client" : "";
  return wrong("network", "The network loses packets.", `${percent(f.retransmits / f.packets)} of packets were sent again${way}.`);
}

function slow(f: Figures): Verdict | null {
  if (f.connectP95 !== null && f.connectP95 >= SYN_AGAIN_US && f.connectP95 > 5 * (f.rttP95 ?? 0)) {
    const against = f.rttP95 === null ? "" : `, though a round trip takes ${micros(f.rttP95)}`;
    return wrong("network", "Connects are sent twice.", `p95 to connect is ${micros(f.connectP95)}${against}: the first SYN got no answer, by loss on the way or a full queue of the server.`);
  }
  if (f.rttP95 !== null && f.rttP95Before !== null && f.rttP95 > 2 * f.rttP95Before && f.rttP95 > 1_000) {
    return wrong("network", "Round trips have grown.", `p95 went from ${micros(f.rttP95Before)} in the span before to ${micros(f.rttP95)}: a fuller or longer way, or a host that answers late.`);
  }
  return null;
}

function fine(f: Figures): Verdict {
  if (f.bytes === 0 && f.opened === 0) return { who: "nothing", wrong: false, head: "No flow.", text: "Nothing was counted here in this span." };
  if (!f.tcp) return { who: "nobody", wrong: false, head: "Only bytes are known.", text: "Of what is not TCP neither failures nor round trips can be seen." };
  const round = f.rttP95 === null ? "no round trip was sampled" : `round trips take ${micros(f.rttP50)}, p95 ${micros(f.rttP95)}`;
  const failed = f.failed ? `Only ${count(f.failed)} of ${count(f.tried)} connects failed` : "No connect failed";
  const text = `${failed}, ${percent(f.packets ? f.retransmits / f.packets : 0)} of packets were sent again, ${round}. What is slow here is the work of the client or the server itself.`;
  return { who: "nobody", wrong: false, head: "The network is not to blame.", text };
}

const wrong = (who: Verdict["who"], head: string, text: string): Verdict => ({ who, wrong: true, head, text });
