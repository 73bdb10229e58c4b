/** How many questions about the past are answered at a time, and how many may wait. */
export const readLimits = { readsMax: 2, waitingMax: 8 } as const;

export type ReadQueue = {
  /** Runs `read` when it is its turn; null, at once, when too many wait already. */
  run<Value>(read: () => Promise<Value>): Promise<Value | null>;
  /** Refused since the start. */
  refused(): number;
};

export function createReadQueue(limits = readLimits as ReadLimits): ReadQueue {
  const waiting: (() => void)[] = [];
  let running = 0;
  let refused = 0;
  return {
    async run(read) {
      if (running >= limits.readsMax) {
        if (waiting.length >= limits.waitingMax) {
          refused += 1;
          return null;
        }
        // Whoever ends hands its place on, so that nobody comes in between.
        await new Promise<void>((resolve) => waiting.push(resolve));
      } else running += 1;
      try {
        return await read();
      } finally {
        const next = waiting.shift();
        if (next === undefined) running -= 1;
        else next();
      }
    },
    refused: () => refused,
  };
}

type ReadLimits = { readonly readsMax: number; readonly waitingMax: number };
