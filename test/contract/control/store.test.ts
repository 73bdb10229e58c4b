import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  appendEntriesMax,
  factsCharactersMax,
  journalReadMax,
  stateCharactersMax,
  type JournalQuery,
} from "../../../src/control/store/store.ts";
import type { JsonValue } from "../../../src/core/experiment/policy.ts";
import { useStoreKinds } from "../../support/store-kinds.ts";
import { entryOf, faultCode, stateOf, valueOf } from "../../support/store.ts";

describe.each(useStoreKinds())("$name", ({ isThere, newPlace }) => {
  describe.skipIf(!isThere)("is a store", () => {
    const open = async () => (await newPlace()).open();

    describe("the journal and the states", () => {
      test("are there again after closing and opening", async () => {
        const place = await newPlace();
        const store = place.open();
        expect(valueOf(store.append([], []))).toBe(0);
        expect(valueOf(store.append([entryOf(), entryOf({ kind: "paused" })], [stateOf()]))).toBe(
          2,
        );
        store.close();
        const again = place.open();
        expect(valueOf(again.read({}))).toEqual([
          { ...entryOf(), sequence: 1 },
          { ...entryOf({ kind: "paused" }), sequence: 2 },
        ]);
        expect(valueOf(again.states("rollout"))).toMatchObject([
          { subject: "models", state: { kind: "holding" }, sequence: 2 },
        ]);
        expect(valueOf(again.append([entryOf()], []))).toBe(3);
      });

      test("any text and any JSON comes back as it was", async () => {
        const store = await open();
        const text = fc.string({ unit: "grapheme", maxLength: 30 });
        fc.assert(
          fc.property(
            text,
            text,
            text,
            fc.jsonValue({ noUnicodeString: false }),
            (a, b, c, json) => {
              // JSON knows no -0.
              const facts = JSON.parse(JSON.stringify(json)) as JsonValue;
              const entry = entryOf({ actor: a, subject: b, kind: c, facts });
              const sequence = valueOf(store.append([entry], []));
              expect(valueOf(store.read({ afterSequence: sequence - 1 }))).toEqual([
                { ...entry, sequence },
              ]);
            },
          ),
        );
      });

      test("a state is replaced, is told apart by scope and subject, and goes when it is null", async () => {
        const store = await open();
        valueOf(
          store.append(
            [entryOf()],
            [stateOf(), stateOf({ scope: "alert" }), stateOf({ subject: "b" })],
          ),
        );
        const sequence = valueOf(
          store.append(
            [entryOf()],
            [stateOf({ state: [1] }), stateOf({ subject: "b", state: null })],
          ),
        );
        expect(valueOf(store.states("rollout"))).toMatchObject([
          { subject: "models", state: [1], sequence },
        ]);
        expect(valueOf(store.states("alert"))).toHaveLength(1);
        expect(valueOf(store.states("config"))).toEqual([]);
      });

      test("a value without JSON changes nothing", async () => {
        const store = await open();
        const circular: Record<string, JsonValue> = {};
        circular["self"] = circular;
        expect(() => store.append([entryOf(), entryOf({ facts: circular })], [])).toThrow(
          TypeError,
        );
        // A time that is not whole is a bug as well, found by the database in the middle of the transaction. A server's
        // refusal is a fault.
        expect(() => valueOf(store.append([entryOf(), entryOf({ atMs: 0.5 })], []))).toThrow(
          /cannot store REAL|^io: .* SQLSTATE 22P02 \(invalid input syntax for type bigint/,
        );
        expect(valueOf(store.read({}))).toEqual([]);
        expect(valueOf(store.append([entryOf()], []))).toBe(1);
      });
    });

    describe("reading the journal", () => {
      test("gives what is asked for, 100 entries unless told, and 1000 at most", async () => {
        const store = await open();
        const entries = Array.from({ length: 1200 }, (_, before) => {
          const at = before + 1;
          return entryOf({ subject: `s${at % 2}`, ...(at % 3 === 0 && { scope: "alert" }) });
        });
        valueOf(store.append(entries.slice(0, 700), []));
        valueOf(store.append(entries.slice(700), []));
        const sequences = (query: JournalQuery) =>
          valueOf(store.read(query)).map(({ sequence }) => sequence);
        const table: readonly (readonly [JournalQuery, readonly number[]])[] = [
          [{ limit: 3 }, [1, 2, 3]],
          [{ limit: 3, newestFirst: true }, [1200, 1199, 1198]],
          [{ limit: 2, newestFirst: true, beforeSequence: 1199 }, [1198, 1197]],
          [{ afterSequence: 1198 }, [1199, 1200]],
          [{ afterSequence: 1200 }, []],
          [{ scope: "alert", limit: 3 }, [3, 6, 9]],
          [{ subject: "s0", limit: 3 }, [2, 4, 6]],
          [{ subject: "s0", scope: "alert", afterSequence: 6, limit: 2 }, [12, 18]],
          [{ limit: 0 }, [1]],
        ];
        for (const [query, expected] of table)
          expect([query, sequences(query)]).toEqual([query, expected]);
        expect(sequences({})).toHaveLength(100);
        expect(sequences({ limit: 5000 })).toHaveLength(journalReadMax);
        expect(sequences({ limit: journalReadMax, afterSequence: 1000 })).toHaveLength(200);
      });

      test("finds all that is about an experiment, and nothing of others", async () => {
        const store = await open();
        const written = [
          ["rollout", "models"],
          ["experiment", "models"],
          ["alert", "rollback/models"],
          ["alert", "guardrail/models/error_rate"],
          ["alert", "rollback/models2"],
          ["config", "models"],
          ["rollout", "models/2"],
        ] as const;
        valueOf(
          store.append(
            written.map(([scope, subject]) => entryOf({ scope, subject })),
            [],
          ),
        );
        const found = valueOf(store.read({ about: "models" }));
        expect(found.map(({ scope, subject }) => [scope, subject])).toEqual(written.slice(0, 4));
      });
    });

    describe("limits of one append", () => {
      test.each([
        ["entries", Array.from({ length: appendEntriesMax + 1 }, () => entryOf()), []],
        ["facts", [entryOf(), entryOf({ facts: "x".repeat(factsCharactersMax - 1) })], []],
        ["a state", [entryOf()], [stateOf({ state: "x".repeat(stateCharactersMax - 1) })]],
      ] as const)("%s: one more than the limit is refused whole", async (_, entries, states) => {
        const store = await open();
        expect(faultCode(store.append(entries, states))).toBe("too_large");
        expect(valueOf(store.read({}))).toEqual([]);
      });

      test("at the limits it is taken", async () => {
        const store = await open();
        const entries = Array.from({ length: appendEntriesMax }, () => entryOf());
        expect(valueOf(store.append(entries, []))).toBe(appendEntriesMax);
        const facts = "x".repeat(factsCharactersMax - 2);
        const state = "x".repeat(stateCharactersMax - 2);
        valueOf(store.append([entryOf({ facts })], [stateOf({ state })]));
      });
    });

    describe("a store", () => {
      test("that is closed says so, and can be closed again", async () => {
        const store = await open();
        store.close();
        store.close();
        expect([
          faultCode(store.append([entryOf()], [])),
          faultCode(store.states("rollout")),
          faultCode(store.rollUp(0)),
        ]).toEqual(["io", "io", "io"]);
      });
    });
  });
});
