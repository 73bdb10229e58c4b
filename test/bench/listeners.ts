import { createSluiceClient } from "../../src/main/client.ts";

/** Dashboards without a screen, as one process: as many listeners of the live feed as the parent says, and what they heard. */

export type ListenersOrder = { readonly count: number };
export type ListenersHeard = { readonly updates: number };

const [admin = ""] = process.argv.slice(2);
const client = createSluiceClient({ admin });
let ends: AbortController[] = [];
let updates = 0;

async function listen(): Promise<void> {
  const end = new AbortController();
  ends.push(end);
  await new Promise<void>((resolve, reject) => {
    const listener = () => {
      updates += 1;
      resolve();
    };
    client.live(listener, { signal: end.signal }).catch(reject);
  });
}

process.on("disconnect", () => process.exit());
process.on("message", ({ count }: ListenersOrder) => {
  const heard: ListenersHeard = { updates };
  for (const end of ends) end.abort();
  ends = [];
  updates = 0;
  void Promise.all(Array.from({ length: count }, listen)).then(() => process.send?.(heard));
});
