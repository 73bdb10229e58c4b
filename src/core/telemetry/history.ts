import { err, ok, type Result } from "../../base/result.ts";
import { outcomes } from "../traffic/outcome.ts";
import { ByteReader, ByteWriter } from "./byte-stream.ts";
import { addPackedClusters, clusterCount, createClusterSums, packClusters } from "./clusters.ts";
import { DistinctUsers, type DistinctDelta } from "./distinct.ts";
import { mergeCounts, type SparseCounts } from "./latency.ts";
import type { SeriesDelta } from "./snapshot.ts";

/**
 * What a series did in a stretch of time, for the store. Everything adds up, so that six stretches of ten
 * seconds make the minute, and the sum over all of an epoch is what the collector had counted.
 */
export type HistoryTotals = {
  /** In the order of `outcomes`. */
  readonly outcomes: readonly number[];
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly retries: number;
  /** Enrolled exchanges; everything below counts those only. */
  readonly analysed: number;
  readonly analysedOutcomes: readonly number[];
  /** Microseconds. */
  readonly duration: SparseCounts;
  readonly firstByte: SparseCounts;
  /** See packClusters. */
  readonly clusters: Float64Array;
  /**
   * Users whom a worker had not reported before: summed from a worker's start it is its users, but one
   * stretch is not who was active in it. Hashes are in rising order.
   */
  readonly users: DistinctDelta | null;
  readonly failingUsers: DistinctDelta | null;
  /** By name, packed; x is the metric's value. */
  readonly metrics: Readonly<Record<string, Float64Array>>;
  /** Why answers were bad ones: counts by FailureReason. */
  readonly failures: Readonly<Record<string, number>>;
};

/** More users than these are kept as a sketch, which then takes less room than their hashes. */
export const historyUsersExactMax = 512;

const formatVersion = 2;
/** Before there were metrics. */
const formatWithoutMetrics = 1;

export function historyOf(delta: SeriesDelta): HistoryTotals {
  const { bytesIn, bytesOut, retries, analysed, duration, firstByte, clusters } = delta;
  return {
    outcomes: delta.outcomes,
    bytesIn,
    bytesOut,
    retries,
    analysed,
    analysedOutcomes: delta.analysedOutcomes,
    duration,
    firstByte,
    clusters,
    users: uniteUsers(delta.users, null),
    failingUsers: uniteUsers(delta.failingUsers, null),
    metrics: delta.metrics,
    failures: delta.failures,
  };
}

/** The sum; neither argument changes. */
export function addHistoryTotals(left: HistoryTotals, right: HistoryTotals): HistoryTotals {
  return {
    outcomes: addEach(left.outcomes, right.outcomes),
    bytesIn: left.bytesIn + right.bytesIn,
    bytesOut: left.bytesOut + right.bytesOut,
    retries: left.retries + right.retries,
    analysed: left.analysed + right.analysed,
    analysedOutcomes: addEach(left.analysedOutcomes, right.analysedOutcomes),
    duration: mergeCounts(left.duration, right.duration),
    firstByte: mergeCounts(left.firstByte, right.firstByte),
    clusters: addClusters(left.clusters, right.clusters),
    users: uniteUsers(left.users, right.users),
    failingUsers: uniteUsers(left.failingUsers, right.failingUsers),
    metrics: addByName(left.metrics, right.metrics, addClusters),
    failures: addByName(left.failures, right.failures, (one, other) => one + other),
  };
}

/**
 * A few bytes for each counter that is not 0: histograms as pairs of an index's distance and its count,
 * hashes as distances, registers of a sketch in five bits each.
 */
export function encodeHistory(totals: HistoryTotals): Uint8Array {
  const writer = new ByteWriter();
  writer.byte(formatVersion);
  writeNumbers(writer, totals.outcomes);
  writer.unsigned(totals.bytesIn);
  writer.unsigned(totals.bytesOut);
  writer.unsigned(totals.retries);
  writer.unsigned(totals.analysed);
  writeNumbers(writer, totals.analysedOutcomes);
  writeCounts(writer, totals.duration);
  writeCounts(writer, totals.firstByte);
  writeClusters(writer, totals.clusters);
  writeUsers(writer, totals.users);
  writeUsers(writer, totals.failingUsers);
  writeByName(writer, totals.metrics, (packed) => writeClusters(writer, packed));
  writeByName(writer, totals.failures, (count) => writer.unsigned(count));
  return writer.bytes();
}

