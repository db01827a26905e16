import type { Schemas } from "@/api/client";
import { bytes, count } from "@/format";
import { Card } from "@/ui/Card";
import { Progress } from "@/ui/Progress";
import { Loaded } from "@/ui/States";
import styles from "./Access.module.css";
import { AccessPage } from "./AccessPage";
import { useTenant } from "./queries";

const CALL = {
  curl: 'curl -H "Authorization: Bearer $GRAFT_API_KEY" $GRAFT_URL/tenants/me',
  python: "from graft_client import Graft\n\nGraft().quota()",
  cli: "graft quota",
};

interface Quota {
  label: string;
  used: number | null;
  limit: number | null;
  format: (value: number) => string;
  note: string;
}

/** What the tenant uses, and what it may use. */
export default function UsePage() {
  const query = useTenant();
  return (
    <AccessPage
      href="/access/use"
      subtitle="What your tenant uses, and what it may use."
      call={CALL}
    >
      <Loaded query={query}>
        {(tenant) => (
          <Card title={`Tenant ${tenant.name}`} aside="the operator sets the limits">
            <dl className={styles.list}>
              {quotasOf(tenant).map((quota) => (
                <QuotaRow key={quota.label} quota={quota} />
              ))}
            </dl>
          </Card>
        )}
      </Loaded>
    </AccessPage>
  );
}

function QuotaRow({ quota: { label, used, limit, format, note } }: { quota: Quota }) {
  return (
    <div className={styles.quota}>
      <dt>
        <span>{label}</span>
        <span>
          {used !== null && format(used)}
          {limit !== null && used !== null && " of "}
          {limit !== null && format(limit)}
          {limit === null && <span className="muted">{used !== null && ", "}no limit</span>}
        </span>
      </dt>
      <dd>
        {limit !== null && used !== null && <Progress value={used / limit} label={label} />}
        <span className="muted small">{note}</span>
      </dd>
    </div>
  );
}

function quotasOf({ use, limits }: Schemas["TenantView"]): Quota[] {
  return [
    {
      label: "Storage",
      used: use.num_bytes,
      limit: limits.max_bytes,
      format: bytes,
      note: "Uploaded datasets and model versions. Delete some to make room.",
    },
    {
      label: "Queued and running jobs",
      used: use.num_unfinished_jobs,
      limit: limits.max_unfinished_jobs,
      format: count,
      note: "Jobs above a limit are refused.",
    },
    {
      label: "Running jobs",
      used: use.num_running_jobs,
      limit: limits.max_running_jobs,
      format: count,
      note: "Jobs above a limit stay queued.",
    },
    {
      label: "Requests per second",
      used: null,
      limit: limits.requests_per_second,
      format: count,
      note: "Over all programs and people of the tenant.",
    },
  ];
}
