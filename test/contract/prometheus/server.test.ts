import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import type { Result } from "../../../src/base/result.ts";
import type { PrometheusValue } from "../../../src/control/prometheus/answer.ts";
import type { PrometheusFault } from "../../../src/control/prometheus/fault.ts";
import { createPrometheusPoller } from "../../../src/control/prometheus/poller.ts";
import type { Measurement } from "../../../src/control/prometheus/poller.ts";
import { createPrometheusClient } from "../../../src/control/prometheus/query.ts";
import type { PrometheusClient } from "../../../src/control/prometheus/query.ts";
import { realClock, realTimers } from "../../../src/main/system.ts";
import { ensurePrometheus, startPrometheus } from "../../support/prometheus.ts";
import type { RealPrometheus } from "../../support/prometheus.ts";
import { startUpstream } from "../../support/upstream.ts";
import type { TestUpstream } from "../../support/upstream.ts";

/** A real Prometheus that scrapes a real server, of whose requests one in ten is bad. */

const command = await ensurePrometheus();
const skipped = command === null ? " (skipped: needs prometheus (Debian package))" : "";

describe.skipIf(command === null)(`Debian's Prometheus${skipped}`, () => {
  let service: TestUpstream;
  let prometheus: RealPrometheus;
  let client: PrometheusClient;

  beforeAll(async () => {
    service = await startUpstream("service");
    service.respond((_request, response) => {
      const scrapes = service.requests.length;
      response.setHeader("content-type", "text/plain; version=0.0.4");
      response.end(
        `requests_total{result="good"} ${scrapes * 90}\nrequests_total{result="bad"} ${scrapes * 10}\n`,
      );
    });
    prometheus = await startPrometheus(command as string, [`127.0.0.1:${service.port}`]);
    client = createClient(prometheus.url);
    await untilValue("rate(requests_total{result='bad'}[10s])");
  });

  afterAll(async () => {
    await prometheus.stop();
    await service.close();
  });

  function createClient(url: string): PrometheusClient {
    return createPrometheusClient({ url, headers: {}, timeoutMs: 5000 }, { timers: realTimers });
  }

  /** Asks again after each scrape, until there is a value. */
  async function untilValue(expression: string): Promise<void> {
    for (;;) {
      const scrapes = service.requests.length;
      if ((await client.query(expression)).ok) return;
      await service.until(scrapes + 1);
    }
  }

  async function faultOf(
    answer: Promise<Result<PrometheusValue, PrometheusFault>>,
  ): Promise<PrometheusFault> {
    const result = await answer;
    if (result.ok) throw new Error(`expected a fault, got ${result.value.value}`);
    return result.error;
  }

  it.each([
    ["up", 1],
    ["sum(rate(requests_total{result='bad'}[10s])) / sum(rate(requests_total[10s]))", 0.1],
    ["scalar(up) + 41", 42],
    ["count(requests_total)", 2],
    ["1.5e+09 * up", 1_500_000_000],
    ["-up / 1e9", -1e-9],
  ])("%s is %d", async (expression, expected) => {
    const answer = await client.query(expression);
    expect(answer).toEqual({ ok: true, value: { value: expect.closeTo(expected, 12) as unknown } });
  });

  it.each([
    ["up == 2", "no_data", "no series matches the query"],
    ["missing_total", "no_data", "no series matches the query"],
    ["0 * up / 0", "no_data", "answers with NaN"],
    ["1 / 0", "no_data", "answers with +Inf"],
    ["-up / 0", "no_data", "answers with -Inf"],
    ["requests_total", "many_series", "2 series"],
    ["requests_total[10s]", "bad_query", "with a matrix"],
    ["'text'", "bad_query", "with a string"],
    ["sum(", "bad_query", "parse error"],
    ["", "bad_query", "Prometheus does not take the query"],
    ["up * on() requests_total", "bad_query", "duplicate series"],
  ])("%s is %s", async (expression, code, message) => {
    const fault = await faultOf(client.query(expression));
    expect(fault.code).toBe(code);
    expect(fault.message).toContain(message);
  });

  test("its address without its path is not Prometheus", async () => {
    const { origin } = new URL(prometheus.url);
    const { code, message } = await faultOf(createClient(origin).query("up"));
    expect(code).toBe("not_prometheus");
    expect(message).toContain("status 404");
  });

  test("a query is polled while it runs, and is an error once it is gone", async () => {
    let look = () => {};
    const told: PrometheusClient = {
      query: (expression, signal) =>
        client.query(expression, signal).finally(() => setImmediate(() => look())),
    };
    const poller = createPrometheusPoller([{ name: "up", expression: "up", everyMs: 1000 }], {
      clock: realClock,
      timers: realTimers,
      client: told,
    });
    const until = async (kind: Measurement["kind"]) => {
      while (poller.latest("up").kind !== kind) {
        await new Promise<void>((resolve) => (look = resolve));
      }
    };
    await until("value");
    expect(poller.latest("up")).toMatchObject({ kind: "value", value: 1, n: 1 });
    await prometheus.stop();
    await until("error");
    expect(poller.latest("up")).toMatchObject({
      consecutive: 1,
      reason: expect.stringContaining(
        `${new URL(prometheus.url).origin} gives no answer: connect ECONNREFUSED`,
      ) as unknown,
    });
    await poller.stop();
  });
});
