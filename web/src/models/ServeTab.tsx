import { useState } from "react";
import { showError, useDenial } from "@/access/permissions";
import { asServiceError } from "@/api/problem";
import { count, percent, percentInterval } from "@/format";
import { Button } from "@/ui/Button";
import { Callout, Card } from "@/ui/Card";
import { SelectField, TextField } from "@/ui/Field";
import { Progress } from "@/ui/Progress";
import { Loaded } from "@/ui/States";
import { showToast } from "@/ui/toasts";
import { choose, deleteGate, setGate } from "./actions";
import { DatasetChoice } from "./EvaluateTab";
import styles from "./Models.module.css";
import { type Gate, type Model, useDatasets, useGate, useServing } from "./queries";

/** The gate that protects the champion, and the shadow that is compared with it. */
export function ServeTab({ model }: { model: Model }) {
  const gate = useGate(model.name);
  return (
    <>
      <Loaded query={gate}>
        {(found) =>
          found ? <GateCard name={model.name} gate={found} /> : <GateForm name={model.name} />
        }
      </Loaded>
      <ShadowCard model={model} />
    </>
  );
}

function GateCard({ name, gate }: { name: string; gate: Gate }) {
  const denied = useDenial("models:write");
  const dataset = useDatasets().data?.data.find(({ id }) => id === gate.dataset_id);
  return (
    <Card
      title="Gate"
      aside={
        <Button
          look="danger"
          denied={denied}
          onClick={() =>
            void deleteGate(name).then(
              () =>
                showToast("The gate is deleted; any version can become champion.", {
                  action: { label: "Undo", run: () => void setGate(name, settingsOf(gate)) },
                }),
              showError,
            )
          }
        >
          Delete the gate
        </Button>
      }
    >
      <p className="muted">
        A new champion must be {gate.require === "better" ? "better" : "not worse"} than the current
        one on split {gate.split} of {dataset?.name ?? gate.dataset_id} (significance{" "}
        {gate.significance}), and no class may lose more than {percent(gate.max_class_drop)} of its
        recall.
      </p>
    </Card>
  );
}

function settingsOf(gate: Gate) {
  const { max_class_drop, significance, require, dataset_id, split } = gate;
  return { max_class_drop, significance, require, dataset_id, split };
}

function GateForm({ name }: { name: string }) {
  const denied = useDenial("models:write");
  const [dataset, setDataset] = useState("");
  const [drop, setDrop] = useState("5");
  const [require, setRequire] = useState<"not_worse" | "better">("not_worse");
  const [error, setError] = useState<string>();

  async function submit(): Promise<void> {
    setError(undefined);
    try {
      await setGate(name, {
        dataset_id: dataset,
        split: null,
        max_class_drop: Number(drop) / 100,
        significance: 0.05,
        require,
      });
      showToast("The gate is set.");
    } catch (thrown) {
      setError(asServiceError(thrown).message);
    }
  }

  return (
    <Card title="Gate" aside="none is set: any version can become champion">
      <div className={styles.stack}>
        <p className="muted">
          A gate compares a new champion with the current one on the same images, and refuses it
          where it is worse or where a class loses.
        </p>
        <div className={styles.form}>
          <DatasetChoice value={dataset} onChange={setDataset} />
          <SelectField
            label="The new champion must be"
            value={require}
            onChange={({ target }) => setRequire(target.value as "not_worse" | "better")}
          >
            <option value="not_worse">not worse</option>
            <option value="better">better</option>
          </SelectField>
          <TextField
            label="Largest loss of a class's recall"
            hint="percent, 0 to 100"
            type="number"
            min={0}
            max={100}
            value={drop}
            onChange={({ target }) => setDrop(target.value)}
          />
          <Button look="primary" denied={denied} disabled={!dataset} onClick={() => void submit()}>
            Set the gate
          </Button>
        </div>
        {error && <Callout tone="bad">{error}</Callout>}
      </div>
    </Card>
  );
}

function ShadowCard({ model }: { model: Model }) {
  const serving = useServing().data;
  const denied = useDenial("models:write");
  const [version, setVersion] = useState(String(model.versions[0]?.version ?? ""));
  const [share, setShare] = useState("10");
  const [error, setError] = useState<string>();
  if (!serving) return null;
  const { shadow } = serving;
  const reference = serving.model;

  async function set(next: { model: string; fraction: number } | null): Promise<void> {
    setError(undefined);
    try {
      await choose(reference, next);
    } catch (thrown) {
      setError(asServiceError(thrown).message);
    }
  }

  return (
    <Card
      title="Shadow"
      aside={`${serving.resolved.name}:${serving.resolved.version} serves predictions`}
    >
      <div className={styles.stack}>
        {shadow ? (
          <>
            <p>
              <strong>
                {shadow.resolved.name}:{shadow.resolved.version}
              </strong>{" "}
              also classifies {percent(shadow.fraction, 0)} of the images.{" "}
              <span className="muted">
                It agrees on {percent(shadow.tally.agreement)} of {count(shadow.tally.num_images)}{" "}
                images (interval {percentInterval(shadow.tally.agreement_interval)}). Busy periods
                skipped {count(shadow.tally.num_dropped)}.
              </span>
            </p>
            <Progress value={shadow.tally.agreement ?? 0} label="Agreement" />
            <div className={styles.buttons}>
              <Button look="danger" denied={denied} onClick={() => void set(null)}>
                Remove the shadow
              </Button>
            </div>
          </>
        ) : (
          <>
            <p className="muted">
              A shadow classifies a share of the same images. Its answers are only compared, so that
              you see how a new version behaves on real requests before it serves them.
            </p>
            <div className={styles.form}>
              <SelectField
                label="Version"
                value={version}
                onChange={({ target }) => setVersion(target.value)}
              >
                {model.versions.map((one) => (
                  <option key={one.version} value={one.version}>
                    {one.version}
                  </option>
                ))}
              </SelectField>
              <TextField
                label="Share of the images"
                hint="percent, 0 to 100"
                type="number"
                min={0}
                max={100}
                value={share}
                onChange={({ target }) => setShare(target.value)}
              />
              <Button
                look="primary"
                denied={denied}
                onClick={() =>
                  void set({ model: `${model.name}:${version}`, fraction: Number(share) / 100 })
                }
              >
                Set the shadow
              </Button>
            </div>
          </>
        )}
        {error && <Callout tone="bad">{error}</Callout>}
      </div>
    </Card>
  );
}
