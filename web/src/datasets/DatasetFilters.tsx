import { useSearchParams } from "wouter";
import { Pills } from "@/ui/Pills";
import { SearchField } from "@/ui/SearchField";
import styles from "./DatasetFilters.module.css";
import { withParams } from "./images/filters";
import type { DatasetStatus } from "./queries";

const STATUSES: readonly [DatasetStatus, string][] = [
  ["ready", "Ready"],
  ["ingesting", "Ingesting"],
  ["invalid", "Invalid"],
];

/** Read a status from the URL; one that does not exist counts as absent. */
export function readStatus(text: string | null): DatasetStatus | null {
  return STATUSES.find(([status]) => status === text)?.[0] ?? null;
}

/** The filters of the list of datasets. */
export function DatasetFilters({
  filters,
}: {
  filters: { q: string; status: DatasetStatus | null };
}) {
  const [params, setParams] = useSearchParams();
  return (
    <div className={styles.filters}>
      <Pills
        label="Status"
        current={filters.status ?? ""}
        pills={[["", "All"] as const, ...STATUSES].map(([id, label]) => ({
          id,
          label,
          href: `/datasets${withParams(params, { status: id })}`,
        }))}
      />
      <div className={styles.search}>
        <SearchField
          label="Part of a name"
          value={filters.q}
          onChange={(q) => setParams(withParams(params, { q }), { replace: true })}
        />
      </div>
    </div>
  );
}
