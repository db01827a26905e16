import { Download } from "lucide-react";
import { useState } from "react";
import { useDenial } from "@/access/permissions";
import type { Schemas } from "@/api/client";
import { asServiceError } from "@/api/problem";
import { count, decimal, percent } from "@/format";
import { Button } from "@/ui/Button";
import { Callout, Card } from "@/ui/Card";
import { SelectField } from "@/ui/Field";
import { Columns, Stack } from "@/ui/Page";
import { showToast } from "@/ui/toasts";
import { type ExportFormat, prepareExport, quantize } from "./actions";
import { DatasetChoice } from "./EvaluateTab";
import styles from "./Models.module.css";
import type { Model } from "./queries";

const FORMATS: Record<ExportFormat, { label: string; text: string }> = {
  onnx: { label: "ONNX", text: "Runs with ONNX Runtime on servers, phones and in browsers." },
  safetensors: { label: "safetensors", text: "Weights for torchvision, to go on with in PyTorch." },
  torch_export: { label: "torch.export", text: "A graph for PyTorch without this service's code." },
  openvino: { label: "OpenVINO", text: "Runs fast on Intel processors." },
};

/** Archives that run without the service, and int8 versions. */
export function ExportTab({ model }: { model: Model }) {
  const [version, setVersion] = useState(String(model.versions[0]?.version ?? ""));
  const choice = (
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
  );
  return (
    <Columns>
      <Card title="Export" aside="checked against the model before the download">
        <ExportForm name={model.name} version={Number(version)} choice={choice} />
      </Card>
      <Stack>
        <Card title="Quantize to int8" aside="faster on processors">
          <QuantizeForm name={model.name} version={Number(version)} />
        </Card>
      </Stack>
    </Columns>
  );
}

function ExportForm({
  name,
  version,
  choice,
}: {
  name: string;
  version: number;
  choice: React.ReactNode;
}) {
  const [busy, setBusy] = useState<ExportFormat | null>(null);
  const [error, setError] = useState<string>();

  async function download(format: ExportFormat): Promise<void> {
    setBusy(format);
    setError(undefined);
    try {
      const link = document.createElement("a");
      link.href = await prepareExport(name, version, format);
      link.download = `${name}-${version}-${format}.zip`;
      link.click();
    } catch (thrown) {
      setError(asServiceError(thrown).message);
    } finally {
      setBusy(null);
    }
  }

  return (
    <div className={styles.stack}>
      <div className={styles.form}>{choice}</div>
      {(Object.keys(FORMATS) as ExportFormat[]).map((format) => (
        <div key={format} className={styles.row}>
          <div>
            <strong>{FORMATS[format].label}</strong>
            <p className="muted small">{FORMATS[format].text}</p>
          </div>
          <Button
            icon={<Download aria-hidden />}
            aria-label={`Download as ${FORMATS[format].label}`}
            isBusy={busy !== null}
            onClick={() => void download(format)}
          >
            {busy === format ? "A worker is building it" : "Download"}
          </Button>
        </div>
      ))}
      {error && <Callout tone="bad">{error}</Callout>}
    </div>
  );
}

function QuantizeForm({ name, version }: { name: string; version: number }) {
  const denied = useDenial("models:write");
  const [dataset, setDataset] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [result, setResult] = useState<Schemas["Quantization"]>();
  const [error, setError] = useState<string>();

  async function submit(): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      const made = await quantize(name, version, dataset);
      setResult(made);
      showToast(`${name}:${made.version} is the int8 version.`);
    } catch (thrown) {
      setError(asServiceError(thrown).message);
    } finally {
      setBusy(false);
    }
  }

  return (
    <div className={styles.stack}>
      <p className="muted">
        The int8 version is a new version. It is measured on the dataset's images, and can become
        champion only through the gate.
      </p>
      <DatasetChoice value={dataset} onChange={setDataset} />
      <Button
        look="primary"
        denied={denied}
        disabled={!dataset && !denied}
        isBusy={isBusy}
        onClick={() => void submit()}
      >
        {isBusy ? "A worker is quantizing it" : "Quantize"}
      </Button>
      {result && (
        <Callout title={`Version ${result.version}.`}>
          Accuracy {percent(result.int8_accuracy)} instead of {percent(result.float_accuracy)} on{" "}
          {count(result.num_images)} images; {count(result.num_changed)} labels changed; the largest
          difference of a probability is {decimal(result.max_probability_difference)}.
        </Callout>
      )}
      {error && <Callout tone="bad">{error}</Callout>}
    </div>
  );
}
