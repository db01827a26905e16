import { Link, useSearchParams } from "wouter";
import { useDenial } from "@/access/permissions";
import { count, percent } from "@/format";
import { Button, LinkButton } from "@/ui/Button";
import { Call } from "@/ui/Call";
import { Card } from "@/ui/Card";
import { Chip } from "@/ui/Chip";
import { TextField } from "@/ui/Field";
import { Page } from "@/ui/Page";
import { Empty, Failure, Skeleton } from "@/ui/States";
import { Table } from "@/ui/Table";
import { Time } from "@/ui/Time";
import styles from "./Models.module.css";
import { useModels, useServing } from "./queries";

const CALL = {
  curl: "curl $GRAFT_URL/models",
  python: "from graft_client import Graft\n\nfor model in Graft().models.list():\n    print(model)",
  cli: "graft models",
};

/** The models with their newest and their champion version. */
export default function ModelsPage() {
  const [params, setParams] = useSearchParams();
  const q = params.get("q") ?? "";
  const denied = useDenial("jobs:write");
  const query = useModels(q);
  const serving = useServing().data;
  const models = query.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Page
      title="Models"
      documentTitle="Models"
      subtitle="Every job that succeeds registers the next version of its model."
      actions={
        <>
          <Call call={CALL} />
          <LinkButton look="primary" href="/jobs/new" denied={denied}>
            Train a model
          </LinkButton>
        </>
      }
    >
      <div className={styles.filter}>
        <TextField
          label="Find a model"
          type="search"
          value={q}
          onChange={({ target }) =>
            setParams(target.value ? { q: target.value } : {}, { replace: true })
          }
        />
      </div>
      <Card flush>
        {query.isError ? (
          <Failure error={query.error} onRetry={() => void query.refetch()} />
        ) : query.isPending ? (
          <Skeleton lines={6} />
        ) : models.length === 0 ? (
          <Empty
            title={q ? `No model has “${q}” in its name` : "There is no model yet"}
            action={
              !q && (
                <LinkButton href="/jobs/new" denied={denied}>
                  Train a model
                </LinkButton>
              )
            }
          >
            A model is a name with numbered versions. The one you choose answers predictions.
          </Empty>
        ) : (
          <Table
            caption="Models"
            columns={[
              {
                key: "name",
                header: "Model",
                cell: ({ name }) => (
                  <span className={styles.name}>
                    <Link href={`/models/${name}`} className="link">
                      {name}
                    </Link>
                    {serving?.resolved.name === name && (
                      <Chip tone="accent" dot>
                        serving
                      </Chip>
                    )}
                  </span>
                ),
              },
              { key: "newest", header: "Newest", cell: ({ newest }) => count(newest?.version) },
              { key: "champion", header: "Champion", cell: ({ champion }) => count(champion) },
              {
                key: "accuracy",
                header: "Accuracy",
                cell: ({ newest }) => percent(newest?.val_accuracy),
              },
              {
                key: "balanced",
                header: "Balanced",
                cell: ({ newest }) => percent(newest?.val_balanced_accuracy),
                wide: true,
              },
              {
                key: "architecture",
                header: "Architecture",
                cell: ({ newest }) => newest?.architecture ?? "–",
                wide: true,
              },
              {
                key: "classes",
                header: "Classes",
                cell: ({ newest }) => count(newest?.num_classes),
                wide: true,
              },
              {
                key: "trained",
                header: "Trained",
                cell: ({ newest }) => newest && <Time at={newest.created_at} />,
                wide: true,
              },
            ]}
            rows={models}
            rowKey={({ name }) => name}
          />
        )}
      </Card>
      {query.hasNextPage && (
        <div>
          <Button isBusy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            Show more
          </Button>
        </div>
      )}
    </Page>
  );
}
