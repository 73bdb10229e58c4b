import { createClient, type Client, type ClientOptions } from "../faces/client/client.ts";
import { realClock, realRandom, realTimers } from "./system.ts";

export { SluiceError } from "../faces/client/client.ts";
export type { Client } from "../faces/client/client.ts";

/** A client of a running Sluice, on this machine's clock. */
export function createSluiceClient(
  options: Omit<ClientOptions, "clock" | "timers" | "random">,
): Client {
  return createClient({ ...options, clock: realClock, timers: realTimers, random: realRandom });
}
