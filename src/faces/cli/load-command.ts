import { Option, type Command } from "commander";
import type { CliIo } from "./io.ts";
import type { LoadEnvironment } from "./load.ts";
import type { LoadOptions } from "./load-options.ts";

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

/** Adds `sluice load` to the program. */
export function registerLoadCommand(
  program: Command,
  io: CliIo,
  environment: () => Promise<LoadEnvironment>,
  onExit: (code: number) => void,
): void {
  program
    .command("load")
    .description("load a server at a rate, or with users, and measure how it answers")
    .argument("<target>", "URL, or a scenario in YAML or JSON")
    .optionsGroup("How much:")
    .option(
      "-r, --rate <number>",
      "requests a second, due whether or not earlier ones have ended (10)",
    )
    .option("--stage <time@rate>", "30s@100, or 30s@0..100 for a ramp; again for more", collect)
    .addOption(new Option("--arrivals <kind>", "constant, or poisson for gaps as users make them"))
    .option("-u, --users <number>", "instead: users who each wait for their answer (closed model)")
    .option("--think-time <time>", "of a user between an answer and the next request")
    .option("--expected-interval <time>", "correct users' times for coordinated omission")
    .option("-d, --for <time>", "how long, after the warm-up (30s)")
    .option("-n, --requests <number>", "how many, after the warm-up")
    .option("--ramp-up <time>", "from 0 to the full rate or all users")
    .option("--warm-up <time>", "at the beginning, not counted; at least the ramp-up")
    .option(
      "--max-in-flight <number>",
      "under way at once; what is due beyond it is dropped (1000)",
    )
    .optionsGroup("What is sent:")
    .option("-X, --method <method>", "GET, or POST with a body")
    .option("-H, --header <name: value>", "again for more", collect)
    .option(
      "-b, --body <text>",
      "with {{user}}, {{uuid}}, {{random 1 9}}, {{line}}, {{data.FIELD}}",
    )
    .option("--body-file <file>", "a line for each request: .jsonl, .csv or text")
    .option("--line-order <order>", "sequential or random")
    .option("--user-pool <number>", "how many users {{user}} names (100)")
    .option("--timeout <time>", "of one request (30s)")
    .option("--retries <number>", "after a lost connection, 429, 502, 503, 504 (0)")
    .option("--no-keep-alive", "a new connection for each request")
    .option("--insecure", "do not check the certificate")
    .option("--seed <number>", "of the chance in users, bodies and gaps; printed otherwise")
    .optionsGroup("What is expected:")
    .option("--expect-status <status>", "200, or 2xx; again for more (200…399)", collect)
    .option("--expect-contains <text>", "in the body")
    .option(
      "-t, --threshold <metric: condition>",
      "'http_req_duration: p(95)<500', 'http_req_failed: rate<1%'; again for more; exit 3 on breach",
      collect,
    )
    .option("--abort-on-fail", "a breach ends the test")
    .optionsGroup("What comes out:")
    .option("--json <file>", "the whole result; - for stdout")
    .option("--csv <file>", "a row a second")
    .option("--hgrm <file>", "the distribution of response times")
    .option("-q, --quiet", "no progress, and no summary beside --json -")
    .optionsGroup("Safety:")
    .option("--allow-host <host>", "load this host, which is not this machine")
    .option("--allow-invalid", "exit 0 though the generator itself was the bottleneck")
    .action(async (target: string, options: LoadOptions) => {
      const { runLoad } = await import("./load.ts");
      onExit(await runLoad(target, options, io, await environment()));
    });
}
