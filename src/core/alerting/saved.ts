import { z } from "zod";
import type { JsonValue } from "../experiment/policy.ts";
import { alertKinds, alertSeverities } from "./policy.ts";
import { alertLimits, type Alert, type AlertsState, type AlertTime } from "./state.ts";
import { createAlerts } from "./step.ts";

/**
 * How alerts are kept in the store: those that fire, with who acknowledged them, and the silences. Pending alerts form
 * anew, and resolved ones are in the journal. Monotonic times become durations: that clock does not outlive a process.
 */

const wallMs = z.number();
const described = {
  kind: z.enum(alertKinds),
  severity: z.enum(alertSeverities),
  experiment: z.string().nullable(),
  subject: z.string().nullable(),
  value: z.number().nullable(),
  limit: z.number().nullable(),
  summary: z.string(),
  startedAtMs: wallMs,
};
const firing = z.strictObject({
  ...described,
  id: z.string(),
  acknowledged: z.strictObject({ actor: z.string(), atMs: wallMs }).nullable(),
  /** How long ago it was told; null for never. */
  toldAgoMs: z.number().min(0).nullable(),
});
const owed = z.strictObject({
  ...described,
  alert: z.string(),
  status: z.literal("resolved"),
  endedAtMs: wallMs,
  acknowledgedBy: z.string().nullable(),
});
const silence = z.strictObject({
  id: z.string(),
  matcher: z.strictObject({
    kind: z.enum(alertKinds).exactOptional(),
    experiment: z.string().exactOptional(),
    subject: z.string().exactOptional(),
  }),
  untilMs: wallMs,
  actor: z.string(),
  reason: z.string(),
});
const saved = z.strictObject({
  version: z.literal(1),
  firing: z.array(firing).max(alertLimits.alertsMax),
  owed: z.array(owed).max(alertLimits.alertsMax),
  silences: z.array(silence).max(alertLimits.silencesMax),
});

/** What to store of the alerts, in the scope `alert`. */
export function saveAlerts(state: AlertsState, nowMs: number): JsonValue {
  return {
    version: 1,
    firing: [...state.alerts.values()].flatMap((alert) => saveFiring(alert, nowMs)),
    owed: [...state.owed.values()].map((notice) => Object.assign({}, notice)),
    silences: [...state.silences.values()].map(({ id, matcher, untilMs, actor, reason }) => ({
      id,
      matcher: { ...matcher },
      untilMs,
      actor,
      reason,
    })),
  };
}

/**
 * The alerts as they were stored. What fired fires on, untold anew, until a look finds its condition gone for long
 * enough; a silence lasts until the wall time it was given, at most as long as a new one may. Null for what nobody wrote.
 */
export function restoreAlerts(stored: JsonValue, { nowMs, atMs }: AlertTime): AlertsState | null {
  const read = saved.safeParse(stored);
  if (!read.success) return null;
  const { firing, owed, silences } = read.data;
  const endsMs = ({ untilMs }: { readonly untilMs: number }) =>
    nowMs + Math.min(untilMs - atMs, alertLimits.silenceMsMax);
  return {
    ...createAlerts(),
    alerts: new Map(firing.map((each) => [each.id, restoreFiring(each, nowMs)])),
    owed: new Map(owed.map((each) => [each.alert, each])),
    silences: new Map(silences.map((each) => [each.id, { ...each, endsMs: endsMs(each) }])),
  };
}

function restoreFiring(
  { startedAtMs, acknowledged, toldAgoMs, ...rest }: z.output<typeof firing>,
  nowMs: number,
): Alert {
  const toldMs = toldAgoMs === null ? null : nowMs - toldAgoMs;
  const phase = { kind: "firing", startedAtMs, goneSinceMs: null, toldMs, acknowledged } as const;
  return { ...rest, phase };
}

function saveFiring(
  { phase, ...described }: Alert,
  nowMs: number,
): { readonly [key: string]: JsonValue }[] {
  if (phase.kind !== "firing") return [];
  const { startedAtMs, acknowledged, toldMs } = phase;
  const toldAgoMs = toldMs === null ? null : Math.max(0, nowMs - toldMs);
  return [{ ...described, startedAtMs, acknowledged, toldAgoMs }];
}
