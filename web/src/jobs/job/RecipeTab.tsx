import { useQuery } from "@tanstack/react-query";
import { LinkButton } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { Checkbox } from "@/ui/Field";
import { Loaded } from "@/ui/States";
import { type Column, Table } from "@/ui/Table";
import { validate } from "../new/queries";
import type { Job } from "../queries";
import { diff, flatten, labelOf, presetRequest, type Recipe, show } from "../recipe";
import { useUrl } from "../url";
import { configOf } from "../words";

interface Row {
  path: string;
  value: string;
  preset: string;
  isChanged: boolean;
}

/** The resolved configuration of a job, beside the preset that filled it. */
export default function RecipeTab({ job }: { job: Job }) {
  const { params, set } = useUrl();
  const config = configOf(job);
  const preset = useQuery({
    queryKey: ["preset-of-job", job.id, config],
    queryFn: () => validate(presetRequest(config)),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const isAll = params.get("fields") === "all";
  return (
    <Loaded query={preset} lines={8}>
      {({ config: presetConfig }) => {
        const known = presetConfig ? flatten(presetConfig) : null;
        const rows = listRows(flatten(config), known).filter(
          (row) => isAll || known === null || row.isChanged,
        );
        return (
          <Card
            title={`Recipe, preset ${config.preset}`}
            aside={
              <>
                {known && (
                  <Checkbox
                    checked={isAll}
                    onChange={(event) => set({ fields: event.target.checked ? "all" : null })}
                  >
                    Show all settings
                  </Checkbox>
                )}
                <LinkButton href={`/jobs/new?clone=${job.id}`}>Clone and change</LinkButton>
              </>
            }
            flush
          >
            {known === null && (
              <p className="muted small">
                The dataset or the weights of this job are gone, so there is no preset to compare
                with.
              </p>
            )}
            {rows.length === 0 ? (
              <Unchanged preset={config.preset} />
            ) : (
              <Table
                caption="The settings of the job"
                columns={known ? COLUMNS : COLUMNS.slice(0, 2)}
                rows={rows}
                rowKey={(row) => row.path}
                isMarked={(row) => isAll && row.isChanged}
              />
            )}
          </Card>
        );
      }}
    </Loaded>
  );
}

function Unchanged({ preset }: { preset: string }) {
  return (
    <p className="muted" style={{ padding: "var(--space-4)" }}>
      Every setting has the value of the preset {preset}.
    </p>
  );
}

const COLUMNS: Column<Row>[] = [
  { key: "name", header: "Setting", cell: (row) => labelOf(row.path) },
  { key: "value", header: "This job", cell: (row) => row.value, align: "left" },
  {
    key: "preset",
    header: "Preset",
    cell: (row) => <span className="muted">{row.preset}</span>,
    align: "left",
  },
];

function listRows(recipe: Recipe, preset: Recipe | null): Row[] {
  const changed = new Set(diff(recipe, preset ?? {}).map(({ path }) => path));
  const paths = [...new Set([...Object.keys(recipe), ...Object.keys(preset ?? {})])];
  return paths.map((path) => ({
    path,
    value: show(recipe[path]),
    preset: show(preset?.[path]),
    isChanged: changed.has(path),
  }));
}
