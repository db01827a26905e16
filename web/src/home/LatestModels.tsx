import { Link } from "wouter";
import type { Schemas } from "@/api/client";
import { percent } from "@/format";
import { Card } from "@/ui/Card";
import { Chip } from "@/ui/Chip";
import { Loaded } from "@/ui/States";
import { type Column, Table } from "@/ui/Table";
import { Time } from "@/ui/Time";
import styles from "./LatestModels.module.css";
import { useLatestModels } from "./queries";

type Serving = Schemas["Overview"]["serving"];
type Page = NonNullable<ReturnType<typeof useLatestModels>["data"]>;
type Job = Page["data"][number];

/** The models that were trained last. */
export function LatestModels({ serving }: { serving: Serving }) {
  const query = useLatestModels();
  return (
    <Card
      flush
      title="Latest models"
      aside={
        <Link className="link" href="/models">
          All models
        </Link>
      }
    >
      <Loaded query={query}>
        {({ data }) => {
          const rows = data.filter(({ model }) => model !== null);
          if (rows.length === 0) {
            return <p className={styles.none}>A model is registered when its job has succeeded.</p>;
          }
          return (
            <Table
              caption="Latest models"
              columns={listColumns(serving)}
              rows={rows}
              rowKey={({ id }) => id}
            />
          );
        }}
      </Loaded>
    </Card>
  );
}

function listColumns(serving: Serving): Column<Job>[] {
  return [
    {
      key: "model",
      header: "Model",
      cell: ({ model }) =>
        model && (
          <Link href={`/models/${model.name}`} className={styles.name} title={model.name}>
            {model.name}:{model.version}
          </Link>
        ),
    },
    {
      key: "architecture",
      header: "Architecture",
      wide: true,
      cell: ({ config }) => config.architecture,
    },
    {
      key: "accuracy",
      header: "Accuracy",
      cell: ({ best }) => percent(best?.val_accuracy),
    },
    {
      key: "service",
      header: "In service",
      cell: ({ model }) =>
        model?.name === serving?.resolved.name && model?.version === serving?.resolved.version ? (
          <Chip tone="accent" dot>
            answers
          </Chip>
        ) : (
          "–"
        ),
    },
    {
      key: "trained",
      header: "Trained",
      wide: true,
      cell: ({ finished_at, created_at }) => <Time at={finished_at ?? created_at} />,
    },
  ];
}
