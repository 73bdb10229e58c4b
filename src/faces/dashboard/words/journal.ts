import { formatMs, formatNumber, formatProbability, formatShare } from "./numbers.ts";

type Fact = string | number | boolean | null;

export type JournalFacts = Readonly<Record<string, Fact>>;

/** Those that stand for a share of users or of requests. */
const shares: ReadonlySet<string> = new Set(["share", "shadow", "applied_share"]);
/** Those that say the reason in whole sentences, and so come last and without their name. */
const sentences: readonly string[] = ["evidence", "reason", "detail"];

/** "step: rolled_back" as people write it. */
export function describeWhat(what: string): string {
  return what.replaceAll("_", " ");
}

/** The facts of a journal entry on one line, the reason last. */
export function describeFacts(facts: JournalFacts): string {
  const named = Object.entries(facts)
    .filter(([name, value]) => value !== null && value !== "" && !sentences.includes(name))
    .map(([name, value]) => `${nameOf(name)} ${describeFact(name, value)}`);
  const said = sentences.flatMap((name) => {
    const value = facts[name];
    return typeof value === "string" && value !== "" ? [value] : [];
  });
  // A guardrail's evidence is often the reason as well.
  return [named.join(", "), ...new Set(said)].filter((part) => part !== "").join(" · ");
}

/** "ran_ms" as people say it: its unit comes with the value. */
function nameOf(name: string): string {
  return name.replace(/_ms$/, "").replaceAll("_", " ");
}

function describeFact(name: string, value: Fact): string {
  if (typeof value !== "number") return String(value);
  if (name.endsWith("_ms")) return formatMs(value);
  if (name === "p_value") return formatProbability(value);
  return shares.has(name) ? formatShare(value) : formatNumber(value);
}
