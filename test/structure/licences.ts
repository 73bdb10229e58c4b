import { readFileSync } from "node:fs";
import { resolve } from "node:path";

/** `npm run licences`: the licence of everything that ships; exit 1 where one is not allowed. */

export type Shipped = { readonly name: string; readonly version: string; readonly licence: string };

/** Free to use, change and pass on without opening one's own source. */
const allowed: ReadonlySet<string> = new Set([
  "0BSD",
  "Apache-2.0",
  "Bitstream-Vera",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC0-1.0",
  "ISC",
  "MIT",
  "OFL-1.1",
  "Unlicense",
  "Zlib",
]);

/** Packages that do not say it as SPDX does, by what the LICENSE file inside says. */
const read: Readonly<Record<string, string>> = {
  "dejavu-fonts-ttf": "Bitstream-Vera",
  jstat: "MIT",
  "png-js": "MIT",
};

type Lock = {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly license?: string; readonly dev?: boolean }>
  >;
};

/** What a lock file installs without its development dependencies. */
export function shippedOf(lock: Lock): Shipped[] {
  return Object.entries(lock.packages).flatMap(([path, { version = "", license, dev }]) => {
    const name = path.split("node_modules/").at(-1) ?? "";
    if (path === "" || dev === true) return [];
    return { name, version, licence: read[name] ?? license ?? "none named" };
  });
}

/** Whether an SPDX expression can be met with what is allowed: one side of OR, both of AND. */
export function isAllowed(expression: string): boolean {
  const plain = expression.replace(/^\((.*)\)$/, "$1");
  return plain
    .split(" OR ")
    .some((choice) => choice.split(" AND ").every((part) => allowed.has(part.trim())));
}

/** Prints what ships, and says what must not; the answer is the exit code. */
function main(): number {
  const file = resolve(import.meta.dirname, "../../package-lock.json");
  const shipped = shippedOf(JSON.parse(readFileSync(file, "utf8")) as Lock);
  const byLicence = Map.groupBy(shipped, ({ licence }) => licence);
  for (const [licence, packages] of [...byLicence].toSorted(([a], [b]) => a.localeCompare(b))) {
    process.stdout.write(`${licence}\n`);
    for (const { name, version } of packages) process.stdout.write(`  ${name} ${version}\n`);
  }
  const refused = shipped.filter(({ licence }) => !isAllowed(licence));
  for (const { name, licence } of refused) {
    process.stderr.write(
      `${name}: ${licence} is not among the licences allowed; see ${import.meta.filename}\n`,
    );
  }
  process.stdout.write(`${shipped.length} packages ship, ${refused.length} of them must not\n`);
  return refused.length === 0 && shipped.length > 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = main();
