import { DockerfileParser } from "dockerfile-ast";
import type { Copy, From, Instruction } from "dockerfile-ast";

/** What a Dockerfile says, as far as ours goes; anything else is an error, so that nothing is passed over. */

export type Step =
  | { readonly kind: "run"; readonly command: string }
  | {
      readonly kind: "copy";
      /** The stage that the files come from; null is the context. */
      readonly from: string | null;
      readonly owner: string | null;
      readonly sources: readonly string[];
      readonly target: string;
    };

export type Stage = {
  readonly name: string | null;
  /** An image, or the name of an earlier stage. */
  readonly base: string;
  readonly steps: readonly Step[];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly user: string | null;
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal: string | null;
  readonly healthCheck: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
};

type Open = { -readonly [Key in keyof Stage]: Stage[Key] };

/** The stages in their order. */
export function parseDockerfile(text: string): readonly Stage[] {
  const stages: Open[] = [];
  const variables = new Map<string, string>();
  for (const instruction of DockerfileParser.parse(text).getInstructions()) {
    const keyword = instruction.getKeyword();
    if (keyword === "ARG") {
      const [name, value] = split(words(instruction)[0] ?? "");
      variables.set(name, value);
    } else if (keyword === "FROM") {
      const from = instruction as From;
      stages.push(openStage(expand(from.getImage() ?? "", variables), from.getBuildStage()));
    } else {
      const stage = stages.at(-1);
      if (stage === undefined) throw new Error(`${keyword} before the first FROM`);
      apply(stage, instruction, variables);
    }
  }
  return stages;
}

function openStage(base: string, name: string | null): Open {
  return {
    name,
    base,
    steps: [],
    directory: "/",
    environment: {},
    user: null,
    volumes: [],
    ports: [],
    labels: {},
    stopSignal: null,
    healthCheck: [],
    entrypoint: [],
    command: [],
  };
}

function apply(stage: Open, instruction: Instruction, variables: ReadonlyMap<string, string>) {
  const given = words(instruction).map((word) => expand(word, variables));
  const only = given[0] ?? "";
  switch (instruction.getKeyword()) {
    case "WORKDIR":
      stage.directory = only;
      return;
    case "RUN":
      stage.steps = [...stage.steps, { kind: "run", command: commandOf(instruction) }];
      return;
    case "COPY":
      stage.steps = [...stage.steps, copyOf(instruction as Copy, given)];
      return;
    case "ENV":
      stage.environment = { ...stage.environment, ...Object.fromEntries(given.map(split)) };
      return;
    case "LABEL":
      stage.labels = { ...stage.labels, ...Object.fromEntries(given.map(split)) };
      return;
    case "USER":
      stage.user = only;
      return;
    case "VOLUME":
      stage.volumes = given;
      return;
    case "EXPOSE":
      stage.ports = given;
      return;
    case "STOPSIGNAL":
      stage.stopSignal = only;
      return;
    case "HEALTHCHECK":
      stage.healthCheck = listOf(instruction);
      return;
    case "ENTRYPOINT":
      stage.entrypoint = listOf(instruction);
      return;
    case "CMD":
      stage.command = listOf(instruction);
      return;
    default:
      throw new Error(`${instruction.getKeyword()} is not rehearsed`);
  }
}

function copyOf(copy: Copy, given: readonly string[]): Step {
  const flags = new Map(copy.getFlags().map((flag) => [flag.getName(), flag.getValue()]));
  for (const name of flags.keys()) {
    if (name !== "from" && name !== "chown") throw new Error(`COPY --${name} is not rehearsed`);
  }
  const from = flags.get("from") ?? null;
  const owner = flags.get("chown") ?? null;
  return { kind: "copy", from, owner, sources: given.slice(0, -1), target: given.at(-1) ?? "" };
}

function words(instruction: Instruction): string[] {
  return instruction.getArguments().map((argument) => argument.getValue());
}

/** A shell command as it is written, its lines joined as Docker joins them. */
function commandOf(instruction: Instruction): string {
  return (instruction.getRawArgumentsContent() ?? "").replaceAll(/\\\n\s*/g, "");
}

/** The exec form, also behind `HEALTHCHECK … CMD`. */
function listOf(instruction: Instruction): string[] {
  const text = commandOf(instruction);
  return JSON.parse(text.slice(text.indexOf("["))) as string[];
}

function split(pair: string): [string, string] {
  const at = pair.indexOf("=");
  return at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1).replace(/^"(.*)"$/, "$1")];
}

/** `${NAME}`, and `${NAME:+text}` for a name that has a value. */
function expand(text: string, variables: ReadonlyMap<string, string>): string {
  return text
    .replaceAll(
      /\$\{(\w+):\+([^{}]*(?:\{[^{}]*\})?[^{}]*)\}/g,
      (_all, name: string, then: string) => (variables.get(name) ? then : ""),
    )
    .replaceAll(/\$\{(\w+)\}/g, (_all, name: string) => variables.get(name) ?? "");
}
