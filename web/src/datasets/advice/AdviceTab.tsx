import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "wouter";
import { adviceQuery } from "@/api/advice";
import { SelectField } from "@/ui/Field";
import { Stack } from "@/ui/Page";
import { Progress } from "@/ui/Progress";
import { Failure, Loaded, Skeleton } from "@/ui/States";
import { withParams } from "../images/filters";
import { type Dataset, useArchitectures } from "../queries";
import { AdviceResult } from "./AdviceResult";
import styles from "./AdviceTab.module.css";
import { chooseArchitecture, hasWeights } from "./architectures";

/** Advice on how to train on a dataset, for an architecture that the URL names. */
export function AdviceTab({ dataset }: { dataset: Dataset }) {
  const [params, setParams] = useSearchParams();
  const query = useArchitectures();
  return (
    <Loaded query={query}>
      {(architectures) => {
        const architecture = params.get("architecture") ?? chooseArchitecture(architectures);
        return (
          <Stack>
            <div className={styles.choice}>
              <SelectField
                label="Architecture"
                value={architecture}
                hint="“Choose for me” tries several and takes longer."
                onChange={(event) =>
                  setParams(withParams(params, { architecture: event.target.value }))
                }
              >
                <option value="auto">Choose for me</option>
                {architectures.map((one) => (
                  <option key={one.name} value={one.name} disabled={!hasWeights(one)}>
                    {one.name}
                    {hasWeights(one) ? "" : " (weights not on this machine)"}
                  </option>
                ))}
              </SelectField>
            </div>
            <AdviceFor dataset={dataset} architecture={architecture} />
          </Stack>
        );
      }}
    </Loaded>
  );
}

function AdviceFor({ dataset, architecture }: { dataset: Dataset; architecture: string }) {
  const query = useQuery(adviceQuery(dataset.id, architecture));
  if (query.isError) {
    return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  }
  if (query.isPending) return <Skeleton lines={5} label="Asking for advice" />;
  if (query.data === null) return <Measuring architecture={architecture} />;
  return <AdviceResult dataset={dataset} advice={query.data} />;
}

/** What a worker does while the advice is not there yet. */
function Measuring({ architecture }: { architecture: string }) {
  return (
    <div className={styles.measuring} role="status">
      <p>
        <strong>A worker measures your images.</strong>
      </p>
      <Progress value={null} label="Measurement for the advice" />
      <p className="small muted">
        It passes a sample of the training images through{" "}
        {architecture === "auto" ? "several networks" : architecture}, tries how well a simple
        classifier tells the classes apart by the last and by earlier layers, and measures how long
        a training step takes. That takes from some seconds to a few minutes; the answer is kept, so
        you may leave this page.
      </p>
    </div>
  );
}
