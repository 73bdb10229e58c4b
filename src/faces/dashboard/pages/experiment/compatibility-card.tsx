import { useLive } from "../../app/context.ts";
import { Badge } from "../../parts/badge.tsx";
import { Card } from "../../parts/card.tsx";
import { Age, Name } from "../../parts/text.tsx";

/** Whether the variants may be split at all; nothing where they go together or nothing can be asked. */
export function CompatibilityCard({ experiment }: { experiment: string }) {
  const found = useLive((document) => document.traffic[experiment]?.compatibility, [experiment]);
  if (found === undefined || found === null || found.findings.length === 0) return null;
  return (
    <Card
      title="Do the variants go together?"
      aside={
        <span class="muted small">
          asked <Age at={found.checked_at} />
        </span>
      }
    >
      <ul class="stack">
        {found.findings.map(({ code, severity, variant, message, override }) => (
          <li key={`${code} ${variant}`} class="stand-line">
            <Badge
              tone={severity === "refuse" ? "bad" : "warn"}
              icon={severity === "refuse" ? "error" : "breach"}
            >
              {severity === "refuse" ? "refused" : "warning"}
            </Badge>
            <Name>{variant}</Name>
            <p class="muted" dir="auto">
              {message}
              {override !== null && ` Allowed all the same by ${override}.`}
            </p>
          </li>
        ))}
      </ul>
    </Card>
  );
}
