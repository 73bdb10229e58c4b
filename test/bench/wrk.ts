import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openFolder, startPinned, versionOf } from "./processes.ts";
import type { Body } from "./options.ts";
import { requestsFor } from "./traffic.ts";

/**
 * wrk as the load at saturation, where it is installed: a generator that others know. It costs about as much
 * CPU per request as our own (8.4 µs against 8.7 to 10.2, measured without a proxy), sends the very same bytes,
 * and checks the status and the framing of every response, but not its length.
 */

export type WrkResult = {
  readonly requests: number;
  readonly seconds: number;
  /** Lost connections, time-outs, and statuses of 400 and above. */
  readonly errors: number;
};

export type WrkOrder = {
  readonly port: number;
  readonly body: Body;
  readonly connections: number;
  /** Whole seconds: wrk knows no others. */
  readonly seconds: number;
};

/** First line of wrk's own description; null when it is not installed. */
export async function wrkVersion(): Promise<string | null> {
  return (await versionOf("wrk", "-v"))?.replace(/ Copyright.*/, "") ?? null;
}

/** Runs wrk once on the given cores; throws when it cannot be run or measures nothing. */
export async function runWrk(cores: string, order: WrkOrder): Promise<WrkResult> {
  const folder = openFolder();
  try {
    const script = join(folder.path, "requests.lua");
    writeFileSync(script, luaScript(order.body));
    const child = startPinned(
      cores,
      "wrk",
      [
        "-t1",
        `-c${order.connections}`,
        `-d${order.seconds}s`,
        `-s${script}`,
        `http://127.0.0.1:${order.port}/`,
      ],
      "stdout",
    );
    let printed = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
    const [code] = (await once(child, "close")) as [number | null];
    const line = /^result (\d+) (\d+) (\d+)$/m.exec(printed);
    if (code !== 0 || line === null) throw new Error(`wrk ended with ${code}: ${printed}`);
    const [requests, durationUs, errors] = line.slice(1).map(Number) as [number, number, number];
    return { requests, seconds: durationUs / 1e6, errors };
  } finally {
    folder.remove();
  }
}

/** JSON of ASCII text without control characters other than CR and LF is a Lua string as well. */
function luaScript({ bytes, chunked }: Body): string {
  const requests = requestsFor(bytes, chunked).map((request) => JSON.stringify(request.toString()));
  return `
local requests = { ${requests.join(",\n")} }
local at = 0
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  print(string.format("result %d %d %d", summary.requests, summary.duration, errors))
end
`;
}
