import { useSearchParams } from "wouter";
import { Pills } from "@/ui/Pills";
import { SearchField } from "@/ui/SearchField";
import styles from "./DatasetFilters.module.css";
import { withParams } from "./images/filters";

const STATUSES = [
  ["", "All"],
  ["ready", "Ready"],
  ["ingesting", "Ingesting"],
  ["invalid", "Invalid"],
] as const;

/** The filters of the list of datasets. */
export function DatasetFilters({ filters }: { filters: { q: string; status: string } }) {
  const [params, setParams] = useSearchParams();
  return (
    <div className={styles.filters}>
      <Pills
        label="Status"
        current={filters.status}
        pills={STATUSES.map(([id, label]) => ({
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
