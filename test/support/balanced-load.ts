import { Agent, request } from "undici";
import type { Member } from "./cluster.ts";

/** Requests at a steady rate to those replicas that say they are ready, as a balancer sends them. */
export type BalancedLoad = {
  /** Answered with 200. */
  answered(): number;
  /** Everything else: another status, or no answer. */
  readonly failures: readonly string[];
  stop(): Promise<void>;
};

const lookMs = 50;
const tickMs = 10;

/** `perSecond` open-loop requests in all. */
export function startBalancedLoad(members: readonly Member[], perSecond: number): BalancedLoad {
  const agent = new Agent({ connections: 64, keepAliveTimeout: 1000 });
  const ready = new Set<Member>(members);
  const failures: string[] = [];
  const open = new Set<Promise<void>>();
  let [sent, answered, due] = [0, 0, 0];

  async function send(url: string, user: string): Promise<void> {
    try {
      const answer = await request(`${url}/x`, {
        dispatcher: agent,
        headers: { "x-user-id": user },
      });
      await answer.body.dump();
      if (answer.statusCode === 200) answered += 1;
      else failures.push(`${answer.statusCode} of ${url}`);
    } catch (error) {
      failures.push(`${String(error)} of ${url}`);
    }
  }

  const looking = setInterval(() => {
    for (const member of members) {
      void request(`${member.process.adminUrl}/readyz`, { dispatcher: agent })
        .then(async ({ statusCode, body }) => {
          await body.dump();
          if (statusCode === 200) ready.add(member);
          else ready.delete(member);
        })
        .catch(() => ready.delete(member));
    }
  }, lookMs);
  const sending = setInterval(() => {
    for (due += (perSecond * tickMs) / 1000; due >= 1; due -= 1) {
      const targets = [...ready];
      const target = targets[sent % targets.length];
      sent += 1;
      if (target === undefined) {
        failures.push("no replica is ready");
        continue;
      }
      const one = send(target.process.url, `user-${sent % 500}`).then(() => void open.delete(one));
      open.add(one);
    }
  }, tickMs);
  return {
    answered: () => answered,
    failures,
    async stop() {
      clearInterval(sending);
      clearInterval(looking);
      await Promise.all(open);
      await agent.destroy();
    },
  };
}
