import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noFacts, type FailureReason } from "../../../src/core/inspection/facts.ts";
import { readEmbeddings } from "../../../src/core/inspection/embedding-answer.ts";
import { VectorSkeleton } from "../../../src/core/inspection/vector-skeleton.ts";
import { base64Of } from "./answers.ts";

function skeletonOf(body: string, cuts: readonly number[] = [], charsMax = 2 ** 20) {
  const skeleton = new VectorSkeleton(charsMax, true);
  const bytes = Buffer.from(body);
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length];
  let from = 0;
  for (const end of ends.toSorted((one, other) => one - other)) {
    skeleton.feed(bytes.subarray(from, end));
    from = end;
  }
  return skeleton;
}

/** The document again, as far as the skeleton has it. */
function restore(value: unknown, { runs, cuts }: VectorSkeleton): unknown {
  if (Array.isArray(value)) {
    const [first] = value as readonly unknown[];
    if (typeof first === "number") return { run: runs[first] };
    return value.map((item) => restore(item, { runs, cuts } as VectorSkeleton));
  }
  if (typeof value === "string") {
    const mark = value.indexOf("\u0000");
    if (mark === -1) return value;
    return { chars: mark + (cuts[Number(value.slice(mark + 1))]?.chars ?? 0) };
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => {
    return [key, restore(item, { runs, cuts } as VectorSkeleton)];
  });
  return Object.fromEntries(entries) as unknown;
}

/** What the skeleton is to have of a document. */
function expected(value: unknown): unknown {
  if (Array.isArray(value)) {
    const [first] = value as readonly unknown[];
    if (typeof first === "number" || first === null) {
      return { run: { isBad: value.includes(null), length: value.length } };
    }
    return value.map((item) => expected(item));
  }
  if (typeof value === "string")
    return value.length >= 64 && !/^.{0,63}["\\\u0000-\u001f]/s.test(value)
      ? { chars: value.length }
      : value;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, expected(item)]);
  return Object.fromEntries(entries) as unknown;
}

const plain = fc.stringMatching(/^[a-zA-Z0-9+/=[\]{},: -]{0,200}$/);
const escaped = fc
  .tuple(fc.stringMatching(/^["\\\n\u0001é]{1,9}$/), fc.stringMatching(/^["\\a[ ]{0,40}$/))
  .map(([one, other]) => one + other);
const numbers = fc.array(
  fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer()),
  {
    minLength: 1,
    maxLength: 20,
  },
);
const { document } = fc.letrec((tie) => ({
  document: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(true, null, 1.5),
    plain,
    escaped,
    numbers,
    numbers.map((values) => [null, values].flat()),
    fc.array(fc.oneof(plain, tie("object")), { maxLength: 4 }),
    tie("object"),
  ),
  object: fc.dictionary(fc.stringMatching(/^[a-z_]{1,12}$/), tie("document"), { maxKeys: 5 }),
}));