/** Reads what encodeHistory wrote; for anything else, why it is not that. */
export function decodeHistory(bytes: Uint8Array): Result<HistoryTotals, string> {
  const reader = new ByteReader(bytes);
  const version = reader.byte();
  if (version !== formatVersion && version !== formatWithoutMetrics)
    return err(`history of an unknown format (${version})`);
  const isWithoutMetrics = version === formatWithoutMetrics;
  const totals: HistoryTotals = {
    outcomes: readNumbers(reader),
    bytesIn: reader.unsigned(),
    bytesOut: reader.unsigned(),
    retries: reader.unsigned(),
    analysed: reader.unsigned(),
    analysedOutcomes: readNumbers(reader),
    duration: readCounts(reader),
    firstByte: readCounts(reader),
    clusters: readClusters(reader),
    users: readUsers(reader),
    failingUsers: readUsers(reader),
    metrics: isWithoutMetrics ? {} : readByName(reader, () => readClusters(reader)),
    failures: isWithoutMetrics ? {} : readByName(reader, () => reader.unsigned()),
  };
  return reader.failed || reader.left > 0 ? err("history that is damaged") : ok(totals);
}

/** The encoding of the sum of what two encodings hold. */
export function mergeHistory(left: Uint8Array, right: Uint8Array): Result<Uint8Array, string> {
  const decodedLeft = decodeHistory(left);
  if (!decodedLeft.ok) return decodedLeft;
  const decodedRight = decodeHistory(right);
  if (!decodedRight.ok) return decodedRight;
  return ok(encodeHistory(addHistoryTotals(decodedLeft.value, decodedRight.value)));
}

function addEach(left: readonly number[], right: readonly number[]): number[] {
  return left.map((value, at) => value + (right[at] as number));
}

function addByName<Value>(
  left: Readonly<Record<string, Value>>,
  right: Readonly<Record<string, Value>>,
  add: (one: Value, other: Value) => Value,
): Record<string, Value> {
  const sums = new Map(Object.entries(left));
  for (const [name, value] of Object.entries(right)) {
    const before = sums.get(name);
    sums.set(name, before === undefined ? value : add(before, value));
  }
  return Object.fromEntries(sums);
}

function writeByName<Value>(
  writer: ByteWriter,
  values: Readonly<Record<string, Value>>,
  write: (value: Value) => void,
): void {
  const entries = Object.entries(values).toSorted(([one], [other]) => (one < other ? -1 : 1));
  writer.unsigned(entries.length);
  for (const [name, value] of entries) {
    writer.text(name);
    write(value);
  }
}

function readByName<Value>(reader: ByteReader, read: () => Value): Record<string, Value> {
  const count = reader.length(2);
  const entries: [string, Value][] = [];
  for (let at = 0; at < count && !reader.failed; at += 1) entries.push([reader.text(), read()]);
  return Object.fromEntries(entries);
}

function addClusters(left: Float64Array, right: Float64Array): Float64Array {
  if (left.length === 0) return right;
  if (right.length === 0) return left;
  const sums = createClusterSums();
  addPackedClusters(sums, left);
  addPackedClusters(sums, right);
  return packClusters(sums);
}

function uniteUsers(left: DistinctDelta | null, right: DistinctDelta | null): DistinctDelta | null {
  const users = new DistinctUsers(historyUsersExactMax);
  if (left !== null) users.merge(left);
  if (right !== null) users.merge(right);
  const union = users.takeDelta();
  return union?.kind === "exact" ? { kind: "exact", added: union.added.toSorted() } : union;
}

function writeNumbers(writer: ByteWriter, numbers: readonly number[]): void {
  writer.unsigned(numbers.length);
  for (const value of numbers) writer.unsigned(value);
}

