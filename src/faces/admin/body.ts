import type { AdminContext } from "./problem.ts";

/** The whole body; null when it is larger than `bytesMax`, of which no more than that is held. */
export async function readBody(
  context: AdminContext,
  bytesMax: number,
): Promise<Uint8Array | null> {
  const { body } = context.req.raw;
  const announced = Number(context.req.header("content-length") ?? 0);
  if (announced > bytesMax) return null;
  if (body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
