import { parseArgs } from "node:util";

export type Body = { readonly bytes: number; readonly chunked: boolean };

export type BenchOptions = {
  /** Measured seconds of each round. */
  readonly seconds: number;
  readonly rounds: number;
  /** Names of contenders; null is all. */
  readonly only: readonly string[] | null;
  readonly bodies: readonly Body[];
  /** Requests per second of the latency part. */
  readonly rate: number;
  readonly connections: number;
  /** Whether one worker is compared with two. */
  readonly scaling: boolean;
  readonly jsonFile: string | null;
  /** Whether the configuration of every proxy is shown. */
  readonly verbose: boolean;
};

export const usage = `npm run bench -- [options]
  --seconds N       measured seconds per round (2); wrk is the load for whole seconds only
  --rounds N        rounds, interleaved; the median counts (3)
  --only A,B        contenders: sluice, sluice-inspecting, haproxy, haproxy-bare, nginx, fastify, http-proxy-3-ka, http-proxy-3
  --bodies LIST     response bodies in bytes, such as 200 or 12000-chunked (200,12000)
  --rate N          requests/s of the latency part (500)
  --connections N   keep-alive connections at saturation (32)
  --no-scaling      leave out the comparison of one worker with two
  --json FILE       also write the figures as JSON (- is standard output, instead of the tables)
  --verbose         print how each proxy was started, with its configuration, to standard error`;

/** Reads the command line; throws an Error with a message for people. */
export function parseOptions(args: readonly string[], names: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: "string", default: "2" },
      rounds: { type: "string", default: "3" },
      only: { type: "string" },
      bodies: { type: "string", default: "200,12000" },
      rate: { type: "string", default: "500" },
      connections: { type: "string", default: "32" },
      "no-scaling": { type: "boolean", default: false },
      json: { type: "string" },
      verbose: { type: "boolean", default: false },
    },
  });
  const only = values.only?.split(",") ?? null;
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: one of ${names.join(", ")}`);
  return {
    seconds: positive("--seconds", values.seconds),
    rounds: Math.ceil(positive("--rounds", values.rounds)),
    only,
    bodies: values.bodies.split(",").map(parseBody),
    rate: positive("--rate", values.rate),
    connections: Math.ceil(positive("--connections", values.connections)),
    scaling: !values["no-scaling"],
    jsonFile: values.json ?? null,
    verbose: values.verbose,
  };
}

/** How a body is written on the command line and in tables. */
export function bodyLabel({ bytes, chunked }: Body): string {
  return `${bytes}${chunked ? "-chunked" : ""}`;
}

function parseBody(written: string): Body {
  const match = /^(\d+)(-chunked)?$/.exec(written);
  if (match === null || Number(match[1]) < 1) {
    throw new Error(`--bodies ${written}: a size in bytes, such as 200 or 12000-chunked`);
  }
  return { bytes: Number(match[1]), chunked: match[2] !== undefined };
}

function positive(option: string, written: string): number {
  const value = Number(written);
  if (!(value > 0) || !Number.isFinite(value)) throw new Error(`${option}: a number above 0`);
  return value;
}
