import { Link } from "wouter";
import type { Schemas } from "@/api/client";
import { Card } from "@/ui/Card";
import { Chip } from "@/ui/Chip";
import { Empty } from "@/ui/States";
import { Table } from "@/ui/Table";
import { Time } from "@/ui/Time";

type Worker = Schemas["WorkerView"];
type Work = Worker["working_on"][number];

const PAGES: readonly [prefix: string, path: string][] = [
  ["ds_", "/datasets/"],
  ["job_", "/jobs/"],
];

/** The worker processes, what each serves and what it is doing. */
export function Workers({ workers }: { workers: readonly Worker[] }) {
  return (
    <Card title="Workers" flush>
      {workers.length === 0 ? (
        <Empty title="No worker runs">
          Uploads and jobs wait until one does. `graft up` runs one; on another machine use `graft
          worker`.
        </Empty>
      ) : (
        <Table
          caption="Worker processes"
          columns={[
            {
              key: "host",
              header: "Worker",
              cell: (worker) => (
                <>
                  {worker.host} <span className="muted">{worker.pid}</span>
                </>
              ),
            },
            {
              key: "queues",
              header: "Queues",
              cell: ({ queues }) => queues.join(", "),
              wide: true,
            },
            { key: "device", header: "Device", cell: ({ device }) => device ?? "–" },
            {
              key: "work",
              header: "Working on",
              cell: ({ working_on }) => <WorkList work={working_on} />,
            },
            {
              key: "state",
              header: "Last seen",
              cell: (worker) => (
                <Chip tone={worker.is_alive ? "accent" : "bad"} dot>
                  {worker.is_alive ? "alive" : <Time at={worker.last_seen_at} />}
                </Chip>
              ),
            },
          ]}
          rows={workers}
          rowKey={(worker) => worker.id}
        />
      )}
    </Card>
  );
}

function WorkList({ work }: { work: readonly Work[] }) {
  if (work.length === 0) return <span className="muted">nothing</span>;
  return (
    <>
      {work.map(({ kind, subject_id }) => {
        const page = PAGES.find(([prefix]) => subject_id.startsWith(prefix));
        const text = kind.replaceAll("_", " ");
        return (
          <div key={subject_id}>
            {page ? (
              <Link href={`${page[1]}${subject_id}`} className="link">
                {text}
              </Link>
            ) : (
              text
            )}
          </div>
        );
      })}
    </>
  );
}
