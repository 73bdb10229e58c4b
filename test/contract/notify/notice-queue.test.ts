import { describe, expect, it } from "vitest";
import { NoticeQueue } from "../../../src/control/notify/notice-queue.ts";
import type { AlertNotice } from "../../../src/core/alerting/notice.ts";
import { named, noticeOf, over } from "./desk.ts";

/** `a` fires, `-a` is over. */
const read = (word: string) => (word.startsWith("-") ? over(word.slice(1)) : named(word));
const write = ({ alert, status }: AlertNotice) => (status === "firing" ? alert : `-${alert}`);

function queueOf(lengthMax: number, words: string): { queue: NoticeQueue; displaced: string[] } {
  const queue = new NoticeQueue(lengthMax);
  const displaced = words
    .split(" ")
    .map((word) => queue.push(read(word)))
    .filter((notice) => notice !== null)
    .map(write);
  return { queue, displaced };
}

describe("a queue of notices that is full", () => {
  it.each([
    ["a b c", "", "a b c"],
    ["a b c d", "a", "b c d"],
    ["a b -b c", "b", "a -b c"],
    ["a b -a -b", "a", "b -a -b"],
    ["a b c -c", "c", "a b -c"],
    ["-a b c d", "-a", "b c d"],
    ["a -a b -b", "a", "-a b -b"],
    ["-b b a c", "-b", "b a c"],
  ])("of three, after %s, loses «%s»", (words, lost, kept) => {
    const { queue, displaced } = queueOf(3, words);
    expect(displaced.join(" ")).toBe(lost);
    expect(queue.clear().map(write).join(" ")).toBe(kept);
    expect(queue.length).toBe(0);
  });

  it("does not lose what is under way", () => {
    const { queue } = queueOf(3, "a b c");
    expect(queue.hold(1)?.map(write)).toEqual(["a"]);
    expect(queue.push(over("a"))).toEqual(named("b"));
    queue.release();
    expect(queue.clear().map(write)).toEqual(["c", "-a"]);
  });
});

describe("a queue of notices", () => {
  it.each([
    ["a b c", 2, "a b"],
    ["a b -a c", 50, "a b"],
    ["a -a", 50, "a"],
    ["a b", 50, "a b"],
  ])("of %s, hands out at most %d: «%s»", (words, countMax, expected) => {
    const { queue } = queueOf(10, words);
    expect(queue.hold(countMax)?.map(write).join(" ")).toBe(expected);
    queue.release();
    expect(queue.length).toBe(words.split(" ").length - expected.split(" ").length);
  });

  it("hands out nothing when it is empty", () => {
    expect(new NoticeQueue(1).hold(1)).toBeNull();
  });

  it("keeps the newer word of a repetition in the older one's place, but not of what is under way", () => {
    const { queue } = queueOf(10, "a b");
    const newer = noticeOf({ alert: "a", summary: "worse" });
    queue.push(newer);
    expect(queue.hold(1)).toEqual([newer]);
    queue.push(named("a"));
    expect(queue.clear()).toEqual([newer, named("b"), named("a")]);
  });

  it("does not take another time that it fires for a repetition", () => {
    const { queue } = queueOf(10, "a -a");
    queue.push(noticeOf({ alert: "a", startedAtMs: 20_000 }));
    expect(queue.clear().map(write)).toEqual(["a", "-a", "a"]);
  });
});
