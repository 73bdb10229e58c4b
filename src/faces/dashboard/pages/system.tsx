import { useApp, useLive, useNow } from "../app/context.ts";
import { Page } from "../app/page.tsx";
import { Badge } from "../parts/badge.tsx";
import { Card, EmptyState, Loading, Stat, Stats } from "../parts/card.tsx";
import { Icon } from "../parts/icon.tsx";
import { Age, Num } from "../parts/text.tsx";
import { formatSpan } from "../words/time.ts";
import { ConfigCard } from "./system/config-card.tsx";
import { ReplicaTable } from "./system/replica-table.tsx";
import { EndpointTable, WorkerTable } from "./system/tables.tsx";

/** Sluice itself: whether it is well, what it runs, and which configuration is in force. */
export function SystemPage() {
  const isReady = useLive(({ status }) => status.ready);
  return (
    <Page title="System" aside={<RawLinks />}>
      {isReady === undefined ? (
        <Loading what="the system" />
      ) : (
        <>
          <ReadyLine />
          <div class="columns">
            <ProcessCard />
            <StoreCard />
          </div>
          <ConfigCard />
          <Upstreams />
          <Workers />
          <Replica />
        </>
      )}
    </Page>
  );
}

/** What programs read. They ask for the token in a header, which a link cannot send: those open as text from here. */
function RawLinks() {
  const { api, session, toasts } = useApp();
  const state = session.state.value;
  const needsToken = state.kind === "open" && state.session.authentication === "token";
  const links = [
    ["metrics", "Metrics"],
    ["v1/openapi.json", "OpenAPI"],
  ] as const;
  const open = async (path: string) => {
    try {
      const blob = await (await api.send(path, {})).blob();
      const address = URL.createObjectURL(new Blob([blob], { type: "text/plain" }));
      window.open(address, "_blank", "noopener");
    } catch (error) {
      toasts.show("bad", error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <>
      {links.map(([path, label]) => (
        <a
          key={path}
          class="button"
          href={path}
          target="_blank"
          rel="noreferrer"
          onClick={(event) => {
            if (!needsToken) return;
            event.preventDefault();
            void open(path);
          }}
        >
          <Icon name="file" />
          {label}
        </a>
      ))}
    </>
  );
}

function ReadyLine() {
  const reasons = useLive(({ status }) => JSON.stringify(status.reasons)) ?? "[]";
  const isReady = useLive(({ status }) => status.ready) === true;
  if (isReady) return null;
  return (
    <div class="banner banner-bad" role="alert">
      <Icon name="breach" />
      <p>
        <strong>Not ready:</strong> {(JSON.parse(reasons) as string[]).join("; ")}
      </p>
    </div>
  );
}

function ProcessCard() {
  const system = useLive((document) => document.system);
  const startedAt = useLive(({ status }) => status.started_at);
  const nowMs = useNow();
  if (system === undefined) return null;
  const { event_loop_delay_ms: delay } = system;
  return (
    <Card title="Process" aside={<code>{`${system.host}, pid ${system.pid}`}</code>}>
      <Stats>
        <Stat label="Up for">
          {nowMs === null || startedAt === undefined ? (
            <Num value={null} />
          ) : (
            formatSpan(nowMs - Date.parse(startedAt))
          )}
        </Stat>
        <Stat label="Requests">
          <Num value={system.requests_per_second} unit="per_second" />
        </Stat>
        <Stat label="In flight">
          <Num value={system.in_flight} unit="count" />
        </Stat>
        <Stat label="Connections">
          <Num value={system.connections} unit="count" />
        </Stat>
        <Stat label="Cores in use">
          <Num value={system.cpu_cores} />
        </Stat>
        <Stat label="Memory">
          <Num value={system.memory_bytes} unit="bytes" />
        </Stat>
        <Stat label="Heap, control">
          <Num value={system.heap_bytes} unit="bytes" />
        </Stat>
        <Stat label="Event loop p50 / p99 / max, control">
          <span class="num">
            <Num value={delay.p50} unit="ms" /> / <Num value={delay.p99} unit="ms" /> /{" "}
            <Num value={delay.max} unit="ms" />
          </span>
        </Stat>
      </Stats>
    </Card>
  );
}

function StoreCard() {
  const store = useLive((document) => document.system.store);
  if (store === undefined) return null;
  if (store === null) {
    return (
      <Card title="Store">
        <EmptyState title="There is no store.">
          <p>A restart forgets journal, history and rollouts. Name one under store: in the file.</p>
        </EmptyState>
      </Card>
    );
  }
  return (
    <Card
      title="Store"
      aside={
        <Badge tone={store.up ? "good" : "bad"} icon={store.up ? "ok" : "error"}>
          {store.up ? "up" : "down"}
        </Badge>
      }
    >
      <Stats>
        <Stat label="Kind">{store.kind === "sqlite" ? "SQLite" : "PostgreSQL"}</Stat>
        <Stat label="Rows waiting">
          <Num value={store.rows_waiting} unit="count" />
        </Stat>
        <Stat label="Rows dropped">
          <Num value={store.rows_dropped} unit="count" />
        </Stat>
      </Stats>
      {store.fault !== null && (
        <p class="failure" dir="auto">
          {store.fault}
        </p>
      )}
    </Card>
  );
}

function Upstreams() {
  const endpoints = useLive((document) => document.endpoints);
  if (endpoints === undefined) return null;
  return (
    <Card title="Upstreams">
      <EndpointTable endpoints={Object.values(endpoints)} />
    </Card>
  );
}

function Workers() {
  const workers = useLive((document) => document.workers);
  if (workers === undefined) return null;
  return (
    <Card title="Workers">
      <WorkerTable workers={Object.values(workers)} />
    </Card>
  );
}

/** Those that share the store; one process alone is one replica. */
function Replica() {
  const replica = useLive(({ system }) => system.replica);
  const startedAt = useLive(({ status }) => status.started_at);
  const host = useLive(({ system }) => system.host);
  const version = useLive(({ system }) => `${system.version}, Node ${system.node_version}`);
  if (replica !== undefined && replica !== null) {
    const { authority, telemetry } = replica;
    return (
      <Card title="Replicas" aside={<Badge {...authorityLooks[authority]} />}>
        <ReplicaTable replicas={replica.replicas} mine={replica.instance} />
        {!telemetry.merges && (
          <p class="muted small">
            With so many replicas only the leader measures together: numbers here are this one's.
          </p>
        )}
        {telemetry.parts_dropped > 0 && (
          <p class="failure">
            <Num value={telemetry.parts_dropped} unit="count" /> parts of this replica's telemetry
            never reached the others: the store was away for too long.
          </p>
        )}
      </Card>
    );
  }
  return (
    <Card title="Replicas">
      <Stats>
        <Stat label="This one">{host ?? ""}</Stat>
        <Stat label="Version">{version ?? ""}</Stat>
        <Stat label="Started">
          <Age at={startedAt ?? null} />
        </Stat>
      </Stats>
      <p class="muted small">It decides alone: no other replica shares its store.</p>
    </Card>
  );
}

const authorityLooks = {
  lead: { tone: "good", icon: "ok", children: "this one leads" },
  follow: { tone: "info", icon: "ok", children: "this one follows" },
  cut_off: { tone: "bad", icon: "error", children: "this one is cut off from the store" },
} as const;
