import { unreachable } from "../../base/result.ts";
import type { Phase } from "./state.ts";

/** A phase in words, behind "the rollout is". */
export function wordsOf(phase: Phase): string {
  switch (phase.kind) {
    case "waiting":
      return "not started";
    case "stepping":
      return `at step ${phase.step + 1}`;
    case "observing":
      return "at its last share";
    case "paused":
      return "paused";
    case "promoted":
      return "promoted";
    case "rolled_back":
      return "rolled back";
    default:
      return unreachable(phase);
  }
}
