import { z } from "zod";

/** What the parts of Sluice are called in the journal when they act by themselves. */
const ownNames: ReadonlySet<string> = new Set(["controller", "configuration", "reload", "file"]);

/** Who gives a command, for the journal. */
export const actorSchema = z
  .string()
  .min(1)
  .max(100)
  .refine((name) => !ownNames.has(name.trim().toLowerCase()), "a part of Sluice is called so")
  .optional()
  .describe("Who acts; the client certificate's name or the address if missing");
