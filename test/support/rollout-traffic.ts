import { Agent, request } from "undici";
import type { RolloutStatus } from "../../src/wire/admin-api.ts";

/** Traffic of sticky users that goes on until it is told to stop. */
export type Traffic = {
  /** Requests that had an answer, by status. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Requests that had none. */
  failed(): number;
  /** Where requests go from now on. */
  aim(url: string): void;
  /** Resolves when `count` more requests have had an answer. */
  pass(count: number): Promise<void>;
  stop(): Promise<void>;
};

const senders = 6;

/** Sends six requests at a time, of `users` users in turn. */
export function startTraffic(url: string, users: number): Traffic {
  const agent = new Agent({ connections: senders });
  const statuses = new Map<number, number>();
  const waiting = new Set<() => void>();
  let target = url;
  let [sent, answered, failed] = [0, 0, 0];
  const stopping = new AbortController();

  async function send(): Promise<void> {
    sent += 1;
    try {
      const headers = { "x-user-id": `user-${sent % users}` };
      const { statusCode, body } = await request(`${target}/x`, { dispatcher: agent, headers });
      await body.dump();
      statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1);
      answered += 1;
      for (const look of waiting) look();
    } catch {
      failed += 1;
      // Nobody listens: a process that starts is to have the processor.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  const running = Array.from({ length: senders }, async () => {
    while (!stopping.signal.aborted) await send();
  });
  return {
    statuses,
    failed: () => failed,
    aim(next) {
      target = next;
    },
    pass: (count) =>
      new Promise((resolve) => {
        const until = answered + count;
        const look = () => {
          if (answered < until) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
      }),
    async stop() {
      stopping.abort();
      await Promise.all(running);
      await agent.destroy();
    },
  };
}

/** The variant that each of `count` users has now, in their order. */
export async function variantsOf(url: string, count: number): Promise<string[]> {
  const agent = new Agent({ connections: senders });
  try {
    return await Promise.all(
      Array.from({ length: count }, async (_, at) => {
        const headers = { "x-user-id": `user-${at}` };
        const answer = await request(`${url}/x`, { dispatcher: agent, headers });
        await answer.body.dump();
        return String(answer.headers["x-sluice-variant"]);
      }),
    );
  } finally {
    await agent.destroy();
  }
}

/** What the admin API said to a command, or to the question how the rollout stands. */
export type Answer =
  | { readonly kind: "done"; readonly status: RolloutStatus }
  | { readonly kind: "refused"; readonly reason: string };

/** Posts a command to the rollout of experiment `e`; throws on any answer but done and refused. */
export async function post(adminUrl: string, command: string, actor: string): Promise<Answer> {
  const { statusCode, body } = await request(`${adminUrl}/v1/rollouts/e`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ command, actor }),
  });
  const answer = (await body.json()) as RolloutStatus & { code?: string; detail?: string };
  if (statusCode === 200) return { kind: "done", status: answer };
  if (statusCode === 409 && answer.code === "command_refused") {
    return { kind: "refused", reason: answer.detail ?? "" };
  }
  throw new Error(`${command} was answered with ${statusCode}: ${JSON.stringify(answer)}`);
}

/** How the rollout of experiment `e` stands. */
export async function look(adminUrl: string): Promise<RolloutStatus> {
  const { body } = await request(`${adminUrl}/v1/rollouts/e`);
  return (await body.json()) as RolloutStatus;
}
