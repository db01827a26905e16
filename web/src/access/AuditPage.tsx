import { Download } from "lucide-react";
import { Link, useSearchParams } from "wouter";
import { dateTime } from "@/format";
import buttons from "@/ui/Button.module.css";
import { Card } from "@/ui/Card";
import { TextField } from "@/ui/Field";
import { More } from "@/ui/More";
import { SearchField } from "@/ui/SearchField";
import { Empty, Loaded } from "@/ui/States";
import { Table } from "@/ui/Table";
import { Time } from "@/ui/Time";
import styles from "./Access.module.css";
import { AccessPage } from "./AccessPage";
import { type AuditFilters, readFilters, toQuery, writeFilters } from "./filters";
import { type Entry, useAuditLog } from "./queries";

const CALL = {
  curl: 'curl -H "Authorization: Bearer $GRAFT_API_KEY" "$GRAFT_URL/audit?action=model.alias_moved"',
  python: "from graft_client import Graft\n\nfor entry in Graft().audit_log():\n    print(entry)",
  cli: "graft audit\ngraft audit --since 2026-11-01 --output audit.csv",
};

/** Who promoted, deleted or changed what. */
export default function AuditPage() {
  const [params, setParams] = useSearchParams();
  const filters = readFilters(params);
  const set = (change: Partial<AuditFilters>) =>
    setParams(writeFilters({ ...filters, ...change }), { replace: true });

  return (
    <AccessPage
      href="/access/audit"
      subtitle="Who promoted, deleted or changed what. Entries are never changed."
      call={CALL}
      action={
        <a
          className={`${buttons.button} ${buttons.default}`}
          href={`/audit?${new URLSearchParams({ ...toQuery(filters), format: "csv" })}`}
          download
        >
          <Download aria-hidden />
          Export CSV
        </a>
      }
    >
      <search className={styles.filters} aria-label="Filters">
        <SearchField label="Action" value={filters.action} onChange={(action) => set({ action })} />
        <SearchField
          label="Subject"
          value={filters.subject}
          onChange={(subject) => set({ subject })}
        />
        <SearchField
          label="Id of who did it"
          value={filters.principal}
          onChange={(principal) => set({ principal })}
        />
        <TextField
          label="From"
          type="date"
          value={filters.from}
          onChange={({ target }) => set({ from: target.value })}
        />
        <TextField
          label="To"
          type="date"
          value={filters.to}
          onChange={({ target }) => set({ to: target.value })}
        />
      </search>
      <Log filters={filters} />
    </AccessPage>
  );
}

function Log({ filters }: { filters: AuditFilters }) {
  const query = useAuditLog(filters);
  const isFiltered = Object.keys(writeFilters(filters)).length > 0;
  return (
    <>
      <Card flush>
        <Loaded query={query}>
          {({ pages }) => {
            const entries = pages.flatMap((page) => page.data);
            return entries.length === 0 ? (
              <Empty title={isFiltered ? "Nothing matches" : "Nothing has happened yet"}>
                {isFiltered
                  ? "Filters match the whole action, subject or id. Clear one to see more."
                  : "Promotions, deletions and changes of keys, members and gates appear here."}
              </Empty>
            ) : (
              <div className={styles.scroll}>
                <Entries entries={entries} filters={filters} />
              </div>
            );
          }}
        </Loaded>
      </Card>
      <More query={query} label="Show older entries" />
    </>
  );
}

function Entries({ entries, filters }: { entries: readonly Entry[]; filters: AuditFilters }) {
  const only = (change: Partial<AuditFilters>) =>
    `/access/audit?${new URLSearchParams(writeFilters({ ...filters, ...change }))}`;
  return (
    <Table
      caption="Audit log, newest first"
      rows={entries}
      rowKey={({ id }) => id}
      columns={[
        {
          key: "action",
          header: "Action",
          cell: ({ action, created_at }) => (
            <>
              <Link className="link" href={only({ action })} title="Show only this action">
                {action}
              </Link>
              <span className={styles.id} title={dateTime(created_at)}>
                <Time at={created_at} />
              </span>
            </>
          ),
        },
        {
          key: "subject",
          header: "Subject",
          align: "left",
          cell: ({ subject }) => (
            <Link className="link" href={only({ subject })} title="Show only this subject">
              <span className={styles.breaks}>{subject}</span>
            </Link>
          ),
        },
        {
          key: "who",
          header: "Who",
          align: "left",
          cell: ({ principal_id: principal, principal_name, principal_kind }) => (
            <>
              <Link className="link" href={only({ principal })} title={`Show only ${principal}`}>
                {principal_name}
              </Link>
              <span className={styles.id}>{principal_kind.replace("_", "-")}</span>
            </>
          ),
        },
        {
          key: "details",
          header: "Details",
          align: "left",
          cell: ({ details }) => {
            const text = describeDetails(details);
            return (
              <span className={styles.details} title={text}>
                {text}
              </span>
            );
          },
          wide: true,
        },
        {
          key: "from",
          header: "From",
          cell: ({ address }) => address ?? "–",
          wide: true,
        },
      ]}
    />
  );
}

function describeDetails(details: Entry["details"]): string {
  return Object.entries(details)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}
