import { useSearchParams } from "wouter";
import { count } from "@/format";
import { Button } from "@/ui/Button";
import { Pills } from "@/ui/Pills";
import { SearchField } from "@/ui/SearchField";
import { datasetPath } from "../links";
import type { Dataset } from "../queries";
import { countFindings, numImages, splitsOf } from "../summary";
import { FINDINGS, type ImageFilters, isFiltered, withParams } from "./filters";
import { FINDING_WORDS } from "./findings";
import styles from "./ImageFiltersBar.module.css";

const NONE = { split: null, class: null, finding: null, q: null, image: null };

/** The filters of the image grid: split, finding, class and a part of the path. */
export function ImageFiltersBar({ dataset, filters }: { dataset: Dataset; filters: ImageFilters }) {
  const [params, setParams] = useSearchParams();
  const href = (changes: Record<string, string | null>) =>
    datasetPath(dataset.id) + withParams(params, { image: null, ...changes });
  const counts = countFindings(dataset);
  const findings = FINDINGS.filter(
    (finding) => counts[FINDING_WORDS[finding].kind] > 0 || filters.finding === finding,
  );

  return (
    <div className={styles.bar}>
      <Pills
        label="Split"
        current={filters.split ?? "all"}
        pills={[
          {
            id: "all",
            label: "All",
            count: count(numImages(dataset)),
            href: href({ split: null }),
          },
          ...splitsOf(dataset).map((split) => ({
            id: split,
            label: split,
            count: count(dataset.splits[split]?.num_images),
            href: href({ split }),
          })),
        ]}
      />
      {findings.length > 0 && (
        <Pills
          label="Finding"
          current={filters.finding ?? ""}
          pills={findings.map((finding) => ({
            id: finding,
            label: FINDING_WORDS[finding].filter,
            href: href({ finding: filters.finding === finding ? null : finding }),
          }))}
        />
      )}
      <div className={styles.fields}>
        <select
          className={styles.select}
          aria-label="Class"
          value={filters.className ?? ""}
          onChange={(event) =>
            setParams(withParams(params, { class: event.target.value, image: null }))
          }
        >
          <option value="">All classes</option>
          {dataset.class_names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
        <SearchField
          label="Part of a path"
          value={filters.q}
          onChange={(q) => setParams(withParams(params, { q, image: null }), { replace: true })}
        />
        {isFiltered(filters) && (
          <Button look="quiet" onClick={() => setParams(withParams(params, NONE))}>
            Clear
          </Button>
        )}
      </div>
    </div>
  );
}
