import { Document, isMap, isSeq, parseDocument } from "yaml";
import { err, ok, type Result } from "../base/result.ts";

/** An experiment to be added to a configuration. */
export type AddedExperiment = {
  readonly key: string;
  readonly experiment: Readonly<Record<string, unknown>>;
  /** Matches that are to go to it. */
  readonly routes: readonly string[];
};

const layout = { lineWidth: 120 } as const;

/** What is added, as it stands in the file, and nothing else. */
export function describeAddition({ key, experiment, routes }: AddedExperiment): string {
  const document = new Document({});
  if (routes.length > 0) {
    const nodes = routes.map((match) => routeNode(document, match, key));
    document.set("routes", document.createNode(nodes));
  }
  document.set("experiments", document.createNode({ [key]: experiment }));
  return document.toString(layout);
}

function routeNode(document: Document, match: string, experiment: string) {
  return document.createNode({ match, experiment }, { flow: true });
}

/**
 * The configuration's text with one more experiment, and routes to it before all others; what is written there, comments
 * included, stays. The error says why it cannot be added.
 */
export function addExperiment(text: string, added: AddedExperiment): Result<string, string> {
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
    routes.items.unshift(...added.routes.map((match) => routeNode(document, match, added.key)));
  }
  return ok(document.toString(layout));
}
