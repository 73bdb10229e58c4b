import { useState } from "preact/hooks";
import type { UserAssignment } from "../../../wire/assignment-api.ts";
import { ApiError, wordsOf } from "../app/api.ts";
import { useApp, useLive } from "../app/context.ts";
import { Page } from "../app/page.tsx";
import { linkTo } from "../app/router.ts";
import { Badge } from "../parts/badge.tsx";
import { Button } from "../parts/button.tsx";
import { Card, EmptyState, Failure, Loading } from "../parts/card.tsx";
import { Name } from "../parts/text.tsx";
import { VariantName } from "../parts/variant-mark.tsx";

/** More experiments than this are asked one by one, so that a page does not flood the server. */
const askedMax = 100;

type Answer =
  | { readonly kind: "found"; readonly assignment: UserAssignment }
  | { readonly kind: "failed"; readonly experiment: string; readonly says: string };

/** A user's key, and what that user gets in each experiment, with the reason. */
export function AssignPage() {
  const { api } = useApp();
  const [user, setUser] = useState("");
  const [only, setOnly] = useState("");
  const [asked, setAsked] = useState<string | null>(null);
  const [answers, setAnswers] = useState<readonly Answer[] | null>(null);
  const listed = useLive((document) => JSON.stringify(Object.keys(document.traffic)));
  const keys = JSON.parse(listed ?? "[]") as string[];

  const find = async () => {
    const wanted = (only === "" ? keys : [only]).slice(0, askedMax);
    setAsked(user);
    setAnswers(null);
    // The key is a user's own name at times: it goes to Sluice only, and is kept nowhere.
    setAnswers(
      await Promise.all(
        wanted.map(async (experiment): Promise<Answer> => {
          try {
            const path = `v1/experiments/${encodeURIComponent(experiment)}/assignment`;
            return { kind: "found", assignment: await api.get<UserAssignment>(path, { user }) };
          } catch (error) {
            const says = error instanceof ApiError ? error.message : wordsOf(error);
            return { kind: "failed", experiment, says };
          }
        }),
      ),
    );
  };

  return (
    <Page title="Who gets what">
      <Card title="Look a user up">
        <form
          class="inline-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (user !== "" && keys.length > 0) void find();
          }}
        >
          <label class="field">
            <span>User key, as your requests carry it</span>
            <input
              type="text"
              dir="auto"
              maxLength={2048}
              autocomplete="off"
              spellcheck={false}
              value={user}
              onInput={(event) => setUser(event.currentTarget.value)}
            />
          </label>
          <label class="field">
            <span>Experiment</span>
            <select value={only} onChange={(event) => setOnly(event.currentTarget.value)}>
              <option value="">all experiments</option>
              {keys.map((key) => (
                <option key={key} value={key}>
                  {key}
                </option>
              ))}
            </select>
          </label>
          <button type="submit" class="button button-primary" aria-disabled={user === ""}>
            Look up
          </button>
        </form>
        <p class="muted small">
          The variant follows from the key alone, so that this is what the next request of that user
          gets, unless a targeting rule or a forced variant decides by the request.
        </p>
      </Card>
      {listed !== undefined && keys.length === 0 && (
        <EmptyState title="There is no experiment yet.">
          <a href={linkTo("new")}>New experiment</a>
        </EmptyState>
      )}
      {asked !== null && answers === null && <Loading what="the assignment" />}
      {answers !== null && (
        <section class="cards" aria-label={`What ${asked} gets`}>
          {answers.map((answer) =>
            answer.kind === "found" ? (
              <AssignmentCard key={answer.assignment.experiment} assignment={answer.assignment} />
            ) : (
              <Card key={answer.experiment} title={<Name>{answer.experiment}</Name>}>
                <Failure says={answer.says} />
              </Card>
            ),
          )}
        </section>
      )}
      {answers !== null && answers.length > 0 && (
        <div>
          <Button onClick={() => setAnswers(null)}>Clear</Button>
        </div>
      )}
    </Page>
  );
}

function AssignmentCard({ assignment }: { assignment: UserAssignment }) {
  const { experiment, variant, enrolled, reason, bucket, says } = assignment;
  const at = useLive(
    (document) => Object.keys(document.traffic[experiment]?.variants ?? {}).indexOf(variant ?? ""),
    [experiment, variant],
  );
  const isControl = useLive(
    (document) =>
      variant !== null && document.traffic[experiment]?.variants[variant]?.control === true,
    [experiment, variant],
  );
  return (
    <Card
      title={
        <a href={linkTo("experiment", experiment)}>
          <Name>{experiment}</Name>
        </a>
      }
      aside={
        <Badge tone={enrolled ? "info" : "quiet"} icon={enrolled ? "pulse" : "dot"}>
          {enrolled ? "analysed" : "not analysed"}
        </Badge>
      }
    >
      <div class="stack">
        <p class="summary">
          {variant === null ? (
            "drawn anew for each request"
          ) : (
            <VariantName at={Math.max(0, at ?? 0)} name={variant} isControl={isControl === true} />
          )}
        </p>
        <ul class="facts">
          {says.map((fact, index) => (
            <li key={index} dir="auto">
              {fact}
            </li>
          ))}
        </ul>
        <p class="muted small">
          {reason}
          {bucket !== null && `, bucket ${bucket.toFixed(4)}`}
        </p>
      </div>
    </Card>
  );
}
