import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { requestProperty, responseProperty } from "./support/fuzz/properties.ts";

/** `npm run fuzz -- --seconds 60 [--seed N]`: the differential properties with seeds of their own. */
const { values } = parseArgs({
  options: { seconds: { type: "string" }, seed: { type: "string" } },
});
const seconds = Number(values.seconds ?? 60);
const firstSeed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
const runs = 5_000;
const endAt = performance.now() + seconds * 1000;
let cases = 0;
for (let seed = firstSeed; performance.now() < endAt; seed += 1) {
  for (const [name, property] of Object.entries({
    requests: requestProperty,
    responses: responseProperty,
  })) {
    const result = await fc.check(property as fc.IAsyncProperty<[string, number[]]>, {
      seed,
      numRuns: runs,
    });
    cases += result.numRuns;
    if (result.failed) {
      console.error(`${name}, seed ${seed}: ${fc.defaultReportMessage(result)}`);
      process.exit(1);
    }
  }
}
console.log(`${cases} cases from seed ${firstSeed} on, no difference`);
