import { isIpv4, parseIp, plainIp } from "../../core/traffic/ip-address.ts";
import type { AdminLimits } from "./limits.ts";

type Tries = { count: number; readonly until: number };

/** Counts wrong tokens per address in fixed windows, in bounded memory. */
export class FailedTries {
  readonly #limits: Pick<AdminLimits, "failuresMax" | "failureWindowMs" | "failureAddressesMax">;
  readonly #tries = new Map<string, Tries>();

  constructor(
    limits: Pick<AdminLimits, "failuresMax" | "failureWindowMs" | "failureAddressesMax">,
  ) {
    this.#limits = limits;
  }

  /** Milliseconds until the address may try again; 0 when it may now. */
  waitMs(address: string, nowMs: number): number {
    const tries = this.#tries.get(networkOf(address));
    if (tries === undefined || tries.count < this.#limits.failuresMax) return 0;
    return Math.max(0, tries.until - nowMs);
  }

  add(address: string, nowMs: number): void {
    const network = networkOf(address);
    const present = this.#tries.get(network);
    if (present !== undefined && present.until > nowMs) {
      present.count += 1;
      return;
    }
    // Deleted first, so that the order of the map is the order of the windows' ends.
    this.#tries.delete(network);
    if (this.#tries.size >= this.#limits.failureAddressesMax) {
      const [oldest] = this.#tries.keys();
      if (oldest !== undefined) this.#tries.delete(oldest);
    }
    this.#tries.set(network, { count: 1, until: nowMs + this.#limits.failureWindowMs });
  }
}

/** An IPv4 address itself; of IPv6 the /64, which one attacker usually has whole. */
function networkOf(address: string): string {
  const plain = plainIp(address);
  const groups = parseIp(plain);
  if (groups === null || isIpv4(groups)) return plain;
  return groups.slice(0, 4).join(":");
}
