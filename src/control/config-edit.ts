import { isMap, isSeq, parseDocument } from "yaml";
import { err, ok, type Result } from "../base/result.ts";

/**
 * The configuration's text with one more experiment, and routes to it before all others; what is written there, comments
 * included, stays. The error says why it cannot be added.
 */
export function addExperiment(
  text: string,
  added: {
    readonly key: string;
    readonly experiment: Readonly<Record<string, unknown>>;
    readonly routes: readonly string[];
  },
): Result<string, string> {
  const document = parseDocument(text);
  if (document.errors.length > 0) return err("the running configuration cannot be read as YAML");
  const { contents } = document;
  if (!isMap(contents)) return err("the running configuration is not a map");
  if (document.hasIn(["experiments", added.key])) {
    return err(`the configuration has an experiment ${added.key} already`);
  }
  if (document.has("experiments") && !isMap(document.get("experiments"))) {
    document.delete("experiments");
  }
  document.setIn(["experiments", added.key], document.createNode(added.experiment));
  const routes = document.get("routes");
  if (added.routes.length > 0 && !isSeq(routes)) return err("the configuration has no routes");
  if (isSeq(routes)) {
    const nodes = added.routes.map((match) =>
      document.createNode({ match, experiment: added.key }, { flow: true }),
    );
    routes.items.unshift(...nodes);
  }
  return ok(document.toString({ lineWidth: 120 }));
}
