import type { LiveDocument } from "../../../../wire/live.ts";
import { useLive } from "../../app/context.ts";
import { useApp } from "../../app/context.ts";
import { Badge } from "../../parts/badge.tsx";
import { Card, Failure, Loading, Stat, Stats } from "../../parts/card.tsx";
import { Issues } from "../../parts/issues.tsx";
import { Age } from "../../parts/text.tsx";
import { useRequest } from "../../parts/use-request.ts";
import { useState } from "preact/hooks";

type Reload = NonNullable<LiveDocument["status"]["config"]["last_reload"]>;

const results: Readonly<
  Record<Reload["result"], { tone: "good" | "bad" | "quiet"; says: string }>
> = {
  applied: { tone: "good", says: "applied" },
  unchanged: { tone: "quiet", says: "unchanged" },
  invalid: { tone: "bad", says: "invalid: the old one stays in force" },
  conflict: { tone: "bad", says: "refused: somebody else was faster" },
  refused: { tone: "bad", says: "refused: the old one stays in force" },
  failed: { tone: "bad", says: "failed: the old one stays in force" },
};

/** Which configuration is in force, and what became of the last one. */
export function ConfigCard() {
  const config = useLive(({ status }) => status.config);
  const [isShown, setShown] = useState(false);
  if (config === undefined) return null;
  const { generation, last_reload: reload } = config;
  return (
    <Card
      title="Configuration"
      aside={
        <button
          type="button"
          class="button"
          aria-expanded={isShown}
          onClick={() => setShown(!isShown)}
        >
          {isShown ? "Hide the text" : "Show the text"}
        </button>
      }
    >
      <Stats>
        <Stat label="Generation">{String(generation)}</Stat>
        <Stat label="Last reload">
          {reload === null ? "none since the start" : <Age at={reload.at} />}
        </Stat>
        {reload !== null && (
          <>
            <Stat label="By">{reload.reason}</Stat>
            <Stat label="Result">
              <Badge
                tone={results[reload.result].tone}
                icon={results[reload.result].tone === "bad" ? "breach" : "ok"}
              >
                {results[reload.result].says}
              </Badge>
            </Stat>
          </>
        )}
      </Stats>
      {reload !== null && reload.message !== null && (
        <p class="muted" dir="auto">
          {reload.message}
        </p>
      )}
      {reload !== null && reload.issues.length > 0 && <Issues issues={reload.issues} />}
      {isShown && <ConfigText generation={generation} />}
    </Card>
  );
}

/** The text in force, with its secrets redacted by the server. */
function ConfigText({ generation }: { generation: number }) {
  const { api } = useApp();
  const { body, failure, reload } = useRequest(
    async (_, signal) => (await api.send("v1/config", { signal })).text(),
    [generation],
  );
  if (failure !== null) return <Failure says={failure} retry={reload} />;
  if (body === null) return <Loading what="the configuration" />;
  return (
    <pre
      class="code-block config-text"
      tabIndex={0}
      role="region"
      aria-label="Configuration in force"
    >
      <code>{body}</code>
    </pre>
  );
}
