import type { LoadEndpoint, LoadPlan } from "../../core/load/plan.ts";
import type { DataLine, TemplateValues } from "../../core/load/template.ts";
import type { Uniform } from "../../core/statistics/random.ts";
import type { OutgoingRequest } from "./attempt.ts";

/** Writes requests: chooses an endpoint by its weight and fills in the gaps. */
export class RequestWriter {
  readonly #endpoints: readonly EndpointWriter[];
  readonly #random: Uniform;
  readonly #weights: number;
  readonly #userPool: number;
  #written = 0;

  constructor({ endpoints, userPool }: LoadPlan, random: Uniform) {
    this.#endpoints = endpoints.map((endpoint) => new EndpointWriter(endpoint));
    this.#weights = endpoints.reduce((sum, { weight }) => sum + weight, 0);
    this.#userPool = userPool;
    this.#random = random;
  }

  /** `user` is the number of a closed model's user, from 1; null draws one. */
  write(user: number | null): { readonly endpoint: number; readonly request: OutgoingRequest } {
    const endpoint = this.#choose();
    const number = user ?? 1 + Math.floor(this.#random() * this.#userPool);
    const values = {
      user: `user-${String(number).padStart(4, "0")}`,
      request: this.#written,
      random: this.#random,
    };
    this.#written += 1;
    return { endpoint, request: (this.#endpoints[endpoint] as EndpointWriter).write(values) };
  }

  #choose(): number {
    if (this.#endpoints.length === 1) return 0;
    let left = this.#random() * this.#weights;
    for (const [at, { weight }] of this.#endpoints.entries()) {
      left -= weight;
      if (left < 0) return at;
    }
    return this.#endpoints.length - 1;
  }
}

class EndpointWriter {
  readonly weight: number;
  readonly #endpoint: LoadEndpoint;
  /** What is the same for every request is made once. */
  readonly #constant: OutgoingRequest | null;
  #next = 0;

  constructor(endpoint: LoadEndpoint) {
    this.weight = endpoint.weight;
    this.#endpoint = endpoint;
    const { path, headers, body } = endpoint;
    const texts = [path.constant, ...headers.map(([, value]) => value.constant)];
    const isConstant = texts.every((text) => text !== null) && body?.constant !== null;
    this.#constant = isConstant ? this.#render(noValues) : null;
  }

  write(values: Omit<TemplateValues, "line">): OutgoingRequest {
    return this.#constant ?? this.#render({ ...values, line: this.#line(values.random) });
  }

  #render(values: TemplateValues): OutgoingRequest {
    const { method, path, headers, body } = this.#endpoint;
    const constant = body?.constant ?? null;
    return {
      method,
      path: path.render(values),
      headers: headers.flatMap(([name, value]) => [name, value.render(values)]),
      body: constant === null ? (body?.render(values) ?? null) : Buffer.from(constant),
    };
  }

  #line(random: Uniform): DataLine | null {
    const { lines, lineOrder } = this.#endpoint;
    if (lines === null) return null;
    if (lineOrder === "random") return lines[Math.floor(random() * lines.length)] ?? null;
    const line = lines[this.#next] ?? null;
    this.#next = (this.#next + 1) % lines.length;
    return line;
  }
}

const noValues: TemplateValues = { user: "", request: 0, line: null, random: () => 0 };
