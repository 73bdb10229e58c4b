/** A reader of Prometheus' text format, strict enough to fail on what Prometheus would not take. */

export type Exposed = {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ExposedSample[];
};

type ExposedSample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

export function parseExposition(text: string): ReadonlyMap<string, Exposed> {
  const families = new Map<string, { type: string; help: string; samples: ExposedSample[] }>();
  let current = { type: "", help: "", samples: [] as ExposedSample[] };
  let name = "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
    if (help !== null) {
      name = help[1] as string;
      if (families.has(name)) throw new Error(`${name} comes twice`);
      current = { type: "", help: help[2] as string, samples: [] };
      families.set(name, current);
    } else if (type === null) {
      const sample = parseSample(line);
      const suffixes = current.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      if (!suffixes.some((suffix) => sample.name === name + suffix)) {
        throw new Error(`${sample.name} is not of ${name}`);
      }
      current.samples.push(sample);
    } else {
      if (type[1] !== name) throw new Error(`the type of ${type[1]} comes under ${name}`);
      current.type = type[2] as string;
    }
  }
  return families;
}

function parseSample(line: string): ExposedSample {
  const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (match === null) throw new Error(`not a sample: ${line}`);
  const labels: Record<string, string> = {};
  let rest = match[2] ?? "";
  while (rest !== "") {
    const pair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest);
    if (pair === null) throw new Error(`not labels: ${rest}`);
    labels[pair[1] as string] = (pair[2] as string).replaceAll(/\\(.)/g, (_, escaped: string) =>
      escaped === "n" ? "\n" : escaped,
    );
    rest = rest.slice(pair[0].length);
  }
  const value = match[3] as string;
  const number = value === "+Inf" ? Infinity : Number(value.toLowerCase() === "nan" ? NaN : value);
  if (Number.isNaN(number) && value.toLowerCase() !== "nan")
    throw new Error(`not a value: ${line}`);
  return { name: match[1] as string, labels, value: number };
}
