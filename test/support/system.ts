import { request } from "undici";
import type { SystemStatus } from "../../src/wire/system-api.ts";

/** How a process says it is. */
export async function systemOf(adminUrl: string): Promise<SystemStatus> {
  const { body } = await request(`${adminUrl}/v1/system`);
  return (await body.json()) as SystemStatus;
}
