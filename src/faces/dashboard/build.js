// Builds the dashboard's page. Plain JavaScript, because npm's `prepare` runs it on whatever Node the host has; without
// Vite, as after `npm ci --omit=dev`, there is nothing to build with, and nothing is wrong.
import { fileURLToPath } from "node:url";

const configFile = fileURLToPath(new URL("vite.config.ts", import.meta.url));
const isOptional = process.argv.includes("--if-possible");

async function findVite() {
  try {
    return await import("vite");
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    return null;
  }
}

const vite = await findVite();
if (vite !== null) {
  await vite.build({ configFile, logLevel: isOptional ? "warn" : "info" });
} else if (isOptional) {
  console.log(
    "The dashboard is not built: Vite is a development dependency. `npm ci && npm run build` builds it.",
  );
} else {
  console.error("The dashboard cannot be built: Vite is missing. `npm ci` installs it.");
  process.exitCode = 1;
}
