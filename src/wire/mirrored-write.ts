import { z } from "zod";
import type { StorePolicy } from "../core/config/model.ts";

/** A write that the primary has answered and other variants are still to get, as it lies on disk beside its body. */
export const mirroredWriteSchema = z.strictObject({
  experiment: z.string(),
  requestId: z.string(),
  /** When the primary's answer was over, wall clock. */
  atMs: z.number(),
  primary: z.strictObject({
    variant: z.string(),
    /** Null when it is not known what became of it. */
    status: z.int().nullable(),
    /** The body's own word, such as LightRAG's `status`. */
    says: z.string().nullable(),
  }),
  bodyBytes: z.int().min(0),
  targets: z
    .array(
      z.strictObject({
        variant: z.string(),
        method: z.string(),
        /** Without the endpoint's own prefix. */
        path: z.string(),
        /** Flat names and values, ready to be sent. */
        headers: z.array(z.string()),
      }),
    )
    .min(1),
});

export type MirroredWrite = z.output<typeof mirroredWriteSchema>;

/** Writes that wait at once; further ones are lost to the other variants, and counted. */
export const mirrorLimits = {
  writesMax: 10_000,
  bytesMax: 2 ** 30,
  /** Larger bodies are lost to the other variants. */
  bodyBytesMax: 128 * 2 ** 20,
  /** Bytes of one body that wait for the disk; one that comes faster than the disk takes it is lost. */
  pendingBytesMax: 16 * 2 ** 20,
  /** After this a write is given up. */
  ageMsMax: 24 * 3600 * 1000,
} as const;

/** Where writes wait, given the store: they are on this machine's disk, whatever the rest is kept in. */
export function mirrorDirectory(store: StorePolicy): string {
  return store.kind === "sqlite" ? `${store.path}.writes` : store.spool;
}

/** Why a write will not reach the other variants. */
export const lostReasons = ["full", "too_large", "disk"] as const;

export type LostReason = (typeof lostReasons)[number];
