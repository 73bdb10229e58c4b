import { Button } from "../../parts/button.tsx";
import { fieldPaths } from "./draft.ts";
import type { Draft, DraftVariant, Kind } from "./draft.ts";
import { IssuesAt, Part, SelectField, TextField } from "./field.tsx";
import { Remove } from "./rollout-fields.tsx";

type Change = (change: Partial<Draft>) => void;

const kinds: readonly (readonly [Kind, string])[] = [
  ["ab", "A/B: compare, and decide with statistics"],
  ["rollout", "Rollout: climb step by step under guardrails"],
  ["split", "Split: by weight, and only measure"],
];

/** Name, kind and routes. */
export function BasicFields({ draft, change }: { draft: Draft; change: Change }) {
  const { key, kind, routes } = draft;
  return (
    <Part title="What">
      <div class="form-row">
        <TextField
          path="key"
          label="Name"
          hint="new_model"
          value={key}
          onInput={(value) => change({ key: value })}
        />
        <SelectField
          path="kind"
          label="Kind"
          value={kind}
          options={kinds}
          onChange={(value) => change({ kind: value })}
        />
      </div>
      {routes.map((route, at) => (
        <div class="form-row" key={at}>
          <TextField
            path={fieldPaths.route(at)}
            label={`Route ${at + 1}: requests that go to it, before all other routes`}
            hint="POST /v1/embeddings"
            value={route}
            onInput={(value) => change({ routes: routes.with(at, value) })}
          />
          <Remove
            what={`route ${at + 1}`}
            onClick={routes.length > 1 ? () => change({ routes: routes.toSpliced(at, 1) }) : null}
          />
        </div>
      ))}
      <IssuesAt path="routes" />
      <div class="form-row">
        <Button icon="plus" onClick={() => change({ routes: [...routes, ""] })}>
          Add a route
        </Button>
      </div>
    </Part>
  );
}

/** The arms, and which of them is the control. */
export function VariantFields({
  draft,
  upstreams,
  change,
}: {
  draft: Draft;
  upstreams: readonly string[];
  change: Change;
}) {
  const { variants, control, kind } = draft;
  const set = (at: number, part: Partial<DraftVariant>) => {
    const before = variants[at];
    if (before !== undefined) change({ variants: variants.with(at, { ...before, ...part }) });
  };
  const remove = (at: number) =>
    change({
      variants: variants.toSpliced(at, 1),
      control: control === at ? 0 : control > at ? control - 1 : control,
    });
  return (
    <Part title="Variants">
      {variants.map(({ name, upstream, weight }, at) => {
        const path = fieldPaths.variant(name.trim());
        return (
          <div class="form-row" key={at} role="group" aria-label={`Variant ${at + 1}`}>
            <TextField
              path={path}
              label={`Name of variant ${at + 1}`}
              value={name}
              onInput={(value) => set(at, { name: value })}
            />
            <SelectField
              path={`${path}.upstream`}
              label="Upstream"
              value={upstream}
              options={upstreams.map((one) => [one, one] as const)}
              onChange={(value) => set(at, { upstream: value })}
            />
            {kind !== "rollout" && (
              <TextField
                path={`${path}.weight`}
                label="Weight"
                value={weight}
                onInput={(value) => set(at, { weight: value })}
              />
            )}
            <label class="check form-radio">
              <input
                type="radio"
                name="control"
                checked={at === control}
                onChange={() => change({ control: at })}
              />
              <span>control</span>
            </label>
            <Remove
              what={`variant ${at + 1}`}
              onClick={variants.length > 1 ? () => remove(at) : null}
            />
          </div>
        );
      })}
      <IssuesAt path="variants" />
      {kind !== "rollout" && (
        <div class="form-row">
          <Button
            icon="plus"
            onClick={() =>
              change({
                variants: [
                  ...variants,
                  {
                    name: `treatment_${variants.length}`,
                    upstream: upstreams[0] ?? "",
                    weight: "50",
                  },
                ],
              })
            }
          >
            Add a variant
          </Button>
        </div>
      )}
    </Part>
  );
}

/** How a request's user is told, and how many of them take part. */
export function AssignmentFields({ draft, change }: { draft: Draft; change: Change }) {
  return (
    <Part title="Users">
      <div class="form-row">
        <TextField
          path="assignment.user"
          label="Where the user's key comes from, the first that is there counts"
          hint="header:x-user-id, jwt:sub, cookie:session, ip"
          value={draft.user}
          onInput={(user) => change({ user })}
        />
        <TextField
          path="assignment.coverage"
          label="Share of users who take part"
          hint="100%"
          value={draft.coverage}
          onInput={(coverage) => change({ coverage })}
        />
      </div>
    </Part>
  );
}

/** What an A/B experiment decides on. */
export function AnalysisFields({ draft, change }: { draft: Draft; change: Change }) {
  return (
    <Part title="Analysis">
      <div class="form-row">
        <SelectField
          path="analysis.primary"
          label="Decides on"
          value={draft.primary}
          options={[
            ["latency_mean", "mean latency"],
            ["error_rate", "error rate"],
          ]}
          onChange={(primary) => change({ primary })}
        />
        <TextField
          path="analysis.min_effect_size"
          label="Smallest change that counts, of the control's value"
          hint="0.05"
          value={draft.minEffect}
          onInput={(minEffect) => change({ minEffect })}
        />
      </div>
      <IssuesAt path="analysis" />
      <label class="check">
        <input
          type="checkbox"
          checked={draft.startsNow}
          onChange={(event) => change({ startsNow: event.currentTarget.checked })}
        />
        <span>Split users as soon as it is created, instead of when somebody starts it</span>
      </label>
    </Part>
  );
}