/** Outcomes that Sluice did not know when it wrote are 0. */
function readNumbers(reader: ByteReader): number[] {
  const numbers = outcomes.map(() => 0);
  const length = reader.length(1);
  if (length > numbers.length) reader.fail();
  for (let at = 0; at < length; at += 1) numbers[at] = reader.unsigned();
  return numbers;
}

function writeCounts(writer: ByteWriter, counts: SparseCounts): void {
  writer.unsigned(counts.length / 2);
  let before = 0;
  for (let at = 0; at < counts.length; at += 2) {
    const index = counts[at] as number;
    writer.unsigned(index - before);
    writer.unsigned(counts[at + 1] as number);
    before = index;
  }
}

function readCounts(reader: ByteReader): SparseCounts {
  const counts = new Int32Array(reader.length(2) * 2);
  let index = 0;
  for (let at = 0; at < counts.length; at += 2) {
    const distance = reader.unsigned();
    index += distance;
    const count = reader.unsigned();
    if ((at > 0 && distance === 0) || Math.max(index, count) > 0x7fffffff) reader.fail();
    counts[at] = index;
    counts[at + 1] = count;
  }
  return counts;
}

function writeClusters(writer: ByteWriter, packed: Float64Array): void {
  writer.unsigned(packed.length / 5);
  for (let at = 0; at < packed.length; at += 5) {
    writer.byte(packed[at] as number);
    writer.unsigned(packed[at + 1] as number);
    writer.double(packed[at + 2] as number);
    writer.double(packed[at + 3] as number);
    writer.unsigned(packed[at + 4] as number);
  }
}

function readClusters(reader: ByteReader): Float64Array {
  const length = reader.length(19);
  if (length > clusterCount) reader.fail();
  const packed = new Float64Array(length * 5);
  for (let at = 0; at < packed.length; at += 5) {
    packed[at] = reader.byte();
    packed[at + 1] = reader.unsigned();
    packed[at + 2] = reader.double();
    packed[at + 3] = reader.double();
    packed[at + 4] = reader.unsigned();
    if (at > 0 && (packed[at] as number) <= (packed[at - 5] as number)) reader.fail();
  }
  return packed;
}

const usersKinds = { none: 0, exact: 1, sketch: 2 } as const;
const registersCount = 4096;
const registerBits = 5;

function writeUsers(writer: ByteWriter, users: DistinctDelta | null): void {
  if (users === null) writer.byte(usersKinds.none);
  else if (users.kind === "exact") {
    writer.byte(usersKinds.exact);
    writer.unsigned(users.added.length);
    let before = 0;
    for (const hash of users.added) {
      writer.unsigned(hash - before);
      before = hash;
    }
  } else {
    writer.byte(usersKinds.sketch);
    let held = 0;
    let heldBits = 0;
    for (const register of users.registers) {
      held |= register << heldBits;
      heldBits += registerBits;
      if (heldBits < 8) continue;
      writer.byte(held & 0xff);
      held >>>= 8;
      heldBits -= 8;
    }
  }
}

function readUsers(reader: ByteReader): DistinctDelta | null {
  const kind = reader.byte();
  if (kind === usersKinds.none) return null;
  if (kind === usersKinds.exact) {
    const added = new Uint32Array(reader.length(1));
    let hash = 0;
    for (let at = 0; at < added.length; at += 1) {
      const distance = reader.unsigned();
      hash += distance;
      if ((at > 0 && distance === 0) || hash > 0xffffffff) reader.fail();
      added[at] = hash;
    }
    return { kind: "exact", added };
  }
  if (kind !== usersKinds.sketch) reader.fail();
  const registers = new Uint8Array(registersCount);
  let held = 0;
  let heldBits = 0;
  for (let at = 0; at < registersCount; at += 1) {
    if (heldBits < registerBits) {
      held |= reader.byte() << heldBits;
      heldBits += 8;
    }
    registers[at] = held & 0x1f;
    held >>>= registerBits;
    heldBits -= registerBits;
  }
  return { kind: "sketch", registers };
}
