/** Why a name is missing and why something was lost, in words, with what to do. */
interface Told {
  means: string;
  remedy: string;
}

export const NAME_REASONS: Record<string, Told> = {
  unknown: { means: "No agent and no event speaks for the address.", remedy: "Run an agent where it lives, or name its range in WEIR_CIDRS." },
  ambiguous: { means: "Two owners are possible at that time, within what clocks may differ by.", remedy: "Let the nodes keep time (NTP); WEIR_SKEW_MS says how far apart clocks may be." },
  shared: { means: "Several workloads share the address, and none is known to listen on the port.", remedy: "Nothing, if the port belongs to the host; else look at the agent of that node." },
  gap: { means: "Somebody held the address before or after, and nobody at that time.", remedy: "Heartbeats are missing: look at that node's agent, or raise WEIR_GAP_SECONDS." },
  external: { means: "An address of the internet.", remedy: "Nothing; where its client asked DNS for it, it has a domain. WEIR_CIDRS names ranges of your own." },
  group: { means: "Multicast or broadcast: a group, and not one workload.", remedy: "Nothing." },
  link_local: { means: "Every link has such an address of its own.", remedy: "Nothing." },
};

export const LOSS_REASONS: Record<string, Told> = {
  "agent map_full": { means: "The kernel's map of flows had no room.", remedy: "Raise WEIR_MAP_ENTRIES on that node." },
  "agent unreadable": { means: "The headers of a packet could not be read.", remedy: "Nothing, if few; else report it with a capture." },
  "agent extension_headers": { means: "More IPv6 extension headers than the program reads.", remedy: "Nothing, if few." },
  "kafka retention": { means: "Kafka dropped messages before a worker had applied them.", remedy: "More workers, or a longer retention of the topic." },
  "spool full": { means: "The agent's spool was full and dropped its oldest window.", remedy: "Kafka was away too long: raise WEIR_SPOOL_BYTES." },
  "spool torn": { means: "A part of the spool was damaged on disk.", remedy: "Look at the disk of that node." },
  "spool memory": { means: "The disk refused a window, and the agent ended with it in memory.", remedy: "Look at the disk of that node." },
  "forward outbox_full": { means: "The outbox to the other region dropped its oldest message.", remedy: "The road between the regions is too narrow, or was away too long." },
  "worker late": { means: "It came later than WEIR_DEDUP_SECONDS, and is not known to have been counted.", remedy: "A node was cut off for long; raise WEIR_DEDUP_SECONDS where that happens often." },
};

export const lossReason = (stage: string, reason: string): Told => LOSS_REASONS[`${stage} ${reason}`] ?? { means: "Known not to have been counted.", remedy: "The table of losses in the documentation says more." };
