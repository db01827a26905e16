import { Card } from "@/ui/Card";
import { Empty } from "@/ui/States";
import { Table } from "@/ui/Table";
import type { Job } from "../queries";
import { labelOf } from "../recipe";

/** What it takes to reproduce a run: versions, device, digests and seed. */
export default function EnvironmentTab({ job }: { job: Job }) {
  if (!job.environment) {
    return (
      <Card>
        <Empty title="Not started yet">
          The versions, the device and the digests are recorded when a worker starts the job.
        </Empty>
      </Card>
    );
  }
  const rows = flattenEnvironment(job.environment);
  return (
    <Card title="Environment" aside="With the recipe, this reproduces the run." flush>
      <Table
        caption="Environment of the run"
        columns={[
          { key: "name", header: "Fact", cell: ([name]) => labelOf(name) },
          {
            key: "value",
            header: "Value",
            cell: ([, value]) => <code style={{ overflowWrap: "anywhere" }}>{value}</code>,
            align: "left",
          },
        ]}
        rows={rows}
        rowKey={([name]) => name}
      />
    </Card>
  );
}

/** Return names and values, with those of inner objects below their name. */
export function flattenEnvironment(
  environment: Record<string, unknown>,
  prefix = "",
): [string, string][] {
  return Object.entries(environment).flatMap(([name, value]): [string, string][] => {
    const path = prefix ? `${prefix}.${name}` : name;
    if (value && typeof value === "object" && !Array.isArray(value)) {
      return flattenEnvironment(value as Record<string, unknown>, path);
    }
    return [[path, value == null ? "none" : String(value)]];
  });
}