describe("the skeleton of an answer", () => {
  it("of any document, in any pieces and with any spaces, is the document without its numbers and long strings", () => {
    fc.assert(
      fc.property(
        document,
        fc.constantFrom(0, 1, 4),
        fc.array(fc.nat(), { maxLength: 8 }),
        (value, spaces, cuts) => {
          fc.pre(typeof value === "object" && value !== null);
          const skeleton = skeletonOf(JSON.stringify({ value }, null, spaces), cuts);
          const again: unknown = JSON.parse(skeleton.text);
          expect(restore(again, skeleton)).toEqual(
            // What is not ASCII is bytes.
            restore(
              JSON.parse(Buffer.from(JSON.stringify(expected({ value }))).toString("latin1")),
              skeleton,
            ),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it("of a long string with quotes behind its 64th character ends where the string does", () => {
    const text = `${"a".repeat(70)}"\\"\\\\" []`;
    const body = JSON.stringify({ text, embedding: [1, 2] });
    for (let cut = 0; cut <= body.length; cut += 1) {
      const skeleton = skeletonOf(body, [cut]);
      expect(JSON.parse(skeleton.text)).toEqual({
        text: `${"a".repeat(64)}\u00000`,
        embedding: [0],
      });
      expect(skeleton.cuts).toEqual([
        { chars: JSON.stringify(text).length - 66, text: expect.any(String) },
      ]);
    }
  });

  it("is no more than may be kept, and then nothing", () => {
    const body = `{"embeddings":[${"[0.25],".repeat(9)}[0.25]]}`;
    const { length } = skeletonOf(body).text;
    expect(skeletonOf(body, [], length)).toMatchObject({ isTooLarge: false });
    const large = skeletonOf(body, [], length - 1);
    expect(large).toMatchObject({ isTooLarge: true, text: "" });
  });
});

describe("an answer that is not parsed", () => {
  const vector = fc.constantFrom(
    "[0.5]",
    "[1,-2e-3]",
    "[]",
    "[ ]",
    "null",
    "[NaN]",
    "[1,null]",
    `""`,
    `{}`,
  );
  const item = fc.oneof(
    { weight: 3, arbitrary: vector.map((one) => `{"index":0,"embedding":${one}}`) },
    vector,
    fc.constantFrom(`{"embedding":{"float":[1]}}`, `{}`, `[[1],[2]]`),
  );
  const usage = fc.constantFrom(
    `{"prompt_tokens":7,"total_tokens":9}`,
    `{"prompt_tokens" : 7}`,
    `{"prompt_tokens":null,"total_tokens":9,"details":null}`,
    `{"total_tokens":-1}`,
    `[null]`,
    `null`,
  );
  const members = fc.uniqueArray(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.array(item, { maxLength: 3 }).map((list) => `"data":[${list.join()}]`),
      },
      fc.array(vector, { maxLength: 3 }).map((list) => `"embeddings":[${list.join()}]`),
      vector.map((one) => `"embedding":${one}`),
      { weight: 3, arbitrary: usage.map((one) => `"usage":${one}`) },
      fc.constantFrom(
        `"error":"full"`,
        `"id":"x\\"y"`,
        `"model":"m"`,
        `"prompt_eval_count":3`,
        `"n":[1,2]`,
      ),
    ),
    { minLength: 1, maxLength: 4, selector: (member) => member.split(":", 1)[0] },
  );
  const bodies = fc.oneof(
    members.map((list) => `{${list.join()}}`),
    fc.array(vector, { maxLength: 3 }).map((list) => `[${list.join()}]`),
  );
  const read = (body: string) => {
    const skeleton = new VectorSkeleton(2 ** 20, false);
    skeleton.feed(Buffer.from(body));
    const into = { ...noFacts, hasToken: false, isComplete: false };
    readEmbeddings(skeleton, into);
    return { failure: into.failure, tokensIn: into.tokensIn };
  };

  it("says what the same one says when it is", () => {
    fc.assert(
      // A space before it is reason enough to parse.
      fc.property(bodies, (body) => {
        expect(read(body)).toEqual(read(` ${body}`));
      }),
      { numRuns: 3000 },
    );
  });
});

describe("what it says of vectors", () => {
  const read = (body: string) => {
    const into = { ...noFacts, hasToken: false, isComplete: false };
    readEmbeddings(skeletonOf(body), into);
    return [into.failure, into.dimension];
  };
  const long = Array.from({ length: 96 }, (_, at) => at / 7);
  const cases: readonly [string, string, FailureReason | null, number | null][] = [
    [
      "base64 longer than what is kept",
      JSON.stringify({ data: [{ embedding: base64Of(...long) }] }),
      null,
      96,
    ],
    [
      "NaN far behind in base64",
      JSON.stringify({ data: [{ embedding: base64Of(...long, Number.NaN) }] }),
      "not_a_number",
      97,
    ],
    [
      "long text that is no base64",
      JSON.stringify({ data: [{ embedding: "?".repeat(200) }] }),
      "malformed",
      null,
    ],
    [
      "vectors of one batch of different lengths",
      JSON.stringify({ embeddings: [[1, 2], [1]] }),
      "wrong_dimension",
      2,
    ],
    [
      "the same in base64",
      JSON.stringify({
        data: [long, [...long, 1, 2, 3]].map((one) => ({ embedding: base64Of(...one) })),
      }),
      "wrong_dimension",
      96,
    ],
    ["null instead of a vector", `{"data":[{"embedding":null}]}`, "empty_embedding", 0],
    ["null among vectors", `{"embeddings":[[1,2],null]}`, "empty_embedding", 2],
    ["Infinity", `{"embeddings":[[1,-Infinity]]}`, "not_a_number", 2],
    ["a batch of which the end is missing", `{"embeddings":[[1,2],[1,2`, "malformed", null],
    ["numbers that stand elsewhere", `{"usage":{"by_input":[null,4]},"embedding":[1,2]}`, null, 2],
    [
      "a text that speaks of NaN and []",
      `{"texts":["NaN, [] and null"],"embeddings":[[1]]}`,
      null,
      1,
    ],
    ["an error beside no vector", `{"embeddings":[],"error":"full"}`, "error_in_body", null],
  ];
  it.each(cases)("%s", (_, body, failure, dimension) => {
    expect(read(body)).toEqual([failure, dimension]);
  });

  it("a batch of many megabytes is read whole", () => {
    const vector = `[${Array.from({ length: 1024 }, () => "-0.0123456789").join(",")}]`;
    const body = `{"embeddings":[${`${vector},`.repeat(199)}[]],"prompt_eval_count":9}`;
    expect(body.length).toBeGreaterThan(2.5e6);
    expect(read(body)).toEqual(["empty_embedding", 1024]);
  });
});
