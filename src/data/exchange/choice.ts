import { assignRoute } from "../../core/assignment/assign.ts";
import type { CompiledExperiment } from "../../core/assignment/compile.ts";
import { issueCookie } from "../../core/assignment/cookie.ts";
import { findUserKey, type UserKeyFinder } from "../../core/assignment/user-key.ts";
import type { Recorder } from "../../core/telemetry/recorder.ts";
import { clientAddress } from "../../core/traffic/trust.ts";
import type { Peer } from "../client/peer.ts";
import type { Arm, RouteEntry } from "../routing.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { Intake } from "./intake.ts";

/** Which arm a request goes to, for whom, and whether it is analysed. */
export type Choice = {
  arm: Arm;
  /** The arm's experiment as an index into the route's; -1 on a pinned route. */
  readonly experiment: number;
  user: string | null;
  enrolled: boolean;
  /** A Set-Cookie value when the client got a first-party id. */
  readonly setCookie: string | null;
};

/** Chooses the arm, or says that the body has to be read first. */
export function chooseArm(
  context: WorkerContext,
  route: RouteEntry,
  intake: Intake,
  peer: Peer,
): Choice | "needs_body" {
  if (route.pin !== null) {
    return { arm: route.pin, experiment: -1, user: null, enrolled: false, setCookie: null };
  }
  if (route.policy.class !== "split") return choosePrimary(context, route, intake.head.target);
  const { trust, proof } = context.routing;
  const { head } = intake;
  const clientIp = peer.forward.peerTrusted ? clientAddress(peer.ip, head.headers, trust) : peer.ip;
  const finder = route.finder as UserKeyFinder;
  const found = findUserKey(finder, head, clientIp, finder.readsBody ? intake.json : null);
  if (found.kind === "needs_body") return "needs_body";
  let user = found.kind === "found" ? found.key : null;
  let setCookie: string | null = null;
  if (user === null && route.cookie !== null) {
    user = context.random.hex32();
    setCookie = issueCookie(route.cookie, user, peer.secure);
  }
  const { experiment, assignment } = assignRoute(
    route.experiments,
    { head, user, trusted: peer.forward.peerTrusted || peer.loopback, proof },
    context.random.next(),
  );
  const arm = route.arms[experiment]?.[assignment.variant] as Arm;
  return { arm, experiment, user, enrolled: assignment.enrolled, setCookie };
}

/** What is not split goes to the primary variant, or back to the one whose handle the request holds. */
function choosePrimary(context: WorkerContext, route: RouteEntry, target: string): Choice {
  const [experiment] = route.experiments as readonly [CompiledExperiment];
  const { key, variants, primary } = experiment.policy;
  const handle = route.findHandle === null ? null : route.findHandle(target);
  const issuer = handle === null ? null : context.handles.find(key, handle);
  const at = variants.findIndex((variant) => variant.key === (issuer ?? primary));
  const arm = route.arms[0]?.[at === -1 ? experiment.control : at] as Arm;
  return { arm, experiment: 0, user: null, enrolled: false, setCookie: null };
}

/** Whether the control may answer where the arm's upstream has no healthy endpoint. */
export function mayUseControl(route: RouteEntry, { experiment, arm }: Choice): boolean {
  // What is not split may hang on the variant: a write that went elsewhere would be lost to it.
  if (route.policy.class !== "split") return false;
  if (experiment === -1 || arm.variant?.control === true) return false;
  return route.experiments[experiment]?.policy.onUnavailable === "control";
}

/** Moves an exchange to its experiment's control; it is not analysed then. */
export function moveToControl(recorder: Recorder, route: RouteEntry, choice: Choice): void {
  const control = route.experiments[choice.experiment]?.control ?? 0;
  recorder.endInFlight(choice.arm.series);
  choice.arm = route.arms[choice.experiment]?.[control] as Arm;
  choice.enrolled = false;
  recorder.startInFlight(choice.arm.series);
}
