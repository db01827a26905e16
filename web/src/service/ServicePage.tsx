import { Link, useSearchParams } from "wouter";
import { useSender } from "@/access/queries";
import { ACCESS_PAGES } from "@/access/sections";
import type { Schemas } from "@/api/client";
import { bytes, count, duration, percent } from "@/format";
import { Button } from "@/ui/Button";
import { Call } from "@/ui/Call";
import { Card } from "@/ui/Card";
import { Chip } from "@/ui/Chip";
import { Facts } from "@/ui/Facts";
import { TextField } from "@/ui/Field";
import { Columns, Page, Stack } from "@/ui/Page";
import { Progress } from "@/ui/Progress";
import { Loaded } from "@/ui/States";
import { Table } from "@/ui/Table";
import { Time } from "@/ui/Time";
import { useService } from "./queries";
import styles from "./ServicePage.module.css";
import { Workers } from "./Workers";

type Service = Schemas["ServiceStatus"];

const CALL = {
  curl: "curl $GRAFT_URL/service",
  python: "from graft_client import Graft\n\nGraft().service()",
};

const LINKS: readonly { href: string; label: string; detail: string }[] = [
  { href: "/docs", label: "API", detail: "every route, to read and to try" },
  { href: "/openapi.json", label: "OpenAPI", detail: "the same for programs" },
  { href: "/metrics", label: "Metrics", detail: "for Prometheus" },
];

/** The service itself: its workers, queues, storage, versions and settings. */
export default function ServicePage() {
  const query = useService();
  return (
    <Page
      title={<>Service {query.data && <ReadyChip status={query.data.ready.status} />}</>}
      documentTitle="Service"
      subtitle={
        query.data && (
          <>
            Graft {query.data.version}, started <Time at={query.data.started_at} />
          </>
        )
      }
      actions={<Call call={CALL} />}
    >
      <Loaded query={query} lines={10}>
        {(service) => (
          <>
            <Summary service={service} />
            <Columns>
              <Stack>
                <Workers workers={service.workers} />
                <Queues queues={service.queues} />
                <Settings settings={service.settings} />
              </Stack>
              <Stack>
                <Storage storage={service.storage} />
                <Access />
                <Card title="Links">
                  <ul className={styles.links}>
                    {LINKS.map(({ href, label, detail }) => (
                      <li key={href}>
                        <a href={href} className="link">
                          {label}
                        </a>{" "}
                        <span className="muted small">{detail}</span>
                      </li>
                    ))}
                  </ul>
                </Card>
                <Card title="Versions" flush>
                  <Table
                    caption="Versions of Python and of the libraries"
                    columns={[
                      { key: "name", header: "Library", cell: ([name]) => name },
                      { key: "version", header: "Version", cell: ([, version]) => version },
                    ]}
                    rows={[["python", service.python], ...Object.entries(service.libraries)]}
                    rowKey={([name]) => name ?? ""}
                  />
                </Card>
              </Stack>
            </Columns>
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** The pages about access, for administrators. */
function Access() {
  const { data: sender } = useSender();
  if (!sender?.scopes.includes("admin")) return null;
  return (
    <Card title="Access" aside={sender.access_control ? "control is on" : "control is off"}>
      <ul className={styles.links}>
        {ACCESS_PAGES.map(({ href, label, detail }) => (
          <li key={href}>
            <Link href={href} className="link">
              {label}
            </Link>{" "}
            <span className="muted small">{detail}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function ReadyChip({ status }: { status: string }) {
  return (
    <Chip tone={status === "ok" ? "accent" : "warn"} dot>
      {status === "ok" ? "ready" : status}
    </Chip>
  );
}

function Summary({ service }: { service: Service }) {
  const alive = service.workers.filter((worker) => worker.is_alive);
  const queued = service.queues.reduce((sum, queue) => sum + queue.queued, 0);
  const running = service.queues.reduce((sum, queue) => sum + queue.running, 0);
  return (
    <Facts
      facts={[
        {
          label: "Workers",
          value: count(alive.length),
          note: alive.length === 0 ? "no worker runs: nothing is trained" : "alive",
        },
        { label: "Work", value: `${count(running)} running`, note: `${count(queued)} queued` },
        { label: "Database", value: service.database, note: `broker: ${service.broker}` },
        {
          label: "Model",
          value: service.ready.model === "ok" ? "loaded" : "not loaded",
          note: service.ready.model,
        },
        ...(service.ready.storage === "ok"
          ? []
          : [{ label: "Disk", value: "nearly full", note: service.ready.storage }]),
      ]}
    />
  );
}

function Queues({ queues }: { queues: Service["queues"] }) {
  return (
    <Card title="Queues" flush>
      <Table
        caption="Queues of work"
        columns={[
          { key: "name", header: "Queue", cell: (queue) => queue.name },
          { key: "workers", header: "Workers", cell: (queue) => count(queue.num_workers) },
          { key: "running", header: "Running", cell: (queue) => count(queue.running) },
          { key: "queued", header: "Queued", cell: (queue) => count(queue.queued) },
          {
            key: "oldest",
            header: "Oldest waits",
            cell: (queue) => duration(queue.oldest_queued_seconds),
            wide: true,
          },
        ]}
        rows={queues}
        rowKey={(queue) => queue.name}
      />
    </Card>
  );
}

function Storage({ storage }: { storage: Service["storage"] }) {
  if (!storage) return null;
  const share = 1 - storage.free_bytes / storage.total_bytes;
  return (
    <Card title="Storage" aside={`${bytes(storage.free_bytes)} free`}>
      <div className={styles.storage}>
        <Progress value={share} label="Used share of the disk" />
        <span className="muted small">
          {percent(share, 0)} of {bytes(storage.total_bytes)} is used
          {storage.used_bytes != null && <>; Graft uses {bytes(storage.used_bytes)}</>}.
        </span>
      </div>
    </Card>
  );
}

function Settings({ settings }: { settings: Service["settings"] }) {
  const [params, setParams] = useSearchParams();
  const text = params.get("setting") ?? "";
  const areAllShown = params.has("all") || text !== "";
  const found = settings.filter(({ name, value, default: usual, description }) =>
    areAllShown
      ? `${name} ${description}`.toLowerCase().includes(text.toLowerCase())
      : value !== usual,
  );
  return (
    <Card
      title="Settings in force"
      aside={
        areAllShown
          ? `${count(found.length)} of ${count(settings.length)}`
          : `${count(found.length)} differ from their defaults`
      }
    >
      <div className={styles.find}>
        <TextField
          label="Find a setting"
          type="search"
          value={text}
          onChange={({ target }) =>
            setParams(target.value ? { setting: target.value } : {}, { replace: true })
          }
        />
        {!areAllShown && (
          <Button onClick={() => setParams({ all: "" }, { replace: true })}>
            Show all {count(settings.length)}
          </Button>
        )}
      </div>
      <dl className={styles.settings}>
        {found.map(({ name, value, default: usual, description }) => (
          <div key={name}>
            <dt>
              <code>{name}</code>
              {value !== usual && <Chip tone="accent">changed</Chip>}
            </dt>
            <dd>
              <code className={styles.value}>
                {value === null || value === "" ? "(empty)" : String(value)}
              </code>
              <span className="muted small">{description}</span>
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
