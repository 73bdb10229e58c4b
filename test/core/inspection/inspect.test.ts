import { describe, expect, it } from "vitest";
import { createDimensionMemory } from "../../../src/core/inspection/dimension.ts";
import { readerNames, type AnswerFacts } from "../../../src/core/inspection/facts.ts";
import {
  beginInspection,
  inspectionLimits,
  type Inspection,
} from "../../../src/core/inspection/inspect.ts";
import { createRandom } from "../../../src/core/statistics/random.ts";
import { knownAnswers, type KnownAnswer } from "./answers.ts";

type Head = Partial<Pick<KnownAnswer, "mediaType" | "fields">> & {
  readonly reader: KnownAnswer["reader"];
  readonly status?: number;
  readonly isEncoded?: boolean;
};

function begin(head: Head, limits = inspectionLimits): Inspection {
  const { reader, mediaType = null, fields = {}, status = 200, isEncoded = false } = head;
  const inspection = beginInspection(
    reader,
    { status, mediaType, isEncoded, header: (name) => fields[name] ?? null },
    { memory: createDimensionMemory(), key: "" },
    limits,
  );
  if (inspection === null) throw new Error("nothing to inspect");
  return inspection;
}

function latin1(body: string): string {
  return Buffer.from(body, "utf8").toString("latin1");
}

function feed(inspection: Inspection, piece: string): void {
  inspection.feed(Buffer.from(piece, "latin1"));
}

function read(answer: Head, pieces: readonly string[], whole = true): AnswerFacts {
  const inspection = begin(answer);
  for (const piece of pieces) feed(inspection, piece);
  return inspection.end(whole);
}

function wanted({ failure, tokensIn, tokensOut, dimension, handle, says }: KnownAnswer) {
  return {
    failure,
    tokensIn: tokensIn ?? null,
    tokensOut: tokensOut ?? null,
    dimension: dimension ?? null,
    handle: handle ?? null,
    status: says ?? null,
  };
}

describe("what answers say", () => {
  it.each(knownAnswers.map((answer) => [answer.what, answer] as const))("%s", (_, answer) => {
    const inspection = begin(answer);
    feed(inspection, latin1(answer.body));
    expect(inspection.hasToken()).toBe(answer.hasToken ?? false);
    expect(inspection.end(true)).toEqual(wanted(answer));
    expect(inspection.unread()).toBeNull();
  });

  it("covers every reader", () => {
    expect(new Set(knownAnswers.map(({ reader }) => reader))).toEqual(new Set(readerNames));
  });
});

describe("any cut", () => {
  it.each(knownAnswers.map((answer) => [answer.what, answer] as const))(
    "%s: in two pieces at every byte it says the same; broken off there it throws nothing",
    (_, answer) => {
      const body = latin1(answer.body);
      const mistaken: number[] = [];
      for (let at = 0; at <= body.length; at += 1) {
        const facts = read(answer, [body.slice(0, at), body.slice(at)]);
        if (JSON.stringify(facts) !== JSON.stringify(wanted(answer))) mistaken.push(at);
        const broken = read(answer, [body.slice(0, at)], false);
        // A body that broke off is a truncated exchange, not a malformed answer.
        if (broken.failure === "malformed" && answer.failure !== "malformed") mistaken.push(at);
        read(answer, [body.slice(0, at)], true);
      }
      expect(mistaken).toEqual([]);
    },
  );

  it("every answer, byte by byte", () => {
    for (const answer of knownAnswers) {
      expect(read(answer, latin1(answer.body).split(""))).toEqual(wanted(answer));
    }
  });
});

describe("random bodies", () => {
  it("make no reader throw", () => {
    const random = createRandom(20_260_101);
    const parts = knownAnswers.flatMap(({ body }) => latin1(body).match(/.{1,9}/gs) ?? []);
    const shapes = ["application/json", "application/x-ndjson", "text/event-stream", null];
    let failures = 0;
    for (let turn = 0; turn < 4_000; turn += 1) {
      const reader = readerNames[turn % readerNames.length] as KnownAnswer["reader"];
      const mediaType = shapes[Math.floor(random() * shapes.length)] as string;
      const pieces = Array.from({ length: 1 + Math.floor(random() * 30) }, () =>
        random() < 0.2
          ? String.fromCharCode(Math.floor(random() * 256))
          : (parts[Math.floor(random() * parts.length)] as string),
      );
      const facts = read({ reader, mediaType }, pieces, random() < 0.5);
      if (facts.failure !== null) failures += 1;
    }
    expect(failures).toBeGreaterThan(100);
  });
});

describe("what is passed over", () => {
  it("an error, a 204 and a 304 are told by their status", () => {
    for (const status of [204, 304, 400, 503]) {
      const head = { status, mediaType: null, isEncoded: false, header: () => null };
      const check = { memory: createDimensionMemory(), key: null };
      expect(beginInspection("openai_embeddings", head, check)).toBeNull();
    }
  });

  it("a body in another form, as vLLM's bytes, is no failure", () => {
    const inspection = begin({
      reader: "openai_embeddings",
      mediaType: "application/octet-stream",
    });
    feed(inspection, "\u0000\u0001");
    expect(inspection.end(true).failure).toBeNull();
    expect(inspection.unread()).toBe("not_json");
  });

  it("an encoded body is no failure, and its head still counts tokens", () => {
    const inspection = begin({
      reader: "tei_embed",
      mediaType: "application/json",
      isEncoded: true,
      fields: { "x-compute-tokens": "12" },
    });
    feed(inspection, "\u001f\u008b");
    expect(inspection.end(true)).toMatchObject({ failure: null, tokensIn: 12 });
    expect(inspection.unread()).toBe("encoded");
  });

  it.each([
    [40, null],
    [39, "too_large"],
  ])("a body of 40 characters where %i are read: %s", (bodyCharsMax, reason) => {
    const inspection = begin(
      { reader: "lightrag_query", mediaType: "application/json" },
      { ...inspectionLimits, bodyCharsMax },
    );
    const body = `{"response":"x","llm_generated":false  }`;
    expect(body).toHaveLength(40);
    feed(inspection, body.slice(0, 20));
    feed(inspection, body.slice(20));
    expect(inspection.end(true).failure).toBe(reason === null ? "not_generated" : null);
    expect(inspection.unread()).toBe(reason);
  });

  it.each([
    [19, null],
    [18, "too_large"],
  ])("a line of 19 characters where %i are read: %s", (lineCharsMax, reason) => {
    const inspection = begin(
      { reader: "ollama_generate", mediaType: "application/x-ndjson" },
      { ...inspectionLimits, lineCharsMax },
    );
    const line = `{"done":true,"a":1}`;
    expect(line).toHaveLength(19);
    for (const piece of [line.slice(0, 7), line.slice(7), "\n"]) feed(inspection, piece);
    // A stream of which a line was passed over is not held to have no end.
    expect(inspection.end(true).failure).toBeNull();
    expect(inspection.unread()).toBe(reason);
  });
});
