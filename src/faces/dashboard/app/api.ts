/** Requests to the admin API. The token travels in a header only, never in an address. */

/** Why a request failed, in words for the reader. */
export class ApiError extends Error {
  /** The problem document's code, such as `unknown_experiment`; `unreachable` where nobody answered. */
  readonly code: string;
  /** Null where nobody answered. */
  readonly status: number | null;
  /** What else the problem document says, such as the issues of a configuration. */
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    status: number | null,
    message: string,
    problem: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.problem = problem;
  }
}

export type Api = {
  /** JSON of `v1/…`; rejects with an ApiError. */
  get<Body>(path: string, query?: Query, signal?: AbortSignal): Promise<Body>;
  /** Sends JSON and reads JSON; rejects with an ApiError. */
  post<Body>(path: string, body: unknown): Promise<Body>;
  /**
   * Any other request, such as a text with If-Match; rejects with an ApiError unless it succeeded. `withinMs`: how long
   * it may take, 20 s where it is missing.
   */
  send(path: string, init: RequestInit, withinMs?: number): Promise<Response>;
};

export type Query = Readonly<Record<string, string | number | undefined>>;

export type ApiOptions = {
  /** Where the admin port is, ending in `/`. */
  readonly base: string;
  readonly token: () => string | null;
  readonly fetch: typeof fetch;
  /** Called with a 401, whoever asked. */
  readonly refused: () => void;
};

const answerWithinMs = 20_000;

export function createApi(options: ApiOptions): Api {
  async function send(
    path: string,
    init: RequestInit,
    withinMs = answerWithinMs,
  ): Promise<Response> {
    const token = options.token();
    const headers = new Headers(init.headers);
    if (token !== null) headers.set("authorization", `Bearer ${token}`);
    const limit = AbortSignal.timeout(withinMs);
    const signal = init.signal ? AbortSignal.any([init.signal, limit]) : limit;
    let response: Response;
    try {
      response = await options.fetch(new URL(path, options.base), {
        ...init,
        headers,
        signal,
        credentials: "omit",
        cache: "no-store",
        redirect: "error",
      });
    } catch (error) {
      // Given up by the page itself: nobody is waiting for words.
      if (init.signal?.aborted === true) throw error;
      const words = limit.aborted
        ? `Sluice did not answer within ${withinMs / 1000} seconds.`
        : "Sluice cannot be reached. It may be restarting, or the network may be down.";
      throw new ApiError("unreachable", null, words, {}, { cause: error });
    }
    if (response.ok) return response;
    if (response.status === 401) options.refused();
    throw await errorOf(response);
  }

  async function json<Body>(path: string, init: RequestInit): Promise<Body> {
    const response = await send(path, init);
    try {
      return (await response.json()) as Body;
    } catch (error) {
      if (init.signal?.aborted === true) throw error;
      const words = "What answered is not Sluice, or its answer broke off.";
      throw new ApiError("bad_answer", response.status, words, {}, { cause: error });
    }
  }

  return {
    send,
    get: (path, query, signal) =>
      json(`${path}${describeQuery(query)}`, signal === undefined ? {} : { signal }),
    post: (path, body) =>
      json(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
  };
}

/** What went wrong, as a sentence for the reader, whatever was thrown. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function errorOf(response: Response): Promise<ApiError> {
  let problem: Record<string, unknown> = {};
  try {
    problem = (await response.json()) as Record<string, unknown>;
  } catch {
    // The status says enough.
  }
  const { code, title, detail } = problem;
  const words = [title, detail].filter((part) => typeof part === "string" && part !== "");
  return new ApiError(
    typeof code === "string" ? code : `http_${response.status}`,
    response.status,
    words.length === 0 ? `Sluice answered ${response.status}.` : words.join(": "),
    problem,
  );
}

function describeQuery(query: Query | undefined): string {
  const fields = Object.entries(query ?? {}).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return fields.length === 0 ? "" : `?${new URLSearchParams(fields).toString()}`;
}
