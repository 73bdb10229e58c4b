import type { Block } from "../document.ts";
import type { ReportFacts } from "../facts.ts";
import { formatRange, formatTime } from "../text/format.ts";

/** What it takes to make the report again. */
export function describeConfiguration(facts: ReportFacts): readonly Block[] {
  const { config, version, range, generated_at, status } = facts;
  const blocks: Block[] = [
    {
      kind: "terms",
      items: [
        { term: "Sluice", text: version },
        { term: "Range", text: formatRange(range.from, range.to) },
        { term: "Made", text: formatTime(generated_at) },
        {
          term: "Configuration",
          text: `generation ${config.generation}, ETag ${config.etag}, as it was when the report was made`,
        },
        ...(status === null ? [] : [{ term: "Epoch of the split", text: String(status.epoch) }]),
      ],
    },
  ];
  if (config.text !== "") blocks.push({ kind: "code", language: "yaml", text: config.text });
  return blocks;
}
