import { performance } from "node:perf_hooks";
import { packTelemetry, unpackTelemetry } from "../../src/control/replica/telemetry-part.ts";
import { createCollector } from "../../src/control/collector.ts";
import { clusterOf, telemetryHash } from "../../src/core/assignment/hash.ts";
import { createRandom } from "../../src/core/statistics/random.ts";
import { createRecorder } from "../../src/core/telemetry/recorder.ts";
import { encodeHistory, historyOf } from "../../src/core/telemetry/history.ts";

/**
 * `npm run bench:parts`: what one replica's second of telemetry weighs on the shared store, and what it costs to pack it and
 * to merge it elsewhere, at several request rates and numbers of experiments.
 */
const rounds = 40;
const routes = ["POST /query", "POST /query/stream", "POST /embeddings"];

for (const experiments of [1, 10]) {
  for (const rate of [10, 100, 1000]) {
    const random = createRandom(1);
    const recorder = createRecorder();
    const sizes: number[] = [];
    let [packMs, mergeMs, rows, rowBytes] = [0, 0, 0, 0];
    const collector = createCollector({ nowMs: 0 });
    for (let round = 0; round < rounds; round += 1) {
      for (let nth = 0; nth < rate; nth += 1) record(recorder, random, experiments);
      const { series } = recorder.snapshot(round * 1000, []);
      const startMs = performance.now();
      const body = packTelemetry([{ worker: "0.0", series }]);
      packMs += performance.now() - startMs;
      sizes.push(body.byteLength);
      const mergeFromMs = performance.now();
      const unpacked = unpackTelemetry(body);
      if (!unpacked.ok) throw new Error(unpacked.error);
      for (const one of unpacked.value) collector.addRemote(one.series, round * 1000);
      mergeMs += performance.now() - mergeFromMs;
      if (round % 10 === 9) {
        for (const delta of series) {
          rows += 1;
          rowBytes += encodeHistory(historyOf(delta)).byteLength;
        }
      }
    }
    const kilobytes = sizes.reduce((sum, size) => sum + size, 0) / rounds / 1024;
    console.log(
      `${experiments} experiments, ${rate} requests/s: a part ${kilobytes.toFixed(1)} kB, packed in ${(packMs / rounds).toFixed(2)} ms, merged in ${(mergeMs / rounds).toFixed(2)} ms; ` +
        `history ${rows / 4} rows of ${(rowBytes / rows / 1024).toFixed(1)} kB every 10 s`,
    );
  }
}

function record(
  recorder: ReturnType<typeof createRecorder>,
  chance: () => number,
  experiments: number,
): void {
  const experiment = `experiment-${Math.floor(chance() * experiments)}`;
  const variant = chance() < 0.5 ? "control" : "treatment";
  const route = routes[Math.floor(chance() * routes.length)] as string;
  const key = { experiment, variant, upstream: variant, route, epoch: 1000 };
  const series = recorder.series({ ...key, randomised: false, shadow: false });
  const user = telemetryHash(`user-${Math.floor(chance() * 5000)}`);
  const durationUs = Math.round(Math.exp(10 + 2 * (chance() + chance() + chance() - 1.5)));
  recorder.record(
    ...([series, 0, "POST", 200, durationUs >> 1, durationUs, durationUs, 500, 2000, 0] as const),
    clusterOf(user),
    user,
    true,
  );
}
