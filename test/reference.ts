import { writeFileSync } from "node:fs";
import { configJsonSchema } from "../src/core/config/schema.ts";
import { describeConfiguration } from "./support/configuration-page.ts";

/** `npm run reference`: writes docs/configuration.md. */
writeFileSync("docs/configuration.md", describeConfiguration(configJsonSchema()));
